/** Standard Webhooks out: what happened is told, all of it, once, in order; what did not happen never. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { record } from '../../src/audit/record.ts';
import { startSignalWorker, workSignals } from '../../src/signals/work.ts';
import { asSuperuser } from '../audit/arrange.ts';
import { startWebhookReceiver } from '../doubles/webhook-receiver.ts';
import { until } from '../harness/command.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { companyWithPeople, LEA, MAX } from '../offboarding/arrange.ts';
import { signalling, subscribe, tell, timePasses } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

async function receiver() {
  const made = await startWebhookReceiver();
  database.onEnd(made.close);
  const types = () => made.received.map(({ body }) => body.type);
  const emails = () => made.received.map(({ body }) => (body.data['user'] as { email: string } | undefined)?.email);
  return { ...made, types, emails };
}

/** What an administrator says of it. */
const said = ({ url, secret }: { readonly url: string; readonly secret: string }) => ({ url, secret });

const deliveries = async (company: Company, slug = 'platform', query = '') =>
  (await company.api('get', `/webhook-endpoints/${slug}/deliveries${query}`).expect(200)).body.deliveries;

/** Person so-and-so is suspended, or let in again. */
const suspend = (company: Company, name: string) =>
  company.api('post', `/people/${name}@acme.example/suspend`).send({ reason: 'looked into' }).expect(204);
const reactivate = (company: Company, name: string) =>
  company.api('post', `/people/${name}@acme.example/reactivate`).send({ reason: 'all is well' }).expect(204);

