/** Shared signals in: what a transmitter says of people is done, once, and only by its own true word. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { signalPoller } from '../../src/sign-in/ssf/poll.ts';
import { asSuperuser } from '../audit/arrange.ts';
import { startSsfTransmitter } from '../doubles/ssf-transmitter.ts';
import type { Company } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { companyWithPeople, isActive, leaActs } from '../offboarding/arrange.ts';
import { tell } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const transmitter = await startSsfTransmitter('drawbridge');
database.onEnd(transmitter.close);

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type';
const RISC = 'https://schemas.openid.net/secevent/risc/event-type';
const LEA = { format: 'email', email: 'lea@acme.example' };
const JWT = 'application/secevent+jwt';
let count = 0;

/** A company that owns the domain of its people, and listens to the transmitter. */
async function arrange(more: object = {}) {
  const company = await companyWithPeople(server, database);
  count += 1;
  // One domain can be proven by one organization at a time.
  await asSuperuser(database, 'DELETE FROM domains');
  await company.within((tx) =>
    sql`INSERT INTO domains (organization_id, name, verification_token, verified_at, verified_how)
      VALUES (${tx.organizationId}, 'acme.example', ${`t${count}`}, now(), 'operator')`.execute(tx.db),
  );
  const put = await company
    .api('put', '/ssf-receivers/idp')
    .send({ issuer: transmitter.issuer, audience: 'drawbridge', ...more });
  assert.equal(put.status, 200, put.text);
  const push = (token: string, headers: Record<string, string> = {}) =>
    server.http
      .post(new URL(put.body.pushUrl).pathname)
      .set({ 'content-type': JWT, ...headers })
      .send(token);
  const say = async (type: string, payload: object = {}, sub_id: object = LEA) =>
    push(await transmitter.sign({ sub_id, events: { [type]: payload } })).expect(202);
  return { company, receiver: put.body, push, say };
}

const person = async (company: Company, name: string) =>
  (await company.api('get', `/people/${name}@acme.example`).expect(200)).body;
const told = async (company: Company) =>
  (await company.api('get', '/audit-events?action=ssf_receiver.told').expect(200)).body.events.map(
    (event: { detail: { received: string } }) => event.detail.received,
  );

describe('a signal', () => {
  it('given sessions are revoked or a credential is taken away there, then whatever signs them in ends here, and the account stays', async () => {
    const { company, say } = await arrange();
    for (const [type, payload, over] of [
      [`${CAEP}/credential-change`, { change_type: 'create', credential_type: 'fido2-roaming' }, false],
      [`${CAEP}/credential-change`, { change_type: 'revoke', credential_type: 'password' }, true],
      [`${CAEP}/session-revoked`, { reason_admin: { en: 'stolen laptop' } }, true],
    ] as const) {
      const { token, key } = await leaActs(server, company);
      await say(type, payload);
      assert.deepEqual([await isActive(server, token), await isActive(server, key)], [!over, true], type);
    }
    assert.equal((await person(company, 'lea')).status, 'active');
    const { events } = (await company.api('get', '/audit-events?action=ssf_receiver.told').expect(200)).body;
    assert.equal(events[0].reason, 'stolen laptop');
  });

  it('given the account is disabled there, then as said here they are suspended, and enabled again; an administrator’s suspension stands', async () => {
    const { company, say } = await arrange();
    await say(`${RISC}/account-disabled`);
    assert.equal((await person(company, 'lea')).status, 'suspended');
    await say(`${RISC}/account-disabled`);
    await say(`${RISC}/account-enabled`);
    assert.equal((await person(company, 'lea')).status, 'active');
    await company.api('post', '/people/lea@acme.example/suspend').send({ reason: 'looked into' }).expect(204);
    await say(`${RISC}/account-enabled`);
    assert.equal((await person(company, 'lea')).status, 'suspended');
    assert.deepEqual((await told(company)).reverse(), ['suspended', 'suspended', 'enabled', 'kept']);
  });

  it('given they are to leave by it, then the final state is that of an administrator’s word, and no signal brings them back', async () => {
    const states: unknown[] = [];
    for (const how of ['signal', 'administrator']) {
      const { company, say } = await arrange({ onDisabled: 'deprovision' });
      const held = await leaActs(server, company);
      if (how === 'signal') await say(`${RISC}/account-disabled`);
      else await company.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(201);
      const { status, memberships } = await person(company, 'lea');
      const [only] = (await company.api('get', '/offboarding-cases').expect(200)).body.cases;
      states.push({
        status,
        memberships,
        works: [await isActive(server, held.key), await isActive(server, held.token)],
        closed: only.closedAt !== null,
      });
      if (how === 'administrator') continue;
      assert.equal(only.trigger, 'shared-signals');
      await say(`${RISC}/account-enabled`);
      assert.equal((await person(company, 'lea')).status, 'deprovisioned');
    }
    assert.deepEqual(states[0], states[1]);
  });

  it('given a protected account, then it is signed out and a person is asked', async () => {
    const { company, say } = await arrange();
    const { token } = await leaActs(server, company);
    await company.within(({ db }) => sql`UPDATE users SET protected = true`.execute(db));
    await say(`${RISC}/account-disabled`);
    assert.deepEqual([(await person(company, 'lea')).status, await isActive(server, token)], ['active', false]);
    assert.deepEqual(await told(company), ['withheld']);
  });

  it('given it comes again, or asks for nothing here, then 202 and nothing happens', async () => {
    const { company, push, say } = await arrange();
    const token = await transmitter.sign({ sub_id: LEA, events: { [`${RISC}/account-disabled`]: {} } });
    await push(token).expect(202);
    await say(`${RISC}/account-enabled`);
    await push(token).expect(202);
    assert.equal((await person(company, 'lea')).status, 'active');
    await say(
      'https://schemas.openid.net/secevent/ssf/event-type/verification',
      { state: 'x' },
      { format: 'opaque', id: 'stream' },
    );
    await say('https://example.com/weather-change', {});
    assert.deepEqual((await told(company)).slice(0, 2), ['noted', 'noted']);
  });
});

