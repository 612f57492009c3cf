import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { sql } from 'kysely';
import { Browser, formOf, type Page } from '../../src/demo/browser.ts';
import type { DemoPerson } from '../../src/demo/idp/people.ts';
import { startSamlIdp } from '../../src/demo/idp/saml-idp.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import {
  type Arranged,
  connection,
  holdings,
  lastEvent,
  membershipsOf,
  organization,
  person,
  within,
} from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const PEOPLE = [
  { id: 'ana', email: 'Ana@acme.test', name: 'Ana Alder', groups: ['Engineering'] },
  { id: 'bo', email: 'bo@acme.test', name: 'Bo Birch', groups: [] },
  { id: 'cy', email: 'cy@acme.test', name: 'Cy Cedar', groups: ['Engineering'] },
  { id: 'dee', email: 'dee@elsewhere.test', name: 'Dee Dogwood', groups: [] },
];
const idp = await startSamlIdp({ people: PEOPLE });
database.onEnd(() => idp.close());
beforeEach(() => idp.setPeople(PEOPLE));

const acme = await organization(server, 'acme');
const okta = await connection(server, acme, 'okta', { kind: 'saml', metadata: idp.metadata });
idp.trust((await server.http.get(`/saml/${okta.id}/metadata`)).text);

async function signIn(
  who: string,
  browser = new Browser('application/json'),
  loginUrl = okta.serviceProvider.loginUrl,
): Promise<Page> {
  const choice = formOf(await browser.get(loginUrl));
  const answer = formOf(await browser.post(choice.action, { ...choice.fields, person: who }));
  return browser.post(answer.action, answer.fields, /\/me$/);
}

describe('signing in by SAML', () => {
  it('given nobody is known, when somebody of a verified domain signs in, then they are created with the default role', async () => {
    const page = await signIn('ana');
    assert.equal(page.status, 303, page.text);
    assert.equal(page.headers.get('location'), '/me');
    const memberships = await membershipsOf(server, acme, 'ana@acme.test');
    assert.deepEqual(memberships, [{ email: 'ana@acme.test', role: 'viewer', source: 'jit', scope: 'organization' }]);
    assert.equal((await lastEvent(server, acme, 'sign_in.succeeded'))?.reason, 'created just in time');
  });

  it('given they were created, when they sign in again, then they are the same person with one identity', async () => {
    const before = await holdings(server, acme);
    assert.equal((await signIn('ana')).status, 303);
    assert.deepEqual(await holdings(server, acme), { ...before, sessions: before['sessions']! + 1 });
  });

  it('given an existing person of a verified domain, when they sign in, then they are linked and keep their role', async () => {
    await person(server, acme, 'bo@acme.test', 'admin');
    assert.equal((await signIn('bo')).status, 303);
    const memberships = await membershipsOf(server, acme, 'bo@acme.test');
    assert.deepEqual(memberships, [{ email: 'bo@acme.test', role: 'admin', source: 'manual', scope: 'organization' }]);
    assert.equal((await lastEvent(server, acme, 'sign_in.succeeded'))?.reason, 'linked by verified e-mail domain');
  });
});

/** What a refused sign-in answers, audits, and leaves as it was. */
async function refused(
  who: string,
  check: string,
  where: Arranged = acme,
  loginUrl = okta.serviceProvider.loginUrl,
): Promise<void> {
  const before = await holdings(server, where);
  const page = await signIn(who, new Browser('application/json'), loginUrl);
  assert.equal(page.status, 403, page.text);
  assert.equal(JSON.parse(page.text).check, check);
  const event = await lastEvent(server, where, 'sign_in.refused');
  assert.deepEqual([event?.outcome, event?.reason], ['denied', check]);
  assert.deepEqual(await holdings(server, where), before);
}

/** Another organization with its own connection to the same identity provider. */
async function elsewhere(
  slug: string,
  settings: Record<string, unknown>,
  domains = ['acme.test'.replace('acme', slug)],
) {
  const where = await organization(server, slug, settings, domains);
  const own = await connection(server, where, 'okta', { kind: 'saml', metadata: idp.metadata });
  idp.trust((await server.http.get(`/saml/${own.id}/metadata`)).text);
  return { where, loginUrl: own.serviceProvider.loginUrl };
}

