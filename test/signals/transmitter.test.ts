/** Shared signals out: security event tokens, pushed and polled, by the Shared Signals Framework 1.0 with CAEP and RISC. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startSession } from '../../src/credentials/session.ts';
import { asSuperuser } from '../audit/arrange.ts';
import { startSsfReceiver, verifyToken } from '../doubles/ssf-receiver.ts';
import type { Company } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { companyWithPeople } from '../offboarding/arrange.ts';
import { tell, timePasses } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type';
const RISC = 'https://schemas.openid.net/secevent/risc/event-type';
const PUSH = 'urn:ietf:rfc:8935';
const POLL = 'urn:ietf:rfc:8936';

/** A company, and a receiver that has a key of it and has read its configuration. */
async function arrange() {
  const company = await companyWithPeople(server, database);
  const { key } = (
    await company
      .api('post', '/api-keys')
      .send({ name: 'receiver', kind: 'service', scopes: ['signals:receive'] })
      .expect(201)
  ).body;
  const { body: configuration } = await server.http.get(`/.well-known/ssf-configuration/ssf/${company.id}`).expect(200);
  const ask = (method: 'get' | 'post' | 'put' | 'patch' | 'delete', url: string, body?: object) => {
    const request = server.http[method](url.replace(server.url, '')).set('Authorization', `Bearer ${key}`);
    return body === undefined ? request : request.send(body);
  };
  const create = async (body: object) => {
    const made = await ask('post', configuration.configuration_endpoint, body);
    assert.equal(made.status, 201, made.text);
    return made.body;
  };
  const verify = (token: string, stream: { aud: string }) =>
    verifyToken(token, configuration.issuer, stream.aud, configuration.jwks_uri);
  return { company, configuration, ask, create, verify };
}

async function pushed(made: Awaited<ReturnType<typeof arrange>>, more: object = {}) {
  const receiver = await startSsfReceiver();
  database.onEnd(receiver.close);
  const delivery = { method: PUSH, endpoint_url: receiver.url, authorization_header: 'Bearer of-the-receiver' };
  const stream = await made.create({ delivery, ...more });
  receiver.trust(made.configuration.issuer, stream.aud, made.configuration.jwks_uri);
  const types = () => receiver.received.map(({ claims }) => Object.keys(claims.events).join());
  return { ...receiver, stream, types };
}

const suspend = (company: Company, name: string) =>
  company.api('post', `/people/${name}@acme.example/suspend`).send({ reason: 'looked into' }).expect(204);
const reactivate = (company: Company, name: string) =>
  company.api('post', `/people/${name}@acme.example/reactivate`).send({ reason: 'all is well' }).expect(204);

describe('the transmitter', () => {
  it('given an organization, then its configuration is found before the path of its issuer, and says where all the rest is', async () => {
    const { company, configuration } = await arrange();
    const issuer = `${server.url}/ssf/${company.id}`;
    assert.deepEqual(configuration, {
      spec_version: '1_0',
      issuer,
      jwks_uri: `${server.url}/oauth/jwks`,
      delivery_methods_supported: [PUSH, POLL],
      configuration_endpoint: `${issuer}/streams`,
      status_endpoint: `${issuer}/status`,
      verification_endpoint: `${issuer}/verification`,
      authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6750' }],
      default_subjects: 'ALL',
    });
    for (const path of ['', '/', '/ssf/nobody', `/ssf/${crypto.randomUUID()}`])
      await server.http.get(`/.well-known/ssf-configuration${path}`).expect(404);
  });

  it('given somebody leaves, then account-disabled and session-revoked are pushed: signed, of one event each, about sub_id and nothing else', async () => {
    const made = await arrange();
    const receiver = await pushed(made);
    await made.company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'contract ended' }).expect(201);
    await tell(server, made.company);
    assert.deepEqual(receiver.types().sort(), [`${CAEP}/session-revoked`, `${RISC}/account-disabled`]);
    for (const { header, claims, http } of receiver.received) {
      assert.partialDeepStrictEqual(header, { alg: 'RS256', typ: 'secevent+jwt' });
      assert.deepEqual(Object.keys(claims).sort(), ['aud', 'events', 'iat', 'iss', 'jti', 'sub_id', 'toe']);
      assert.deepEqual(claims.sub_id, {
        ...{ format: 'iss_sub', iss: `${server.url}/oauth` },
        sub: await made.company.person('lea@acme.example'),
      });
      assert.partialDeepStrictEqual(http, {
        ...{ 'content-type': 'application/secevent+jwt', accept: 'application/json' },
        authorization: 'Bearer of-the-receiver',
      });
    }
    const [disabled] = receiver.received.flatMap(({ claims }) => claims.events[`${RISC}/account-disabled`] ?? []);
    assert.deepEqual(disabled, {}, 'RISC has no reason for leavers');
    const [revoked] = receiver.received.flatMap(
      ({ claims }) => claims.events[`${CAEP}/session-revoked`] as Record<string, unknown>,
    );
    assert.partialDeepStrictEqual(revoked, { initiating_entity: 'admin', reason_admin: { en: 'contract ended' } });
    assert.ok(Number(Object(revoked).event_timestamp) > Date.now() / 1000 - 60);
  });

  it('given suspension, return, a session’s end and a credential’s change, then each is told as what it is', async () => {
    const made = await arrange();
    const { company } = made;
    const receiver = await pushed(made, { format: 'email' });
    const lea = await company.person('lea@acme.example');
    await suspend(company, 'lea');
    await reactivate(company, 'lea');
    await company.within((tx) => startSession(tx, { userId: lea, connectionId: null, authenticatedBy: 'saml' }));
    await company.api('delete', `/people/${lea}/sessions`);
    await company
      .api('delete', '/people/lea@acme.example/second-factors')
      .expect((answer) => assert.ok(answer.ok, answer.text));
    await tell(server, company);
    assert.deepEqual(receiver.types().slice(2), [
      `${RISC}/account-enabled`,
      `${CAEP}/session-revoked`,
      `${CAEP}/credential-change`,
    ]);
    const [, , enabled, session, credential] = receiver.received.map(({ claims }) => claims);
    assert.deepEqual(enabled?.sub_id, { format: 'email', email: 'lea@acme.example' });
    assert.partialDeepStrictEqual(session?.sub_id, {
      format: 'complex',
      user: { format: 'email', email: 'lea@acme.example' },
      session: { format: 'opaque' },
    });
    assert.partialDeepStrictEqual(credential?.events[`${CAEP}/credential-change`], {
      credential_type: 'app',
      change_type: 'revoke',
    });
  });

  it('given a receiver that is away or refuses, then the same token comes again, and what it said is kept', async () => {
    const made = await arrange();
    const receiver = await pushed(made, {
      events_requested: [`${RISC}/account-disabled`, 'https://example.com/unknown'],
    });
    assert.deepEqual(receiver.stream.events_delivered, [`${RISC}/account-disabled`]);
    receiver.answerWith(
      { status: 503 },
      { status: 400, body: `{"err":"invalid_audience","description":"${'x'.repeat(100_000)}"}` },
    );
    await suspend(made.company, 'lea');
    await tell(server, made.company);
    await timePasses(database);
    await tell(server, made.company);
    const [kept] = await asSuperuser<{ last_error: string }>(
      database,
      `SELECT last_error FROM signal_deliveries WHERE target_id = '${receiver.stream.stream_id}'`,
    );
    assert.equal(kept?.last_error, 'the receiver answered 400: invalid_audience');
    await timePasses(database);
    await tell(server, made.company);
    assert.deepEqual(receiver.types(), Array(3).fill(`${RISC}/account-disabled`));
    assert.equal(new Set(receiver.received.map(({ claims }) => `${claims.jti} ${claims.iat}`)).size, 1);
    await timePasses(database);
    await tell(server, made.company);
    assert.equal(receiver.received.length, 3);
  });
});

