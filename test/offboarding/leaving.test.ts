import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { findSession, startSession } from '../../src/credentials/session.ts';
import { workDueSteps } from '../../src/offboarding/work-steps.ts';
import { type OauthServer, startOauthServer } from '../doubles/oauth-server.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../doubles/webhook-receiver.ts';
import type { Company } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import * as arrange from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const upstream: OauthServer = await startOauthServer();
const receiver: WebhookReceiver = await startWebhookReceiver();
database.onEnd(() => upstream.close());
database.onEnd(() => receiver.close());

const companyWithPeople = () => arrange.companyWithPeople(server, database);
const leaActs = (company: Company) => arrange.leaActs(server, company);
const isActive = (credential: string) => arrange.isActive(server, credential);

async function keepUpstreamToken(company: Company, user: string): Promise<string> {
  await company
    .api('put', '/oauth-providers/calendar')
    .send({
      revocationEndpoint: `${upstream.url}/token/revocation`,
      introspectionEndpoint: `${upstream.url}/token/introspection`,
      clientId: upstream.client.id,
      clientSecret: upstream.client.secret,
    })
    .expect(200);
  const token = await upstream.token();
  await company
    .api('post', '/oauth-tokens')
    .send({ provider: 'calendar', user, kind: 'access_token', token })
    .expect(201);
  return token;
}

const listen = (company: Company) =>
  company.api('put', '/webhook-endpoints/platform').send({ url: receiver.url, secret: receiver.secret });
const work = (company: Company) => workDueSteps(server.deps, company.id);
const caseOf = async (company: Company) =>
  (await company.api('get', '/offboarding-cases?user=lea@acme.example').expect(200)).body.cases[0];
/** Makes whatever waits for a later try due now. */
const timePasses = (company: Company) =>
  company.within(({ db }) =>
    sql`UPDATE offboarding_steps SET next_attempt_at = now() WHERE state IN ('waiting', 'retry')`.execute(db),
  );