function people(...given: (Partial<DemoPerson> & { id: string; email: string })[]): void {
  idp.setPeople(given.map((each) => ({ name: each.id, groups: [], ...each })));
}

describe('who is not let in', () => {
  it('given a person of a domain that is not verified, then they are refused', () => refused('dee', 'domain'));

  it('given an existing person of a domain that is not verified, then a login is not linked to them', async () => {
    await person(server, acme, 'dee@elsewhere.test', 'owner');
    await refused('dee', 'domain');
  });

  it('given newcomers are not let in, then an unknown person is refused and a known one comes in', async () => {
    const { where, loginUrl } = await elsewhere('invited', { justInTime: false });
    people({ id: 'ivy', email: 'ivy@invited.test' });
    await refused('ivy', 'just-in-time', where, loginUrl);
    await person(server, where, 'ivy@invited.test', 'viewer');
    assert.equal((await signIn('ivy', new Browser('application/json'), loginUrl)).status, 303);
  });

  it('given a person was let go, then neither their identity nor their address lets them in', async () => {
    people({ id: 'lea', email: 'lea@acme.test' }, { id: 'lea-again', email: 'lea@acme.test' });
    assert.equal((await signIn('lea')).status, 303);
    const gone = sql`UPDATE users SET status = 'deprovisioned', deprovisioned_at = now() WHERE email = 'lea@acme.test'`;
    await within(server.deps, acme, gone);
    await refused('lea', 'person');
    await refused('lea-again', 'person');
  });

  it('given a person is suspended, then they are refused', async () => {
    people({ id: 'sam', email: 'sam@acme.test' });
    await person(server, acme, 'sam@acme.test', 'viewer', 'suspended');
    await refused('sam', 'person');
  });

  it('given an address went to another subject of the identity provider, then that one does not become its former holder', async () => {
    people({ id: 'old', email: 'shared@acme.test' }, { id: 'new', email: 'shared@acme.test' });
    assert.equal((await signIn('old')).status, 303);
    await refused('new', 'identity');
  });

  it('given the login states no address, then nobody is created', async () => {
    people({ id: 'mute', email: 'not an address' });
    await refused('mute', 'email');
  });
});

