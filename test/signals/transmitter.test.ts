/** Shared signals out: security event tokens, pushed and polled, by the Shared Signals Framework 1.0 with CAEP and RISC. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startSession } from '../../src/credentials/session.ts';
import { asSuperuser } from '../audit/arrange.ts';
import { until } from '../harness/command.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { tell, timePasses } from './arrange.ts';
import { CAEP, POLL, PUSH, RISC, reactivate, suspend, transmitting } from './transmitting.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const { arrange, pushed } = transmitting(server, database);

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
      add_subject_endpoint: `${issuer}/subjects/add`,
      remove_subject_endpoint: `${issuer}/subjects/remove`,
      verification_endpoint: `${issuer}/verification`,
      authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6750' }],
      default_subjects: 'ALL',
    });
    for (const [name, address] of Object.entries(configuration)) {
      if (!name.endsWith('_endpoint')) continue;
      const { status } = await server.http.post(new URL(String(address)).pathname).send({});
      assert.equal(status, 401, `${name} is there, and needs a credential`);
    }
    const { keys } = (await server.http.get(new URL(configuration.jwks_uri).pathname).expect(200)).body;
    assert.ok(keys.length > 0);
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
    // What is written while another test's transaction is open is sealed, and told, a little later.
    const threeOfFour = async () => {
      const got = await poll({ maxEvents: 3 });
      return Object.keys(got.sets).length === 3 && got.moreAvailable && got;
    };
    const first = await until(threeOfFour, 10, 'four tokens');
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