describe('letting somebody go', () => {
  it('given a person with session, key, token and memberships, when they are let go, then all of it ends in one instant', async () => {
    const company = await companyWithPeople();
    const { session, key, token, asLea } = await leaActs(company);
    assert.deepEqual([await isActive(key), await isActive(token)], [true, true]);

    const opened = await company
      .api('post', '/people/lea@acme.example/offboard')
      .send({ reason: 'contract ended' })
      .expect(201);
    assert.equal(opened.body.ended.sessions, 1);
    assert.equal(opened.body.ended.grants, 1);
    assert.deepEqual(
      opened.body.ended.apiKeys.map(({ kind, end }: { kind: string; end: string }) => [kind, end]),
      [['personal', 'revoke']],
    );
    assert.notEqual(opened.body.closedAt, null, 'nothing elsewhere: the case is closed at once');

    assert.deepEqual([await isActive(key), await isActive(token)], [false, false]);
    assert.equal(await findSession(server.deps.store.db, session), undefined);
    await asLea('get', `/organizations/${company.slug}/api-keys`).expect(401);
    assert.deepEqual(await company.memberships('lea@acme.example'), []);
    assert.deepEqual(await company.memberships('max@acme.example'), ['main:admin (mapping)'], 'nobody else is touched');
  });

  it('given a leaver, then each end is audited in the same transaction', async () => {
    const company = await companyWithPeople();
    await leaActs(company);
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'contract ended' }).expect(201);
    const { rows } = await company.within(({ db }) =>
      sql<{ action: string; transactions: number }>`
        SELECT action, count(*) OVER (PARTITION BY xid)::int AS transactions FROM audit_events
        WHERE xid = (SELECT xid FROM audit_events WHERE action = 'user.deprovisioned') ORDER BY action`.execute(db),
    );
    assert.deepEqual(
      rows.map(({ action }) => action),
      [
        'api_key.revoked',
        'grant.revoked',
        'membership.removed',
        'offboarding.case_closed',
        'session.ended',
        'user.deprovisioned',
      ],
    );
  });

  it('given a leaver, when anybody gives them something, then it is refused', async () => {
    const company = await companyWithPeople();
    const { lea } = await leaActs(company);
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'contract ended' }).expect(201);
    await assert.rejects(
      company.within((tx) => startSession(tx, { userId: lea, connectionId: null, authenticatedBy: 'saml' })),
      /deprovisioned/,
    );
    await keepUpstreamToken(company, await company.person('max@acme.example'));
    await company
      .api('post', '/oauth-tokens')
      .send({ provider: 'calendar', user: lea, kind: 'access_token', token: 'x' })
      .expect(403);
  });

  it('race-proof: given keys being made while the person is let go, then none of them lives', async () => {
    const company = await companyWithPeople();
    const { lea, asLea } = await leaActs(company);
    const make = () =>
      asLea('post', `/organizations/${company.slug}/api-keys`)
        .send({ name: 'late', kind: 'personal', scopes: ['workspace.view'], workspace: 'main' })
        .then((answer) => answer);
    const making = Array.from({ length: 20 }, make);
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'contract ended' }).expect(201);
    const statuses = (await Promise.all(making)).map(({ status }) => status);
    const { rows } = await company.within(({ db }) =>
      sql`SELECT 1 FROM api_keys WHERE creator_id = ${lea} AND revoked_at IS NULL`.execute(db),
    );
    assert.equal(rows.length, 0, `no living key among those answered ${statuses.join()}`);
  });

  it('given a machine’s key that the leaver made, then it goes on, flagged, with somebody who answers for it', async () => {
    const company = await companyWithPeople();
    const max = await company.person('max@acme.example');
    await company.within(({ db, organizationId }) =>
      sql`INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, role, source, granted_by)
        SELECT ${organizationId}::uuid, ${max}::uuid, 'workspace', w.id, 'owner', 'ownership', 'operator' FROM workspaces w`.execute(
        db,
      ),
    );
    const { asLea } = await leaActs(company);
    const made = await asLea('post', `/organizations/${company.slug}/api-keys`)
      .send({ name: 'exporter', kind: 'service', scopes: ['workspace.view'], workspace: 'main' })
      .expect(201);
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'contract ended' }).expect(201);
    assert.equal(await isActive(made.body.key), true);
    const { body } = await company.api('get', '/api-keys').expect(200);
    const key = body.apiKeys.find(({ id }: { id: string }) => id === made.body.id);
    assert.deepEqual([key.responsibleId, key.flaggedReason], [max, 'whoever answered for it has left']);
  });

  it('given a last owner, a protected account, or nobody, then letting them go is refused with the remedy', async () => {
    const company = await companyWithPeople();
    const lea = await company.person('lea@acme.example');
    await company.within(async ({ db, organizationId }) => {
      await sql`INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, role, source, granted_by)
        SELECT ${organizationId}::uuid, ${lea}::uuid, 'workspace', w.id, 'owner', 'ownership', 'operator' FROM workspaces w`.execute(
        db,
      );
      await sql`UPDATE users SET protected = true WHERE email = 'max@acme.example'`.execute(db);
    });
    const offboard = (who: string) => company.api('post', `/people/${who}/offboard`).send({ reason: 'x' });
    const owner = await offboard('lea@acme.example').expect(409);
    assert.match(owner.body.detail, /last owner of main/);
    assert.match((await offboard('max@acme.example').expect(409)).body.detail, /protected/);
    await offboard('nobody@acme.example').expect(404);
    assert.deepEqual(await company.memberships('lea@acme.example'), ['main:admin (mapping)', 'main:owner (ownership)']);
  });

  it('given somebody who has left, when they are let go again, then it says so and no second case is opened', async () => {
    const company = await companyWithPeople();
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(201);
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(409);
    const { body } = await company.api('get', '/offboarding-cases').expect(200);
    assert.equal(body.cases.length, 1);
  });

  it('TEN: another organization can neither let them go nor see the case', async () => {
    const company = await companyWithPeople();
    const other = await companyWithPeople();
    const lea = await company.person('lea@acme.example');
    await other.api('post', `/people/${lea}/offboard`).send({ reason: 'x' }).expect(404);
    const opened = await company.api('post', `/people/${lea}/offboard`).send({ reason: 'x' }).expect(201);
    await other.api('get', `/offboarding-cases/${opened.body.id}`).expect(404);
  });
});