describe('an endpoint', () => {
  it('given it wants to hear of people and memberships, then it hears of each change, signed, once, and in the order of the chain', async () => {
    const platform = await receiver();
    const company = await makeCompany(server, database);
    const events = [
      'user.created',
      'user.updated',
      'user.suspended',
      'user.reactivated',
      'membership.added',
      'membership.removed',
    ];
    await subscribe(company, 'platform', { ...said(platform), events });
    await company
      .api('put', '/mapping-rules/all')
      .send({ when: { attributes: 'exists($.department)' }, role: 'admin', workspace: 'main' });
    company.write(LEA, MAX);
    await company.sync();
    company.write(LEA.replace(',Lea,', ',Lea Berg,'), MAX);
    await company.sync();
    await suspend(company, 'lea');
    await reactivate(company, 'lea');
    await tell(server, company);
    await tell(server, company);

    const ofLea = platform.received.filter(
      ({ body }) => (body.data['user'] as { email: string }).email === 'lea@acme.example',
    );
    const types = ofLea.map(({ body }) => body.type).filter((type) => type.startsWith('user.'));
    assert.deepEqual(types, ['user.created', 'user.updated', 'user.suspended', 'user.reactivated']);
    const [, , suspended] = ofLea.filter(({ body }) => body.type.startsWith('user.'));
    assert.partialDeepStrictEqual(suspended?.body.data, {
      organization: company.id,
      user: { displayName: 'Lea Berg' },
      resource: { type: 'user', id: await company.person('lea@acme.example') },
      actor: { kind: 'operator' },
      reason: 'looked into',
    });
    const places = ofLea.map(({ body }) => body.data['sequence'] as number);
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
    assert.equal(
      new Set(platform.received.map(({ id }) => id)).size,
      platform.received.length,
      'each message has its id',
    );
    const log = await deliveries(company);
    assert.equal(log.length, platform.received.length);
    assert.ok(
      log.every(({ state, attempts }: { state: string; attempts: number }) => state === 'delivered' && attempts === 1),
    );
  });

  it('given it does not say what it wants, then it hears of leavers, by their case; TEN-1 and never of another organization', async () => {
    const [platform, other] = [await receiver(), await receiver()];
    const [company, elsewhere] = [await companyWithPeople(server, database), await companyWithPeople(server, database)];
    await subscribe(company, 'platform', said(platform));
    await subscribe(elsewhere, 'platform', { ...said(other), events: ['user.suspended', 'user.deprovisioned'] });
    await suspend(company, 'max');
    await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(201);
    for (const each of [company, elsewhere]) await tell(server, each);
    assert.deepEqual([platform.types(), other.types()], [[], []], 'the case itself tells it');
    const [only] = await deliveries(company);
    assert.partialDeepStrictEqual(only, { type: 'user.deprovisioned', state: 'waiting' });
    assert.ok(only.case !== null);
  });

  it('given a transaction that came to nothing, then nothing is told of it; one that commits late is', async () => {
    const platform = await receiver();
    const company = await companyWithPeople(server, database);
    await subscribe(company, 'platform', { ...said(platform), events: ['user.suspended'] });
    const told = (id: string) => ({ action: 'user.suspended', resource: { type: 'user', id } });
    await assert.rejects(
      company.within(async (tx) => {
        await record(tx, told('never'));
        throw new Error('changed its mind');
      }),
    );
    await company.within(async (tx) => {
      await record(tx, told('late'));
      await suspend(company, 'lea');
      await workSignals(signalling(server), company.id);
      assert.equal(platform.received.length, 0, 'not before it is certain');
    });
    await tell(server, company);
    assert.equal(platform.received.length, 2);
    assert.ok(!JSON.stringify(platform.received).includes('never'));
  });

  it('given alarms, then whoever wants them hears of them: a plan that is held, a source that fails, a last owner, a step that needs a person', async () => {
    const platform = await receiver();
    const company = await companyWithPeople(server, database);
    const events = [
      'sync.held',
      'sync.failed',
      'directory.quarantined',
      'offboarding.step_needs_person',
      'connection.certificate_ending',
      'domain.verification_lost',
    ];
    await subscribe(company, 'platform', { ...said(platform), events });
    await company
      .api('put', '/oauth-providers/okta')
      .send({ revoker: 'okta', url: 'http://127.0.0.1:9', apiToken: 'x' })
      .expect(200);
    company.write();
    assert.equal((await company.sync()).status, 'held');
    await company
      .api('put', '/directories/hr')
      .send({ kind: 'csv', config: { file: '/nowhere.csv' } })
      .expect(200);
    for (let tries = 0; tries < 3; tries += 1) await company.api('post', '/directories/hr/runs').send({ mode: 'run' });
    await company.within((tx) =>
      record(
        tx,
        { action: 'offboarding.step_needs_human', resource: { type: 'offboarding_step', id: 'x' }, outcome: 'failure' },
        { action: 'connection.certificate_ending', resource: { type: 'connection', id: 'x' } },
      ),
    );
    await tell(server, company);
    const types = new Set(platform.types());
    assert.deepEqual([...types].sort(), [
      'connection.certificate_ending',
      'directory.quarantined',
      'offboarding.step_needs_person',
      'sync.failed',
      'sync.held',
    ]);
  });
});