describe('what a login gives', () => {
  async function rule(where: Arranged, group: string, role: string): Promise<void> {
    await within(
      server.deps,
      where,
      sql`INSERT INTO mapping_rules (organization_id, slug, group_name, scope_kind, role)
        VALUES (${where.id}, ${group.toLowerCase()}, ${group}, 'organization', ${role})`,
    );
  }
  const rolesOf = async (where: Arranged, email: string) =>
    (await membershipsOf(server, where, email)).map(({ role, source }) => `${role} by ${source}`);

  it('given a rule for a group of the login, then its role is there with the session, and goes when the group goes', async () => {
    const { where, loginUrl } = await elsewhere('mapped', {});
    await rule(where, 'Engineering', 'admin');
    people({ id: 'max', email: 'max@mapped.test', groups: ['Engineering', 'Chess'] });
    assert.equal((await signIn('max', new Browser('application/json'), loginUrl)).status, 303);
    assert.deepEqual(await rolesOf(where, 'max@mapped.test'), ['viewer by jit', 'admin by mapping']);
    people({ id: 'max', email: 'max@mapped.test', groups: ['Chess'] });
    assert.equal((await signIn('max', new Browser('application/json'), loginUrl)).status, 303);
    assert.deepEqual(await rolesOf(where, 'max@mapped.test'), ['viewer by jit']);
  });

  it('given a login says nothing of groups, then what earlier ones gave stays', async () => {
    const silent = await startSamlIdp({
      people: [{ id: 'max', email: 'max@silent.test', name: 'Max', groups: [] }],
      statesGroups: false,
    });
    database.onEnd(() => silent.close());
    const { where, loginUrl } = await elsewhere('silent', {});
    await rule(where, 'Engineering', 'admin');
    people({ id: 'max', email: 'max@silent.test', groups: ['Engineering'] });
    await signIn('max', new Browser('application/json'), loginUrl);
    const moved = await connection(server, where, 'okta', { kind: 'saml', metadata: silent.metadata });
    silent.trust((await server.http.get(`/saml/${moved.id}/metadata`)).text);
    assert.equal((await signIn('max', new Browser('application/json'), loginUrl)).status, 303);
    assert.deepEqual(await rolesOf(where, 'max@silent.test'), ['viewer by jit', 'admin by mapping']);
  });

  it('given the organization takes groups from its directories only, then those of a login count for nothing', async () => {
    const { where, loginUrl } = await elsewhere('governed', { groupsFrom: 'directory' });
    await rule(where, 'Engineering', 'admin');
    people({ id: 'max', email: 'max@governed.test', groups: ['Engineering'] });
    assert.equal((await signIn('max', new Browser('application/json'), loginUrl)).status, 303);
    assert.deepEqual(await rolesOf(where, 'max@governed.test'), ['viewer by jit']);
    assert.equal((await holdings(server, where))['groups'], 0);
  });

  it('given a model that gives newcomers their role in a workspace, then it is the first one, or the one that is named', async () => {
    const { where, loginUrl } = await elsewhere('spaces', { model: 'atomyx', defaultRole: 'member' });
    for (const slug of ['beta', 'alpha']) {
      assert.ok((await server.api('put', `/organizations/spaces/workspaces/${slug}`).send({})).ok);
    }
    people({ id: 'ann', email: 'ann@spaces.test' }, { id: 'ben', email: 'ben@spaces.test' });
    await signIn('ann', new Browser('application/json'), loginUrl);
    await connection(server, where, 'okta', { kind: 'saml', metadata: idp.metadata, defaultWorkspace: 'beta' });
    await signIn('ben', new Browser('application/json'), loginUrl);
    const found = await within<{ email: string; slug: string }>(
      server.deps,
      where,
      sql`SELECT u.email, w.slug FROM memberships m JOIN users u ON u.id = m.user_id JOIN workspaces w ON w.id = m.workspace_id ORDER BY 1`,
    );
    assert.deepEqual(found, [
      { email: 'ann@spaces.test', slug: 'alpha' },
      { email: 'ben@spaces.test', slug: 'beta' },
    ]);
  });

  it('given the default role is one of the organization’s own, then newcomers have it', async () => {
    const { where, loginUrl } = await elsewhere('custom', {});
    const role = { role: 'reader', label: 'Reader', permissions: ['people.read'] };
    await server.api('post', '/organizations/custom/roles').send(role).expect(201);
    await server.api('patch', '/organizations/custom').send({ defaultRole: 'reader' }).expect(200);
    people({ id: 'rea', email: 'rea@custom.test' });
    assert.equal((await signIn('rea', new Browser('application/json'), loginUrl)).status, 303);
    assert.deepEqual(await rolesOf(where, 'rea@custom.test'), ['reader by jit']);
  });

  it('given a model of one organization per person, then whoever has an account in another is told so, and gets none', async () => {
    const settings = { model: 'ai-security-gateway', defaultRole: 'member' };
    const first = await organization(server, 'first', settings, []);
    await person(server, first, 'sol@second.test', 'viewer');
    const { where, loginUrl } = await elsewhere('second', settings);
    people({ id: 'sol', email: 'sol@second.test' });
    const page = await signIn('sol', new Browser('application/json'), loginUrl);
    assert.equal(page.status, 403, page.text);
    assert.match(page.text, /has an account in another organization/);
    assert.equal((await holdings(server, where))['users'], 0);
  });

  it('given ten first logins of one person at once, then there is one person with one role', async () => {
    people({ id: 'tia', email: 'tia@acme.test' });
    const before = await holdings(server, acme);
    const pages = await Promise.all(Array.from({ length: 10 }, () => signIn('tia')));
    assert.deepEqual(
      pages.map(({ status }) => status),
      Array(10).fill(303),
    );
    const after = await holdings(server, acme);
    assert.equal(after['users'], before['users']! + 1);
    assert.equal(after['sessions'], before['sessions']! + 10);
    assert.deepEqual(await rolesOf(acme, 'tia@acme.test'), ['viewer by jit']);
  });

  it("TEN-1 given two organizations share an identity provider, then a login of one is none of the other's", async () => {
    const { where } = await elsewhere('neighbour', {});
    people({ id: 'ned', email: 'ned@acme.test' });
    const before = await holdings(server, where);
    assert.equal((await signIn('ned')).status, 303);
    assert.deepEqual(await holdings(server, where), before);
  });
});
