import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { workDueSteps } from '../../src/offboarding/work-steps.ts';
import { startRotatingServer } from '../doubles/providers/rotating-server.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

const LEA = 'lea@acme.example';

/** A company with Lea, and a refresh token of hers from a server that rotates. */
async function arrange() {
  const upstream = await startRotatingServer();
  database.onEnd(() => upstream.close());
  const company = await makeCompany(server, database);
  company.write(`E1,${LEA},Lea,Engineering,Developer,active`);
  await company.sync();
  await company.api('put', '/oauth-providers/calendar').send(upstream.said).expect(200);
  const token = upstream.give();
  const user = await company.person(LEA);
  const kept = await company
    .api('post', '/oauth-tokens')
    .send({ provider: 'calendar', user, kind: 'refresh_token', token })
    .expect(201);
  return { upstream, company, token, id: kept.body.id as string };
}

async function keyWith(company: Company, scopes: string[]): Promise<string> {
  const made = await company.api('post', '/api-keys').send({ name: 'backend', kind: 'service', scopes }).expect(201);
  return `Bearer ${made.body.key}`;
}

/** Has a token used; a slow server is waited for. */
const use = (company: Company, id: string, authorization = server.operator) =>
  server.http.post(`/api/v1/organizations/${company.slug}/oauth-tokens/${id}/use`).set('Authorization', authorization);
const list = async (company: Company) => (await company.api('get', '/oauth-tokens').expect(200)).body.oauthTokens;

describe('the token vault', () => {
  it('given a kept refresh token, when it is used, then an access token comes, which serves until it ends; the refresh token never leaves', async () => {
    const { upstream, company, id, token } = await arrange();
    const first = await use(company, id).expect(200);
    assert.equal(upstream.isLive(first.body.access_token), true);
    assert.equal(first.headers['cache-control'], 'no-store');
    assert.equal((await use(company, id).expect(200)).body.access_token, first.body.access_token);
    assert.equal(upstream.refreshes(), 1);
    const shown = await list(company);
    assert.deepEqual(
      shown.map((each: { provider: string; email: string; kind: string }) => [each.provider, each.email, each.kind]),
      [
        ['calendar', LEA, 'access_token'],
        ['calendar', LEA, 'refresh_token'],
      ],
    );
    for (const secret of [token, first.body.access_token, 'v1.']) assert.ok(!JSON.stringify(shown).includes(secret));
  });

  it('given twenty uses at once, then the server is asked once, for it ends what is used twice', async () => {
    const { upstream, company, id } = await arrange();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => use(company, id).then(({ status, body }) => [status, body.access_token])),
    );
    assert.equal(new Set(answers.map(String)).size, 1, String(answers));
    assert.equal(upstream.refreshes(), 1);
    assert.equal(upstream.isLive(String(answers[0]?.[1])), true);
  });

  it('given the access token is over, then the rotated refresh token gets the next', async () => {
    const { upstream, company, id } = await arrange();
    await use(company, id).expect(200);
    await company.within(({ db }) =>
      sql`UPDATE oauth_tokens SET expires_at = now() WHERE expires_at IS NOT NULL`.execute(db),
    );
    const next = await use(company, id).expect(200);
    assert.equal(upstream.isLive(next.body.access_token), true);
    assert.equal(upstream.refreshes(), 2);
    assert.equal((await list(company)).length, 2, 'what is over is not kept');
  });

  it('given callers without the scope, or of another organization, then they get nothing', async () => {
    const { company, id } = await arrange();
    await use(company, id, await keyWith(company, ['tokens:use'])).expect(200);
    await use(company, id, await keyWith(company, ['tokens:introspect'])).expect(403);
    const other = await makeCompany(server, database);
    await use(other, id).expect(404);
    await use(company, id, await keyWith(other, ['tokens:use'])).expect(404);
  });

  it('race-proof: given a refresh in flight while the person is let go, then it loses: nothing is handed out, and all that came is ended', async () => {
    const { upstream, company, id } = await arrange();
    const held = upstream.hold();
    const using = use(company, id).then(({ status }) => status);
    await held.asked;
    await company.api('post', `/people/${LEA}/offboard`).send({ reason: 'contract ended' }).expect(201);
    await workDueSteps(server.deps, company.id);
    held.release();
    assert.equal(await using, 403);
    await workDueSteps(server.deps, company.id);
    assert.equal(upstream.live(), 0, 'nothing of hers works there any more');
    const { body } = await company.api('get', `/offboarding-cases?user=${LEA}`).expect(200);
    assert.notEqual(body.cases[0].closedAt, null);
    assert.ok(body.cases[0].steps.length >= 2, 'what came late has its own proof');
    await use(company, id).expect(409);
  });

  it('given a token is to end on request, then it and what was got with it end now, and nobody uses it again', async () => {
    const { upstream, company, id } = await arrange();
    await use(company, id).expect(200);
    const { body } = await company
      .api('post', `/oauth-tokens/${id}/revoke`)
      .send({ reason: 'lost laptop' })
      .expect(200);
    assert.deepEqual(
      body.ended.map(({ outcome }: { outcome: { state: string; proof: { confirmed: boolean } } }) => [
        outcome.state,
        outcome.proof.confirmed,
      ]),
      [
        ['revoked', true],
        ['revoked', true],
      ],
    );
    assert.equal(upstream.live(), 0);
    await use(company, id).expect(409);
    const events = await company.api('get', '/audit-events?action=oauth_token.ended').expect(200);
    assert.equal(events.body.events.length, 2);
  });

  it('given the provider is down when a token is to end, then it is locked all the same, and ends when it is asked again', async () => {
    const { upstream, company, id, token } = await arrange();
    const wrong = { ...upstream.said, revocationEndpoint: 'http://127.0.0.1:9/revoke' };
    await company.api('put', '/oauth-providers/calendar').send(wrong).expect(200);
    const order = () => company.api('post', `/oauth-tokens/${id}/revoke`).send({ reason: 'lost laptop' }).expect(200);
    assert.equal((await order()).body.ended[0].outcome.state, 'retry');
    await use(company, id).expect(409);
    assert.equal(upstream.isLive(token), true);
    await company.api('put', '/oauth-providers/calendar').send(upstream.said).expect(200);
    assert.equal((await order()).body.ended[0].outcome.state, 'revoked');
    assert.equal(upstream.isLive(token), false);
  });

  it('given the server takes the refresh token no more, then that is said, and the next try is not held up', async () => {
    const { upstream, company, id, token } = await arrange();
    await fetch(`${(upstream.said['refresh'] as { tokenEndpoint: string }).tokenEndpoint}`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('platform:secret-of-the-platform').toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token }),
    });
    const refused = await use(company, id).expect(409);
    assert.match(refused.body.detail, /takes the kept refresh token no more/);
    await use(company, id).expect(409);
  });
});
