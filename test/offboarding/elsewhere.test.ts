import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { workDueSteps } from '../../src/offboarding/work-steps.ts';
import { arrangeProvider, USER } from '../directory/scim/arrange.ts';
import { startAtlassian } from '../doubles/providers/atlassian.ts';
import { startAuth0 } from '../doubles/providers/auth0.ts';
import { startGitHubApp } from '../doubles/providers/github-app.ts';
import { startGoogle } from '../doubles/providers/google.ts';
import { startGraph } from '../doubles/providers/graph.ts';
import { startOktaOrg } from '../doubles/providers/okta-org.ts';
import type { ProviderDouble } from '../doubles/providers/provider-double.ts';
import { startSlack } from '../doubles/providers/slack.ts';
import { startZoom } from '../doubles/providers/zoom.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

const LEA = 'lea@acme.example';
const MAX = 'max@acme.example';

async function companyWithPeople(): Promise<Company> {
  const company = await makeCompany(server, database);
  company.write(
    `E1,${LEA},Lea,Engineering,Developer,active`,
    `E2,${MAX},Max,Engineering,Developer,active`,
    'E3,ada@acme.example,Ada,Engineering,Developer,active',
  );
  await company.sync();
  return company;
}

const put = (company: Company, slug: string, said: object) => company.api('put', `/oauth-providers/${slug}`).send(said);
const letGo = (company: Company, email: string) =>
  company.api('post', `/people/${email}/offboard`).send({ reason: 'contract ended' }).expect(201);
const work = (company: Company) => workDueSteps(server.deps, company.id);
const caseOf = async (company: Company, email: string) =>
  (await company.api('get', `/offboarding-cases?user=${email}`).expect(200)).body.cases[0];
const timePasses = (company: Company) =>
  company.within(({ db }) =>
    sql`UPDATE offboarding_steps SET next_attempt_at = now() WHERE state IN ('waiting', 'retry')`.execute(db),
  );

/** Registers a provider, and gives both people what it has to give. */
async function arrange(company: Company, slug: string, double: ProviderDouble): Promise<ProviderDouble> {
  database.onEnd(() => double.close());
  await put(company, slug, double.said).expect(200);
  for (const email of [MAX, LEA]) {
    const token = double.give(email);
    if (token === null) continue;
    const user = await company.person(email);
    await company.api('post', '/oauth-tokens').send({ provider: slug, user, kind: 'access_token', token }).expect(201);
  }
  return double;
}