describe('polling', () => {
  it('given tokens wait, then they come until they are acknowledged, as many as are wanted, and none is lost to a fault', async () => {
    const made = await arrange();
    const stream = await made.create({
      delivery: { method: POLL },
      events_requested: [`${RISC}/account-disabled`, `${RISC}/account-enabled`],
    });
    const poll = async (body: object) =>
      (await made.ask('post', stream.delivery.endpoint_url, { returnImmediately: true, ...body }).expect(200)).body;
    assert.deepEqual(await poll({}), { sets: {} });
    for (const name of ['lea', 'max']) {
      await suspend(made.company, name);
      await reactivate(made.company, name);
    }
    const first = await poll({ maxEvents: 3 });
    assert.deepEqual([Object.keys(first.sets).length, first.moreAvailable], [3, true]);
    for (const [jti, token] of Object.entries(first.sets))
      assert.equal((await made.verify(String(token), stream)).claims.jti, jti);
    assert.deepEqual(Object.keys((await poll({ maxEvents: 3 })).sets), Object.keys(first.sets), 'not acknowledged');
    const [one, two, three] = Object.keys(first.sets);
    const rest = await poll({
      ack: [one, two],
      setErrs: { [String(three)]: { err: 'authentication_failed', description: 'unknown key' } },
    });
    assert.deepEqual([Object.keys(rest.sets).length, rest.moreAvailable], [1, undefined]);
    const { events } = (
      await made.company.api('get', '/audit-events?action=ssf_stream.message_undelivered').expect(200)
    ).body;
    assert.equal(events[0].reason, 'authentication_failed: unknown key');
    assert.deepEqual(await poll({ ack: Object.keys(rest.sets), maxEvents: 0 }), { sets: {} });
    assert.deepEqual(await poll({}), { sets: {} });
    await made.ask('post', stream.delivery.endpoint_url, { ack: ['nonsense'] }).expect(400);
  });

  it('given a receiver that waits, then it is answered as soon as there is something to tell', async () => {
    const made = await arrange();
    const stream = await made.create({});
    const started = Date.now();
    const waiting = made.ask('post', stream.delivery.endpoint_url, {}).then((answer) => answer);
    await suspend(made.company, 'lea');
    const { body } = await waiting;
    assert.ok(Object.keys(body.sets).length > 0);
    assert.ok(Date.now() - started < 8000);
  });
});

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
    const replaced = (
      await ask('put', at, { stream_id, iss: made.iss, aud: made.aud, delivery: { method: POLL } }).expect(200)
    ).body;
    assert.deepEqual(
      [replaced.description, replaced.events_requested, replaced.delivery.method],
      [undefined, undefined, POLL],
    );
    await ask('patch', at, { stream_id, aud: 'somebody else' }).expect(400);
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
    await set('disabled');
    await suspend(company, 'max');
    await tell(server, company);
    await set('enabled');
    await reactivate(company, 'lea');
    await tell(server, company);
    assert.deepEqual(receiver.types(), [`${RISC}/account-disabled`, `${RISC}/account-enabled`]);
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