describe('an endpoint that does not take a message', () => {
  it('OUT-6 given it fails, then the message comes again under the same id; later ones of the same person wait, those of others do not', async () => {
    const platform = await receiver();
    const company = await companyWithPeople(server, database);
    await subscribe(company, 'platform', { ...said(platform), events: ['user.suspended', 'user.reactivated'] });
    platform.answerWith(500);
    await suspend(company, 'lea');
    await tell(server, company);
    await reactivate(company, 'lea');
    await suspend(company, 'max');
    await tell(server, company);
    assert.deepEqual(platform.types(), ['user.suspended', 'user.suspended']);
    assert.deepEqual(platform.emails(), ['lea@acme.example', 'max@acme.example']);
    await timePasses(database);
    await tell(server, company);
    assert.deepEqual(platform.types().slice(2), ['user.suspended', 'user.reactivated']);
    assert.deepEqual(platform.emails().slice(2), ['lea@acme.example', 'lea@acme.example']);
    assert.equal(platform.received[0]?.id, platform.received[2]?.id);
    assert.equal(new Set(platform.received.map(({ id }) => id)).size, 3);
  });

  it('given two workers at once, then nobody hears anything twice', async () => {
    const platform = await receiver();
    const company = await makeCompany(server, database);
    await subscribe(company, 'platform', { ...said(platform), events: ['user.created'] });
    company.write(
      LEA,
      MAX,
      ...Array.from({ length: 40 }, (_, n) => `N${n},n${n}@acme.example,N ${n},Engineering,Developer,active`),
    );
    assert.equal((await company.sync()).status, 'applied');
    await Promise.all([tell(server, company), tell(server, company), tell(server, company)]);
    assert.equal(platform.received.length, 42);
    assert.equal(new Set(platform.received.map(({ id }) => id)).size, 42);
  });

  it('given ten tries over three days, then it is given up, loudly, and goes out again by hand; Retry-After is honoured', async () => {
    const platform = await receiver();
    const company = await companyWithPeople(server, database);
    await subscribe(company, 'platform', { ...said(platform), events: ['user.suspended'] });
    await suspend(company, 'lea');
    platform.answerHeaders({ 'retry-after': '1000' });
    platform.answerWith(503);
    await tell(server, company);
    const waits = async () => {
      const [only] = await deliveries(company);
      return (new Date(only.nextAttemptAt).getTime() - Date.now()) / 1000;
    };
    const asked = await waits();
    assert.ok(asked > 950 && asked <= 1000, `${asked}`);
    platform.answerHeaders({});
    let total = 5;
    for (let tries = 2; tries <= 10; tries += 1) {
      await timePasses(database);
      platform.answerWith(500);
      await tell(server, company);
      if (tries < 10) total += await waits();
    }
    assert.ok(total > 75 * 3600 && total < 1.2 * 76 * 3600, `${total / 3600} hours`);
    assert.equal(platform.received.length, 10);
    assert.equal(new Set(platform.received.map(({ id }) => id)).size, 1);
    const [only] = await deliveries(company, 'platform', '?state=failed');
    assert.partialDeepStrictEqual(only, { attempts: 10, lastError: 'the endpoint answered 500' });
    const { events } = (
      await company.api('get', '/audit-events?action=webhook_endpoint.message_undelivered').expect(200)
    ).body;
    assert.equal(events.length, 1);
    await company.api('post', `/webhook-endpoints/platform/deliveries/${only.id}/retry`).expect(204);
    await tell(server, company);
    assert.equal((await deliveries(company))[0].state, 'delivered');
    await company.api('post', `/webhook-endpoints/platform/deliveries/nonsense/retry`).expect(404);
  });

  it('OUT-2 given 410, then it is left alone until somebody turns it on again, and of what was meanwhile it is not told', async () => {
    const platform = await receiver();
    const company = await companyWithPeople(server, database);
    await subscribe(company, 'platform', { ...said(platform), events: ['user.suspended'] });
    platform.answerWith(410);
    await suspend(company, 'lea');
    await tell(server, company);
    const { webhookEndpoints } = (await company.api('get', '/webhook-endpoints').expect(200)).body;
    assert.partialDeepStrictEqual(webhookEndpoints[0], {
      enabled: false,
      disabledReason: 'the endpoint answered 410: it wants no more messages',
    });
    await suspend(company, 'max');
    await tell(server, company);
    await subscribe(company, 'platform', { ...said(platform), events: ['user.suspended', 'user.reactivated'] });
    await reactivate(company, 'max');
    await tell(server, company);
    assert.deepEqual(platform.types(), ['user.suspended', 'user.reactivated']);
  });

  it('OUT-1 OUT-2 OUT-3 given answers without end, connections that break, redirects, addresses inside, then none holds the worker up', async () => {
    const platform = await receiver();
    const company = await companyWithPeople(server, database);
    await subscribe(company, 'platform', { ...said(platform), events: ['user.suspended', 'user.reactivated'] });
    platform.misbehave('endless');
    await suspend(company, 'lea');
    await tell(server, company);
    assert.equal((await deliveries(company))[0].state, 'delivered', 'the answer is not read');
    platform.misbehave('break off');
    await reactivate(company, 'lea');
    await tell(server, company);
    assert.partialDeepStrictEqual((await deliveries(company))[0], { state: 'retry', type: 'user.reactivated' });
    platform.misbehave('not at all');
    platform.answerHeaders({ location: `${platform.url}/elsewhere` });
    platform.answerWith(302);
    await timePasses(database);
    await tell(server, company);
    assert.partialDeepStrictEqual((await deliveries(company))[0], {
      state: 'retry',
      lastError: 'the endpoint answered 302',
    });
    await timePasses(database);
    const walled = {
      ...server,
      deps: { ...server.deps, settings: { ...server.deps.settings, allowPrivateNetwork: false } },
    };
    const before = platform.received.length;
    await tell(walled, company);
    assert.match((await deliveries(company))[0].lastError, /not a public address/);
    assert.equal(platform.received.length, before);
  });
});