describe('who may speak of whom', () => {
  it('given people of no proven domain, or by names of no connection, then nothing happens to them; TEN-1 nor to another organization’s', async () => {
    const other = await companyWithPeople(server, database);
    const { company, say } = await arrange();
    await company.within(({ db }) =>
      sql`UPDATE users SET email = 'max@elsewhere.example' WHERE email LIKE 'max%'`.execute(db),
    );
    for (const subject of [
      { format: 'email', email: 'max@elsewhere.example' },
      { format: 'email', email: 'nobody' },
      { format: 'iss_sub', iss: transmitter.issuer, sub: await company.person('lea@acme.example') },
      { format: 'opaque', id: await other.person('lea@acme.example') },
      { format: 'phone_number', phone_number: '+12065550100' },
      { format: 'complex', session: { format: 'opaque', id: 'x' } },
    ])
      await say(`${RISC}/account-disabled`, {}, subject);
    const { people } = (await company.api('get', '/people').expect(200)).body;
    assert.ok(people.every(({ status }: { status: string }) => status === 'active'));
    assert.equal((await person(other, 'lea')).status, 'active');
    assert.deepEqual(new Set(await told(company)), new Set(['unknown', 'foreign']));
  });

  it('given a connection, then it speaks of those who sign in through it, by their subject there; in a complex subject too', async () => {
    const { company } = await arrange();
    const idp = { kind: 'oidc', issuer: 'https://op.example', clientId: 'c', clientSecret: 'secret-of-op' };
    const made = await company.api('put', '/connections/op').send(idp);
    assert.ok(made.ok, made.text);
    const [lea, max] = [await company.person('lea@acme.example'), await company.person('max@acme.example')];
    for (const [user, subject] of [
      [lea, 's-lea'],
      [max, 's-max'],
    ])
      await company.within((tx) =>
        sql`INSERT INTO identities (organization_id, user_id, connection_id, subject)
          SELECT organization_id, ${user}, id, ${subject} FROM connections WHERE slug = 'op'`.execute(tx.db),
      );
    const put = await company
      .api('put', '/ssf-receivers/idp')
      .send({ issuer: transmitter.issuer, audience: 'drawbridge', connection: 'op' })
      .expect(200);
    const say = async (sub_id: object) => {
      const token = await transmitter.sign({ sub_id, events: { [`${RISC}/account-disabled`]: {} } });
      await server.http.post(new URL(put.body.pushUrl).pathname).set('content-type', JWT).send(token).expect(202);
    };
    await say({ format: 'iss_sub', iss: 'https://evil.example', sub: 's-lea' });
    assert.equal((await person(company, 'lea')).status, 'active');
    await say({ format: 'iss_sub', iss: 'https://op.example', sub: 's-lea' });
    await say({ format: 'complex', user: { format: 'opaque', id: 's-max' }, device: { format: 'opaque', id: 'd' } });
    assert.deepEqual(
      [(await person(company, 'lea')).status, (await person(company, 'max')).status],
      ['suspended', 'suspended'],
    );
  });
});