describe('what a leaver has elsewhere', () => {
  it('given tokens and accounts at nine providers, then each ends with its proof, nobody else’s does, and the case closes', async () => {
    const company = await companyWithPeople();
    const doubles = {
      atlassian: await startAtlassian(),
      auth0: await startAuth0(),
      github: await startGitHubApp('grant'),
      'google-people': await startGoogle('people'),
      'google-tokens': await startGoogle('tokens'),
      microsoft: await startGraph(),
      'okta-people': await startOktaOrg('people'),
      'okta-tokens': await startOktaOrg('tokens'),
      slack: await startSlack(),
      'zoom-people': await startZoom('people'),
      'zoom-tokens': await startZoom('tokens'),
    };
    for (const [slug, double] of Object.entries(doubles)) await arrange(company, slug, double);
    await letGo(company, LEA);
    for (let tries = 0; tries < 4; tries += 1) {
      await work(company);
      await timePasses(company);
    }
    const done = await caseOf(company, LEA);
    const states = done.steps.map((each: { target: string; kind: string; state: string }) => [
      each.target,
      each.kind,
      each.state,
    ]);
    const tokens = ['github', 'google-tokens', 'okta-tokens', 'slack', 'zoom-tokens'];
    assert.deepEqual(
      states.sort(),
      Object.keys(doubles)
        .map((slug) => [slug, tokens.includes(slug) ? 'oauth.revoke' : 'account.end', 'revoked'])
        .sort(),
    );
    assert.notEqual(done.closedAt, null);
    for (const [slug, double] of Object.entries(doubles))
      assert.deepEqual([slug, double.works(LEA), double.works(MAX)], [slug, false, true]);
  });

  it('given two tokens at a provider that ends whole persons only, then one step ends the person', async () => {
    const company = await companyWithPeople();
    const graph = await arrange(company, 'microsoft', await startGraph());
    const user = await company.person(LEA);
    for (const kind of ['access_token', 'refresh_token'])
      await company.api('post', '/oauth-tokens').send({ provider: 'microsoft', user, kind, token: kind }).expect(201);
    await letGo(company, LEA);
    await work(company);
    const { steps } = await caseOf(company, LEA);
    assert.deepEqual(
      steps.map((each: { kind: string; state: string }) => [each.kind, each.state]),
      [['account.end', 'revoked']],
    );
    assert.equal(graph.works(LEA), false);
  });

  it('given a directory that knows people by the provider’s own ids, then by these they are found', async () => {
    const company = await companyWithPeople();
    const graph = await startGraph();
    database.onEnd(() => graph.close());
    graph.users.set('someone.else@acme.example', { id: 'E1', userType: 'Member', validFrom: '2026-01-01T00:00:00Z' });
    await put(company, 'microsoft', { ...graph.said, directory: 'hr' }).expect(200);
    await letGo(company, LEA);
    await work(company);
    assert.equal((await caseOf(company, LEA)).steps[0].state, 'revoked');
    assert.equal(graph.works('someone.else@acme.example'), false);
  });

  it('given an application that takes people by SCIM, here our own server, then the leaver’s account there is inactive', async () => {
    const company = await companyWithPeople();
    const downstream = await arrangeProvider(server);
    const person = async (userName: string) => {
      const made = await downstream.scim('post', '/Users', { schemas: [USER], userName, active: true });
      assert.equal(made.status, 201, made.text);
      return made.body.id as string;
    };
    const [lea, max] = [await person(LEA), await person(MAX)];
    const url = `${server.url}/scim/v2/${downstream.directoryId}`;
    await put(company, 'app', { revoker: 'scim-downstream', url, token: downstream.token }).expect(200);
    await letGo(company, LEA);
    await work(company);
    const [step] = (await caseOf(company, LEA)).steps;
    assert.deepEqual([step.state, step.proof.confirmed, step.proof.active], ['revoked', true, false]);
    const active = async (id: string) => (await downstream.scim('get', `/Users/${id}`)).body.active;
    assert.deepEqual([await active(lea), await active(max)], [false, true]);

    await letGo(company, MAX);
    await downstream.scim('delete', `/Users/${max}`);
    await work(company);
    assert.equal((await caseOf(company, MAX)).steps[0].state, 'already_gone');
  });

  it('given the token has ended there, then nothing of it is kept here', async () => {
    const company = await companyWithPeople();
    await arrange(company, 'github', await startGitHubApp('token'));
    await letGo(company, LEA);
    await work(company);
    const { rows } = await company.within(({ db }) =>
      sql<{ email: string; kept: boolean; ended: boolean }>`
        SELECT u.email, t.sealed_token IS NOT NULL AS kept, t.ended_at IS NOT NULL AS ended
        FROM oauth_tokens t JOIN users u ON u.id = t.user_id ORDER BY u.email`.execute(db),
    );
    assert.deepEqual(rows, [
      { email: LEA, kept: false, ended: true },
      { email: MAX, kept: true, ended: false },
    ]);
  });
});

describe('setting a provider up', () => {
  it('given something missing, unknown or wrong, then it is refused with where it is, and nothing is kept', async () => {
    const company = await companyWithPeople();
    for (const [said, where] of [
      [{ revoker: 'nobody' }, /revoker/],
      [{ revoker: 'github', apiUrl: 'https://git.example' }, /clientId/],
      [{ revoker: 'github', apiUrl: 'https://git.example', clientId: 'x' }, /clientSecret/],
      [{ revoker: 'github', apiUrl: 'ftp://git.example', clientId: 'x', clientSecret: 'y' }, /apiUrl/],
      [{ revoker: 'slack', apiUrl: 'https://chat.example', colour: 'red' }, /colour/],
      [{ revoker: 'okta', url: 'https://org.example' }, /nothing that the provider/],
      [{ revoker: 'okta', url: 'https://org.example', clientId: 'x' }, /clientSecret/],
    ] as const) {
      const { body } = await put(company, 'wrong', said).expect(400);
      assert.match(JSON.stringify(body), where);
    }
    assert.deepEqual((await company.api('get', '/oauth-providers').expect(200)).body.oauthProviders, []);
  });

  it('given secrets, then they are never shown, and what is left out stays', async () => {
    const company = await companyWithPeople();
    const said = { revoker: 'okta', url: 'https://org.example', clientId: 'x', clientSecret: 's1', apiToken: 's2' };
    assert.equal((await put(company, 'okta', said).expect(200)).body.action, 'create');
    const { clientSecret: _, apiToken: __, ...rest } = said;
    assert.equal((await put(company, 'okta', rest).expect(200)).body.action, 'keep');
    assert.deepEqual((await put(company, 'okta', { ...rest, apiToken: 's3' }).expect(200)).body.changed, ['secrets']);
    const { body } = await company.api('get', '/oauth-providers').expect(200);
    assert.deepEqual(body.oauthProviders[0].endsPeople, true);
    assert.ok(!/s[123]"/.test(JSON.stringify(body)));
  });
});