describe('what must end elsewhere', () => {
  it('given a kept OAuth token and a webhook, when the steps are worked, then the server’s own word proves the end and the case closes', async () => {
    const company = await companyWithPeople();
    const token = await keepUpstreamToken(company, await company.person('lea@acme.example'));
    await listen(company).expect(200);
    assert.equal(await upstream.isActive(token), true);
    const opened = await company
      .api('post', '/people/lea@acme.example/offboard')
      .send({ reason: 'contract ended' })
      .expect(201);
    assert.equal(opened.body.closedAt, null);

    await work(company);
    assert.equal(await upstream.isActive(token), false);
    const done = await caseOf(company);
    assert.deepEqual(
      done.steps.map((step: { kind: string; state: string }) => [step.kind, step.state]),
      [
        ['oauth.revoke', 'revoked'],
        ['webhook', 'delivered'],
      ],
    );
    assert.equal(done.steps[0].proof.confirmed, true, 'introspected after the revocation');
    assert.notEqual(done.closedAt, null);
    const message = receiver.received.at(-1);
    assert.ok(message);
    assert.equal(message.body.type, 'user.deprovisioned');
    assert.partialDeepStrictEqual(message.body.data, { user: { email: 'lea@acme.example' }, case: opened.body.id });
    assert.ok(!JSON.stringify(done).includes(token), 'no secret in the case');
  });

  it('given the server is down (503 with Retry-After), then the step is tried again no sooner, and ends well', async () => {
    const company = await companyWithPeople();
    const token = await keepUpstreamToken(company, await company.person('lea@acme.example'));
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(201);
    upstream.meet({ status: 503, headers: { 'retry-after': '120' } });
    await work(company);
    const waiting = (await caseOf(company)).steps[0];
    assert.deepEqual([waiting.state, waiting.attempts, waiting.lastError], ['retry', 1, 'the server answered 503']);
    assert.ok(Date.parse(waiting.nextAttemptAt) > Date.now() + 110_000, 'Retry-After is honoured');
    await timePasses(company);
    await work(company);
    const done = (await caseOf(company)).steps[0];
    assert.deepEqual([done.state, done.attempts], ['revoked', 2]);
    assert.equal(await upstream.isActive(token), false);
  });

  it('given a server that says 200 and does nothing, then it does not count as done', async () => {
    const company = await companyWithPeople();
    const token = await keepUpstreamToken(company, await company.person('lea@acme.example'));
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(201);
    upstream.meet({ status: 200 });
    await work(company);
    const waiting = (await caseOf(company)).steps[0];
    assert.deepEqual(
      [waiting.state, waiting.lastError],
      ['retry', 'the server said it was done, but the token still works'],
    );
    assert.equal(await upstream.isActive(token), true);
  });

  it('given a token that is gone already (error invalid_token, as 200 or 400), then that counts as done', async () => {
    for (const status of [200, 400]) {
      const company = await companyWithPeople();
      await keepUpstreamToken(company, await company.person('lea@acme.example'));
      await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(201);
      upstream.meet({ status, body: { error: 'invalid_token' } });
      await work(company);
      assert.equal((await caseOf(company)).steps[0].state, 'already_gone', `status ${status}`);
    }
  });

  it('given wrong client credentials, then a person is asked; mended and tried again, it ends well', async () => {
    const company = await companyWithPeople();
    const token = await keepUpstreamToken(company, await company.person('lea@acme.example'));
    const provider = {
      revocationEndpoint: `${upstream.url}/token/revocation`,
      introspectionEndpoint: `${upstream.url}/token/introspection`,
      clientId: upstream.client.id,
    };
    await company
      .api('put', '/oauth-providers/calendar')
      .send({ ...provider, clientSecret: 'wrong' })
      .expect(200);
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(201);
    await work(company);
    const stuck = await caseOf(company);
    assert.equal(stuck.steps[0].state, 'needs_human');
    assert.match(stuck.steps[0].lastError, /401/);
    assert.equal(stuck.closedAt, null);

    await company
      .api('put', '/oauth-providers/calendar')
      .send({ ...provider, clientSecret: upstream.client.secret })
      .expect(200);
    const again = () => company.api('post', `/offboarding-cases/${stuck.id}/steps/${stuck.steps[0].id}/retry`);
    await again().expect(200);
    await again().expect(409);
    await company.within(({ db }) => sql`UPDATE offboarding_steps SET state = 'needs_human'`.execute(db));
    await company.api('post', `/offboarding-cases/${stuck.id}/retry`).expect(200);
    await company.api('post', `/offboarding-cases/${stuck.id}/retry`).expect(409);
    await work(company);
    assert.equal((await caseOf(company)).steps[0].state, 'revoked');
    assert.equal(await upstream.isActive(token), false);
  });

  it('given a webhook that fails, then it is sent again under the same id; one that answers 410 is disabled', async () => {
    const company = await companyWithPeople();
    await listen(company).expect(200);
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(201);
    receiver.answerWith(500);
    await work(company);
    assert.equal((await caseOf(company)).steps[0].state, 'retry');
    await timePasses(company);
    await work(company);
    assert.equal((await caseOf(company)).steps[0].state, 'delivered');
    const [first, second] = receiver.received.slice(-2);
    assert.equal(first?.id, second?.id);

    receiver.answerWith(410);
    await company.api('post', '/people/max@acme.example/offboard').send({ reason: 'x' }).expect(201);
    await work(company);
    const { body } = await company.api('get', '/webhook-endpoints').expect(200);
    assert.equal(body.webhookEndpoints[0].enabled, false);
  });

  it('given a worker that died in the middle of a step, then the step comes due again and is done once more', async () => {
    const company = await companyWithPeople();
    const token = await keepUpstreamToken(company, await company.person('lea@acme.example'));
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(201);
    // What a killed worker leaves: a claim whose lease runs out.
    await company.within(({ db }) =>
      sql`UPDATE offboarding_steps SET attempts = 1, next_attempt_at = now() + interval '30 seconds'`.execute(db),
    );
    await work(company);
    assert.equal((await caseOf(company)).steps[0].state, 'waiting', 'not while the lease lasts');
    await timePasses(company);
    await work(company);
    assert.equal((await caseOf(company)).steps[0].state, 'revoked');
    assert.equal(await upstream.isActive(token), false);
  });

  it('given two workers at once, then each step is done once', async () => {
    const company = await companyWithPeople();
    for (let count = 0; count < 5; count++) await keepUpstreamToken(company, await company.person('lea@acme.example'));
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(201);
    const before = upstream.revocations();
    await Promise.all([work(company), work(company), work(company)]);
    assert.equal(upstream.revocations() - before, 5);
    assert.notEqual((await caseOf(company)).closedAt, null);
  });
});