describe('a token that does not count', async () => {
  const { company, push, receiver } = await arrange();
  const events = { [`${RISC}/account-disabled`]: {} };
  const good = { sub_id: LEA, events };
  const now = Math.floor(Date.now() / 1000);
  const cases: [string, string, () => Promise<string>][] = [
    ['no token at all', 'invalid_request', async () => 'nonsense'],
    ['another issuer', 'invalid_issuer', () => transmitter.sign({ ...good, iss: 'https://evil.example' })],
    ['another audience', 'invalid_audience', () => transmitter.sign({ ...good, aud: 'somebody else' })],
    ['no audience', 'invalid_audience', () => transmitter.sign({ ...good, aud: undefined })],
    ['another key', 'invalid_key', () => transmitter.forge(good)],
    ['an unknown key', 'invalid_key', () => transmitter.sign(good, { kid: 'other' })],
    [
      'no signature',
      'invalid_key',
      async () => {
        const [, claims] = (await transmitter.sign(good)).split('.');
        const header = Buffer.from(JSON.stringify({ alg: 'none', typ: 'secevent+jwt', kid: 'one' })).toString(
          'base64url',
        );
        return `${header}.${claims}.`;
      },
    ],
    [
      'altered claims',
      'invalid_key',
      async () => {
        const [header, , signature] = (await transmitter.sign(good)).split('.');
        const claims = Buffer.from(
          JSON.stringify({ ...good, iss: transmitter.issuer, aud: 'drawbridge', jti: 'x', iat: now }),
        );
        return `${header}.${claims.toString('base64url')}.${signature}`;
      },
    ],
    ['another type', 'invalid_request', () => transmitter.sign(good, { typ: 'JWT' })],
    ['no type', 'invalid_request', () => transmitter.sign(good, { typ: undefined })],
    ['no jti', 'invalid_request', () => transmitter.sign({ ...good, jti: undefined })],
    ['no iat', 'invalid_request', () => transmitter.sign({ ...good, iat: undefined })],
    ['an iat to come', 'invalid_request', () => transmitter.sign({ ...good, iat: now + 600 })],
    ['an iat of long ago', 'invalid_request', () => transmitter.sign({ ...good, iat: now - 8 * 86_400 })],
    ['a sub', 'invalid_request', () => transmitter.sign({ ...good, sub: 'lea' })],
    ['an exp', 'invalid_request', () => transmitter.sign({ ...good, exp: now + 300 })],
    ['no event', 'invalid_request', () => transmitter.sign({ sub_id: LEA, events: {} })],
    [
      'two events',
      'invalid_request',
      () => transmitter.sign({ sub_id: LEA, events: { ...events, [`${CAEP}/session-revoked`]: {} } }),
    ],
    [
      'events of another form',
      'invalid_request',
      () => transmitter.sign({ sub_id: LEA, events: [`${RISC}/account-disabled`] }),
    ],
  ];
  for (const [what, err, make] of cases) {
    it(`given ${what}, then 400 ${err}, and nothing happens`, async () => {
      const answer = await push(await make());
      assert.deepEqual([answer.status, answer.body.err], [400, err], answer.text);
      assert.equal((await person(company, 'lea')).status, 'active');
    });
  }

  it('given another content type, no such receiver, or one that is turned off, then it is refused', async () => {
    await push(await transmitter.sign(good), { 'content-type': 'application/json' }).expect(400);
    await push('x'.repeat(100_000)).expect(413);
    for (const id of [randomUUID(), 'nonsense'])
      await server.http.post(`/ssf/events/${id}`).set('content-type', JWT).send('x').expect(404);
    await company
      .api('put', '/ssf-receivers/idp')
      .send({ issuer: transmitter.issuer, audience: 'drawbridge', enabled: false })
      .expect(200);
    await push(await transmitter.sign(good)).expect(404);
    assert.equal(receiver.jwksUri, transmitter.jwksUri, 'discovered');
  });

  it('given a bearer token was agreed on, then a push without it does not count', async () => {
    const { push: pushTo, company: theirs } = await arrange({ pushToken: 'a-token-that-was-agreed-on' });
    const token = await transmitter.sign(good);
    for (const headers of [{}, { authorization: 'Bearer another-token-altogether' }])
      assert.equal((await pushTo(token, headers).expect(400)).body.err, 'authentication_failed');
    await pushTo(token, { authorization: 'Bearer a-token-that-was-agreed-on' }).expect(202);
    assert.equal((await person(theirs, 'lea')).status, 'suspended');
  });

  it('given a transmitter that does not describe itself, then it can not be listened to', async () => {
    await company
      .api('put', '/ssf-receivers/x')
      .send({ issuer: `${transmitter.issuer}/other`, audience: 'drawbridge' })
      .expect(502);
    await company
      .api('put', '/ssf-receivers/x')
      .send({ issuer: transmitter.issuer, audience: 'a', connection: 'none' })
      .expect(400);
    await company.api('delete', '/ssf-receivers/x').expect(404);
  });
});