describe('secrets and tests', () => {
  it('OUT-7 given the secret is rotated, then messages carry both signatures until the overlap is over, and then the new one', async () => {
    const platform = await receiver();
    const company = await companyWithPeople(server, database);
    await subscribe(company, 'platform', { ...said(platform), events: ['user.suspended', 'user.reactivated'] });
    const rotated = await company
      .api('post', '/webhook-endpoints/platform/rotate-secret')
      .send({ overlapHours: 1 })
      .expect(200);
    await suspend(company, 'lea');
    await tell(server, company);
    platform.expect(rotated.body.secret);
    await reactivate(company, 'lea');
    await tell(server, company);
    assert.deepEqual(
      platform.received.map(({ signatures }) => signatures),
      [2, 2],
      'good by either',
    );
    await asSuperuser(database, 'UPDATE webhook_endpoints SET previous_until = now()');
    await suspend(company, 'max');
    await tell(server, company);
    assert.equal(platform.received.at(-1)?.signatures, 1);
    const shown = JSON.stringify([
      (await company.api('get', '/webhook-endpoints')).body,
      (await company.api('get', '/audit-events?limit=500')).body,
      await asSuperuser(database, 'SELECT * FROM webhook_endpoints'),
    ]);
    for (const secret of [rotated.body.secret, platform.secret]) assert.ok(!shown.includes(secret));
  });

  it('given a secret of fewer than 24 or more than 64 bytes, or an event that there is not, then it is refused', async () => {
    const company = await makeCompany(server, database);
    const put = (body: object) =>
      company.api('put', '/webhook-endpoints/x').send({ url: 'https://platform.example/hooks', ...body });
    for (const [bytes, status] of [
      [23, 400],
      [24, 200],
      [64, 200],
      [65, 400],
    ] as const)
      await put({ secret: `whsec_${Buffer.alloc(bytes, 1).toString('base64')}` }).expect(status);
    await put({ secret: 'whsec_not base64' }).expect(400);
    await put({ events: ['user.promoted'] }).expect(400);
    await put({ events: [] }).expect(400);
  });

  it('given somebody asks for a test, then the endpoint gets one and the log tells of it; the worker does it by itself', async () => {
    const platform = await receiver();
    const company = await companyWithPeople(server, database);
    await subscribe(company, 'platform', { ...said(platform), events: ['user.suspended'] });
    await startSignalWorker(signalling(server));
    await suspend(company, 'lea');
    await until(async () => platform.types().includes('user.suspended'), 20, 'the message has come');
    const asked = await company.api('post', '/webhook-endpoints/platform/test').expect(202);
    await until(async () => platform.types().includes('webhook.test'), 20, 'the test has come');
    assert.equal(platform.received.at(-1)?.id, asked.body.messageId);
    await company.api('delete', '/webhook-endpoints/platform').expect(204);
    await company.api('get', '/webhook-endpoints/platform/deliveries').expect(404);
  });
});
