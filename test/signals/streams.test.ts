/** A receiver and its streams: configuration, status, subjects, verification, and the log of what each was told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { tell, timePasses } from './arrange.ts';
import { CAEP, POLL, PUSH, RISC, reactivate, suspend, transmitting } from './transmitting.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const { arrange, pushed } = transmitting(server, database);
const DISABLED = `${RISC}/account-disabled`;
const UPDATED = 'https://schemas.openid.net/secevent/ssf/event-type/stream-updated';

describe('managing streams', () => {
  it('given a stream, then its receiver reads, changes, replaces and deletes it; what it may not say is refused', async () => {
    const { configuration, ask, create } = await arrange();
    const at = configuration.configuration_endpoint;
    assert.deepEqual((await ask('get', at).expect(200)).body, []);
    const delivery = {
      method: PUSH,
      endpoint_url: 'https://receiver.example/events',
      authorization_header: 'Bearer hidden-value',
    };
    const made = await create({ delivery, description: 'ours', events_requested: [`${CAEP}/session-revoked`] });
    const { stream_id } = made;
    assert.deepEqual((await ask('get', `${at}?stream_id=${stream_id}`).expect(200)).body, made);
    assert.deepEqual((await ask('get', at).expect(200)).body, [made]);
    assert.ok(!JSON.stringify(made).includes('hidden-value'));
    const changed = (await ask('patch', at, { stream_id, description: 'theirs' }).expect(200)).body;
    assert.deepEqual(changed, { ...made, description: 'theirs' });
    assert.deepEqual((await ask('put', at, { ...changed, delivery }).expect(200)).body, changed, 'as it was read');
    const replaced = (
      await ask('put', at, { stream_id, iss: made.iss, aud: made.aud, delivery: { method: POLL } }).expect(200)
    ).body;
    assert.deepEqual(
      [replaced.description, replaced.events_requested, replaced.delivery.method],
      [undefined, undefined, POLL],
    );
    for (const ours of [{ aud: 'somebody else' }, { events_delivered: [] }, { min_verification_interval: 1 }])
      await ask('patch', at, { stream_id, ...ours }).expect(400);
    await ask('patch', at, { description: 'which?' }).expect(400);
    await ask('post', at, { delivery: { method: PUSH } }).expect(400);
    await ask('post', at, { delivery: { method: PUSH, endpoint_url: 'ftp://x' } }).expect(400);
    await ask('delete', `${at}?stream_id=${stream_id}`).expect(204);
    for (const missing of [stream_id, 'nonsense']) await ask('get', `${at}?stream_id=${missing}`).expect(404);
  });

  it('given a stream that is paused, then it is told afterwards; one that was off is not told of what was meanwhile', async () => {
    const made = await arrange();
    const { company } = made;
    const receiver = await pushed(made, { events_requested: [`${RISC}/account-disabled`, `${RISC}/account-enabled`] });
    const { stream_id } = receiver.stream;
    const set = async (status: string) => {
      const { body } = await made
        .ask('post', made.configuration.status_endpoint, { stream_id, status, reason: 'because' })
        .expect(200);
      assert.deepEqual(body, { stream_id, status, reason: 'because' });
    };
    await set('paused');
    await suspend(company, 'lea');
    await tell(server, company);
    assert.deepEqual(receiver.types(), []);
    await set('enabled');
    await tell(server, company);
    assert.deepEqual(receiver.types(), [`${RISC}/account-disabled`]);
    await set('paused');
    await reactivate(company, 'lea');
    await tell(server, company);
    await set('disabled');
    await suspend(company, 'max');
    await tell(server, company);
    await set('enabled');
    await reactivate(company, 'max');
    await tell(server, company);
    assert.deepEqual(
      receiver.types().slice(1),
      [`${RISC}/account-enabled`],
      'nothing of what waited when it was turned off',
    );
    const status = await made.ask('get', `${made.configuration.status_endpoint}?stream_id=${stream_id}`).expect(200);
    assert.equal(status.body.status, 'enabled');
  });

  it('given a verification is asked for, then it comes along the stream with the state that was given; not too often', async () => {
    const made = await arrange();
    const receiver = await pushed(made);
    const { stream_id } = receiver.stream;
    const at = made.configuration.verification_endpoint;
    await made.ask('post', at, { stream_id, state: 'VGhpcw' }).expect(204);
    await made.ask('post', at, { stream_id }).expect(429);
    await tell(server, made.company);
    const [only] = receiver.received;
    assert.deepEqual(only?.claims.sub_id, { format: 'opaque', id: stream_id });
    assert.deepEqual(only?.claims.events, {
      'https://schemas.openid.net/secevent/ssf/event-type/verification': { state: 'VGhpcw' },
    });
    await made.ask('post', at, { stream_id: crypto.randomUUID() }).expect(404);
  });

  it('TEN-1 given no key, a key of another scope or another organization, then nothing is told of streams', async () => {
    const [made, other] = [await arrange(), await arrange()];
    const stream = await made.create({});
    const at = made.configuration.configuration_endpoint;
    await server.http.get(at.replace(server.url, '')).expect(401);
    await other.ask('get', at).expect(404);
    await other.ask('get', `${other.configuration.configuration_endpoint}?stream_id=${stream.stream_id}`).expect(404);
    await other
      .ask('post', `${other.configuration.issuer}/streams/${stream.stream_id}/poll`, { returnImmediately: true })
      .expect(404);
    const { key } = (
      await made.company
        .api('post', '/api-keys')
        .send({ name: 'x', kind: 'service', scopes: ['access:evaluate'] })
        .expect(201)
    ).body;
    await server.http.get(at.replace(server.url, '')).set('Authorization', `Bearer ${key}`).expect(403);
    await server.http.get(at.replace(server.url, '')).set('Authorization', server.operator).expect(200);
  });
});

describe('subjects', () => {
  it('given a stream of all people, then one who is removed is told of no more, until they are added again', async () => {
    const made = await arrange();
    const { company, configuration, ask } = made;
    const receiver = await pushed(made, { events_requested: [DISABLED], format: 'email' });
    const { stream_id } = receiver.stream;
    const lea = { format: 'email', email: 'Lea@acme.example' };
    await ask('post', configuration.remove_subject_endpoint, { stream_id, subject: lea }).expect(204);
    for (const name of ['lea', 'max']) await suspend(company, name);
    await tell(server, company);
    const told = () => receiver.received.map(({ claims }) => claims.sub_id['email']);
    assert.deepEqual(told(), ['max@acme.example']);
    await reactivate(company, 'lea');
    const user = { format: 'complex', user: { ...lea } };
    const added = await ask('post', configuration.add_subject_endpoint, { stream_id, subject: user, verified: true });
    assert.deepEqual([added.status, added.text], [200, '']);
    await suspend(company, 'lea');
    await tell(server, company);
    assert.deepEqual(told(), ['max@acme.example', 'lea@acme.example']);
  });

  it('given a stream of nobody, then it tells of those who were added, by whichever name, and its configuration says so', async () => {
    const made = await arrange();
    const { company, configuration, ask } = made;
    const stream = await made.create({ events_requested: [DISABLED], format: 'opaque', default_subjects: 'NONE' });
    assert.equal(stream.default_subjects, 'NONE');
    const { stream_id } = stream;
    const [lea, max] = [await company.person('lea@acme.example'), await company.person('max@acme.example')];
    const iss = `${server.url}/oauth`;
    await ask('post', configuration.add_subject_endpoint, { stream_id, subject: { format: 'opaque', id: lea } }).expect(
      200,
    );
    const named = { format: 'iss_sub', iss, sub: max };
    await ask('post', configuration.add_subject_endpoint, { stream_id, subject: named }).expect(200);
    await ask('post', configuration.remove_subject_endpoint, { stream_id, subject: named }).expect(204);
    for (const name of ['lea', 'max']) await suspend(company, name);
    await tell(server, company);
    const { sets } = (await ask('post', stream.delivery.endpoint_url, { returnImmediately: true }).expect(200)).body;
    const told = await Promise.all(Object.values(sets).map((token) => made.verify(String(token), stream)));
    assert.deepEqual(
      told.map(({ claims }) => claims.sub_id),
      [{ format: 'opaque', id: lea }],
    );
  });

  it('given nobody of that name, a stream that is not there, or a subject that is none, then 404 or 400', async () => {
    const { configuration, ask, create } = await arrange();
    const { stream_id } = await create({});
    const nobody = [
      { format: 'email', email: 'nobody@acme.example' },
      { format: 'opaque', id: stream_id },
      { format: 'iss_sub', iss: 'https://other.example', sub: crypto.randomUUID() },
    ];
    for (const at of [configuration.add_subject_endpoint, configuration.remove_subject_endpoint]) {
      for (const subject of nobody) await ask('post', at, { stream_id, subject }).expect(404);
      const subject = { format: 'email', email: 'lea@acme.example' };
      await ask('post', at, { stream_id: crypto.randomUUID(), subject }).expect(404);
      const device = { format: 'complex', user: subject, device: { format: 'opaque', id: 'laptop' } };
      for (const none of [undefined, 'lea', { format: 'phone_number', phone_number: '+1' }, device])
        await ask('post', at, { stream_id, subject: none }).expect(400);
    }
  });
});

describe('what the organization does itself', () => {
  it('given an administrator pauses a stream, turns it off and on, then its receiver is told each time, pushed or polled', async () => {
    const made = await arrange();
    const { company } = made;
    const receiver = await pushed(made);
    const polled = await made.create({});
    const set = (id: string, body: object) => company.api('post', `/ssf-streams/${id}/status`).send(body).expect(200);
    for (const { stream_id: id } of [receiver.stream, polled]) {
      await set(id, { status: 'paused', reason: 'maintenance' });
      await suspend(company, id === polled.stream_id ? 'max' : 'lea');
    }
    await tell(server, company);
    assert.deepEqual(
      receiver.received.map(({ claims }) => [claims.sub_id, claims.events]),
      [
        [
          { format: 'opaque', id: receiver.stream.stream_id },
          { [UPDATED]: { status: 'paused', reason: 'maintenance' } },
        ],
      ],
    );
    const poll = async () =>
      (await made.ask('post', polled.delivery.endpoint_url, { returnImmediately: true }).expect(200)).body.sets;
    const [token, ...more] = Object.values(await poll());
    assert.deepEqual(more, []);
    assert.deepEqual(Object.keys((await made.verify(String(token), polled)).claims.events), [UPDATED]);
    await set(receiver.stream.stream_id, { status: 'disabled' });
    await set(receiver.stream.stream_id, { status: 'enabled' });
    await tell(server, company);
    await tell(server, company);
    assert.deepEqual(
      receiver.received.slice(1).map(({ claims }) => claims.events),
      [{ [UPDATED]: { status: 'disabled' } }, { [UPDATED]: { status: 'enabled' } }],
    );
  });

  it('given tokens were pushed, then the log says how often each was tried and what was answered, and one can be told again', async () => {
    const made = await arrange();
    const { company } = made;
    const receiver = await pushed(made, { events_requested: [DISABLED] });
    const { stream_id } = receiver.stream;
    receiver.answerWith({ status: 503 });
    await suspend(company, 'lea');
    await tell(server, company);
    const list = async () =>
      (await company.api('get', `/ssf-streams/${stream_id}/deliveries`).expect(200)).body.deliveries;
    const [first] = await list();
    assert.partialDeepStrictEqual(first, { state: 'retry', attempts: 1, lastStatus: 503, type: DISABLED });
    const shown = (await company.api('get', '/ssf-streams').expect(200)).body;
    assert.equal(shown.issuer, made.configuration.issuer);
    assert.partialDeepStrictEqual(shown.streams[0], { waiting: 1, failed: 0, lastError: 'the receiver answered 503' });
    await timePasses(database);
    await tell(server, company);
    const [second] = await list();
    assert.partialDeepStrictEqual(second, { state: 'delivered', attempts: 2, lastStatus: 202, lastError: null });
    assert.equal(second.messageId, receiver.received[0]?.claims.jti);
    await company.api('post', `/ssf-streams/${stream_id}/deliveries/${second.id}/retry`).expect(204);
    const { delivery } = (await company.api('post', `/ssf-streams/${stream_id}/verify`).expect(202)).body;
    await tell(server, company);
    assert.deepEqual(new Set(receiver.received.map(({ claims }) => claims.jti)), new Set([second.id, delivery]));
    assert.equal(receiver.received.length, 4);
    await company.api('delete', `/ssf-streams/${stream_id}`).expect(204);
    await company.api('get', `/ssf-streams/${stream_id}/deliveries`).expect(404);
  });

  it('given a stream is made for a receiver that makes none itself, then any receiver’s key reaches it, and one’s own stream no other’s', async () => {
    const made = await arrange();
    const { company, ask, configuration } = made;
    const theirs = await made.create({});
    const delivery = { method: POLL };
    const { body: ours } = await company
      .api('post', '/ssf-streams')
      .send({ delivery, description: 'for them' })
      .expect(201);
    const at = configuration.configuration_endpoint;
    const ids = async (key?: string) => {
      const request = ask('get', at);
      if (key !== undefined) request.set('Authorization', `Bearer ${key}`);
      return (await request.expect(200)).body.map(({ stream_id }: { stream_id: string }) => stream_id);
    };
    assert.deepEqual(await ids(), [theirs.stream_id, ours.id]);
    const input = { name: 'another', kind: 'service', scopes: ['signals:receive'] };
    const { body: another } = await company.api('post', '/api-keys').send(input).expect(201);
    assert.deepEqual(await ids(another.key), [ours.id]);
    await ask('delete', `${at}?stream_id=${theirs.stream_id}`)
      .set('Authorization', `Bearer ${another.key}`)
      .expect(404);
    const { body: own } = await company.api('get', '/api-keys').expect(200);
    const receiver = own.apiKeys.find(({ name }: { name: string }) => name === 'receiver');
    const { body: rotated } = await company.api('post', `/api-keys/${receiver.id}/rotate`).send({}).expect(201);
    assert.deepEqual(await ids(rotated.key), [theirs.stream_id, ours.id], 'the key that takes its place');
  });
});