describe('a transmitter that is polled', () => {
  it('given tokens wait there, then all are carried out, good ones acknowledged and others refused, and nobody is asked twice in a minute', async () => {
    const { company } = await arrange({ pollUrl: transmitter.pollUrl, pollToken: 'token-for-the-poll-0123' });
    const add = async (jti: string, type: string, more: object = {}) =>
      transmitter.waiting.set(jti, await transmitter.sign({ jti, sub_id: LEA, events: { [type]: {} }, ...more }));
    await add('a', `${RISC}/account-disabled`);
    await add('b', `${RISC}/account-enabled`);
    await add('c', `${RISC}/account-disabled`, { aud: 'somebody else' });
    await add('d', `${RISC}/account-disabled`);
    const poll = signalPoller(server.deps);
    await Promise.all([poll(), poll()]);
    assert.equal(transmitter.waiting.size, 0);
    assert.equal((await person(company, 'lea')).status, 'suspended');
    assert.deepEqual((await told(company)).reverse(), ['suspended', 'enabled', 'suspended']);
    assert.ok(transmitter.asked.every(({ authorization }) => authorization === 'Bearer token-for-the-poll-0123'));
    assert.ok(transmitter.asked.some(({ body }) => JSON.stringify(body['setErrs'] ?? {}).includes('invalid_audience')));
    const asked = transmitter.asked.length;
    await poll();
    assert.equal(transmitter.asked.length, asked);
  });

  it('given a transmitter that is away, then it is asked again later, and the API says why nothing comes', async () => {
    const { company } = await arrange({ pollUrl: 'http://127.0.0.1:9/poll' });
    await signalPoller(server.deps)();
    const { receivers } = (await company.api('get', '/ssf-receivers').expect(200)).body;
    assert.equal(receivers[0].lastError, "the transmitter can't be reached");
  });
});

describe('one Drawbridge after another', () => {
  it('given an organization transmits to another by push, then somebody who leaves the one is out of the other', async () => {
    const from = await companyWithPeople(server, database);
    const { key } = (
      await from
        .api('post', '/api-keys')
        .send({ name: 'receiver', kind: 'service', scopes: ['signals:receive'] })
        .expect(201)
    ).body;
    const { company: to } = await arrange();
    const issuer = `${server.url}/ssf/${from.id}`;
    const first = await to
      .api('put', '/ssf-receivers/upstream')
      .send({ issuer, audience: 'not yet', onDisabled: 'deprovision' })
      .expect(200);
    const stream = await server.http
      .post(`/ssf/${from.id}/streams`)
      .set('Authorization', `Bearer ${key}`)
      .send({ delivery: { method: 'urn:ietf:rfc:8935', endpoint_url: first.body.pushUrl }, format: 'email' })
      .expect(201);
    await to
      .api('put', '/ssf-receivers/upstream')
      .send({ issuer, audience: stream.body.aud, onDisabled: 'deprovision' })
      .expect(200);
    await from.api('post', '/people/lea@acme.example/offboard').send({ reason: 'x' }).expect(201);
    await tell(server, from);
    assert.deepEqual([(await person(to, 'lea')).status, (await person(to, 'max')).status], ['deprovisioned', 'active']);
  });
});
