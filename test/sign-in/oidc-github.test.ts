/** GitHub, which speaks OAuth 2.0 and no OpenID Connect: who it is stands in its API. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { Browser, type Page } from '../../src/demo/browser.ts';
import { type GitHubPerson, startGitHub } from '../doubles/github.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, holdings, lastEvent, membershipsOf, organization, person } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const github = await startGitHub();
database.onEnd(() => github.close());
const PATHS = ['/user', '/user/emails', '/user/orgs', '/user/teams'];
afterEach(() => {
  for (const path of PATHS) github.answer(path, undefined);
});

const acme = await organization(server, 'acme');
await server
  .api('put', '/organizations/acme/mapping-rules/platform')
  .send({ group: 'acme/platform', scope: 'organization', role: 'developer' })
  .expect(200);
const common = {
  ...{ kind: 'oidc', preset: 'github', issuer: github.url },
  ...{ clientId: github.client.id, clientSecret: github.client.secret },
};
const plain = await connection(server, acme, 'github', common);
const SCOPES = ['read:user', 'user:email', 'read:org'];
const teams = await connection(server, acme, 'teams', { ...common, scopes: SCOPES });

function somebody(id: number, login: string, more: Partial<GitHubPerson> = {}): GitHubPerson {
  const emails = [
    { email: `${login}@private.test`, primary: false, verified: true },
    { email: `${login}@acme.test`, primary: true, verified: true },
  ];
  return { id, login, name: null, emails, organizations: {}, ...more };
}

function signIn(who: GitHubPerson | undefined, at = plain): Promise<Page> {
  github.signedIn(who);
  return new Browser('application/json').get(at.relyingParty.loginUrl, /\/me$/);
}

async function refuses(check: string, who: GitHubPerson | undefined, status = 403, at = plain): Promise<void> {
  const before = await holdings(server, acme);
  const page = await signIn(who, at);
  assert.equal(page.status, status, page.text);
  const event = await lastEvent(server, acme, 'sign_in.refused');
  assert.deepEqual([event?.outcome, event?.reason], [status === 403 ? 'denied' : 'failure', check]);
  assert.deepEqual(await holdings(server, acme), before);
}

const rolesOf = async (email: string) =>
  (await membershipsOf(server, acme, email)).map(({ role, source }) => `${role} by ${source}`).sort();

describe('signing in by GitHub', () => {
  it('given a verified primary address of ours, then they are let in; the public address of the profile counts for nothing', async () => {
    const page = await signIn(somebody(1, 'mona'));
    assert.equal(page.status, 303, page.text);
    assert.deepEqual(await rolesOf('mona@acme.test'), ['viewer by jit']);
  });

  it('given somebody renames their account, then they are the same person', async () => {
    const before = await holdings(server, acme);
    assert.equal((await signIn({ ...somebody(1, 'mona'), login: 'mona-renamed' })).status, 303);
    assert.equal((await holdings(server, acme))['users'], before['users']);
  });

  it('given another account takes the name that was given up, then it is another person, and not let in as the former', async () => {
    await refuses('identity', somebody(2, 'mona'));
  });

  it('OIDC-22 given the primary address is not verified, or only another one is of our domain, then nobody is linked', async () => {
    await person(server, acme, 'olga@acme.test', 'owner');
    const olga = { email: 'olga@acme.test', primary: true, verified: false };
    await refuses('email', somebody(3, 'eve', { emails: [olga] }));
    const elsewhere = { email: 'eve@elsewhere.test', primary: true, verified: true };
    await refuses('domain', somebody(3, 'eve', { emails: [elsewhere, { ...olga, primary: false, verified: true }] }));
  });

  it('given organizations and teams may be read, then they are groups, through all pages, and mapping rules see them', async () => {
    const many = Array.from({ length: 230 }, (_, at) => `team-${at}`);
    const tom = somebody(4, 'tom', { name: 'Tom', organizations: { acme: [...many, 'platform'] } });
    assert.equal((await signIn(tom, teams)).status, 303);
    assert.deepEqual(await rolesOf('tom@acme.test'), ['developer by mapping', 'viewer by jit']);
    assert.equal((await signIn({ ...tom, organizations: { acme: [] } }, teams)).status, 303);
    assert.deepEqual(await rolesOf('tom@acme.test'), ['viewer by jit']);
  });

  it('OIDC-18 given they decline, then nobody comes in', () => refuses('provider-error', undefined));

  it('OIDC-16 given a code that is not one, though GitHub answers 200, then it is an error', async () => {
    const browser = new Browser('application/json');
    github.signedIn(somebody(5, 'cody'));
    const back = await browser.get(plain.relyingParty.loginUrl, /\/callback\?/);
    const answer = new URL(back.headers.get('location')!);
    answer.searchParams.set('code', 'made up');
    const page = await browser.get(answer.toString(), /\/me$/);
    assert.deepEqual([page.status, JSON.parse(page.text).check], [403, 'provider-error'], page.text);
  });

  it('given our secret is wrong, then that is what is said', async () => {
    const wrong = await connection(server, acme, 'wrong', { ...common, clientSecret: 'wrong' });
    await refuses('client', somebody(1, 'mona'), 403, wrong);
  });

  it('given the addresses may not be read, then nobody comes in without', async () => {
    const blind = await connection(server, acme, 'blind', { ...common, scopes: ['read:user'] });
    await refuses('upstream-failed', somebody(1, 'mona'), 502, blind);
  });

  const broken: readonly [what: string, path: string, answer: Parameters<typeof github.answer>[1]][] = [
    ['an error', '/user', (response) => response.status(500).end()],
    ['nobody', '/user', (response) => response.json({})],
    ['a text as id', '/user', (response) => response.json({ id: '1', login: 'mona' })],
    ['a page', '/user/emails', (response) => response.send('<html>')],
    ['2 MiB', '/user/emails', (response) => response.json([{ email: 'x'.repeat(2_097_152) }])],
    ['pages elsewhere', '/user/teams', (r) => r.set('Link', '<http://localhost:1/>; rel="next"').json([])],
    [
      'pages without end',
      '/user/orgs',
      (response) => response.set('Link', `<${github.url}/api/v3/user/orgs?page=1>; rel="next"`).json([]),
    ],
  ];
  for (const [what, path, answer] of broken) {
    it(`OIDC-19 given ${path} answers with ${what}, then nobody comes in`, async () => {
      github.answer(path, answer);
      await refuses('upstream-failed', somebody(1, 'mona'), 502, teams);
    });
  }

  it('given GitHub itself is meant, then its addresses are known', async () => {
    const { issuer: _, ...rest } = common;
    const shown = await connection(server, acme, 'dotcom', rest);
    assert.equal(shown.config['issuer'], 'https://github.com');
    const sent = await new Browser().get(shown.relyingParty.loginUrl, /^https:/);
    const { origin, pathname, searchParams } = new URL(sent.headers.get('location')!);
    assert.equal(`${origin}${pathname}`, 'https://github.com/login/oauth/authorize');
    assert.equal(searchParams.get('scope'), 'read:user user:email');
    assert.equal(searchParams.get('code_challenge_method'), 'S256');
    assert.equal(searchParams.get('nonce'), null);
  });
});
