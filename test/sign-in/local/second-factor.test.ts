import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { unescaped } from '../../../src/demo/browser.ts';
import { base32, codeAt, matchingStep, stepOf, totpUri } from '../../../src/sign-in/local/totp.ts';
import { Authenticator } from '../../doubles/authenticator.ts';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { holdings, lastEvent, organization, person, within } from '../arrange.ts';
import { type App, codeNow, enrolApp, givePassword, PASSWORD, prove, type Visitor, visitor, whoIs } from './arrange.ts';

const database = await openTestDatabase({ http: { trustProxy: true } });
const server = await startTestServer(database);
const second = await startTestServer(database);
const acme = await organization(server, 'acme');

/** Somebody new, with a password and signed in. */
async function newcomer(name: string): Promise<{ id: string; email: string; one: Visitor }> {
  const email = `${name}@acme.test`;
  const id = await person(server, acme, email);
  await givePassword(server, acme, id);
  const one = visitor(server);
  await one.signIn(email).expect(200);
  return { id, email, one };
}

/** Somebody new with an authenticator app, at the door of their second factor. */
async function atTheDoor(name: string): Promise<{ id: string; email: string; app: App; one: Visitor }> {
  const { id, email, one } = await newcomer(name);
  const app = await enrolApp(one);
  const fresh = visitor(server);
  const half = await fresh.signIn(email).expect(200);
  assert.equal(half.body.next, 'second-factor');
  return { id, email, app, one: fresh };
}

/** Enrols a key for whoever is signed in. */
async function enrolKey(one: Visitor): Promise<Authenticator> {
  const key = new Authenticator(server.url);
  const options = await one.send('post', '/me/security/webauthn').expect(200);
  await one
    .send('post', '/me/security/webauthn/confirm')
    .send({ name: 'key', response: key.create(options.body) })
    .expect(204);
  return key;
}

describe('one-time codes', () => {
  it('given the vectors of RFC 6238, then the codes are theirs', () => {
    const secret = base32(Buffer.from('12345678901234567890'));
    assert.equal(secret, 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
    for (const [seconds, code] of [
      [59, '287082'],
      [1111111109, '081804'],
      [1111111111, '050471'],
      [1234567890, '005924'],
      [2000000000, '279037'],
      [20000000000, '353130'],
    ] as const) {
      assert.equal(codeAt(secret, stepOf(seconds * 1000)), code);
    }
  });

  it('given a clock that is off, then a neighbouring step fits and one further away does not', () => {
    const secret = base32(Buffer.from('12345678901234567890'));
    const now = 1_700_000_000_000;
    const step = stepOf(now);
    assert.equal(matchingStep(secret, codeAt(secret, step - 1), now), step - 1);
    assert.equal(matchingStep(secret, codeAt(secret, step + 1), now), step + 1);
    assert.equal(matchingStep(secret, codeAt(secret, step - 2), now), undefined);
    assert.equal(matchingStep(secret, '', now), undefined);
    assert.match(totpUri(secret, 'a@b.test', 'Drawbridge'), /^otpauth:\/\/totp\/Drawbridge:a%40b\.test\?secret=GEZ/);
  });

  it('given an app, when the password is right, then nobody is in before its code, and by then as password+totp', async () => {
    const { email, app, one } = await atTheDoor('ana');
    assert.equal(await whoIs(one), undefined);
    const asked = await one.send('get', '/sign-in/second-factor').expect(200);
    assert.deepEqual(asked.body, { methods: ['totp', 'recovery-code'], webauthn: null });
    await prove(one, { code: codeNow(app) }).expect(200);
    assert.equal(await whoIs(one), email);
    const event = await lastEvent(server, acme, 'session.started');
    assert.equal(event?.detail['by'], 'password+totp');
  });

  it('WEB-11 given a code that was used, when it is used again in its window, then it is refused', async () => {
    const { app, one, email } = await atTheDoor('bea');
    const code = codeNow(app);
    await prove(one, { code }).expect(200);
    const other = visitor(server);
    await other.signIn(email).expect(200);
    const before = await holdings(server, acme);
    await prove(other, { code }).expect(403);
    assert.deepEqual(await holdings(server, acme), before);
    assert.equal((await lastEvent(server, acme, 'sign_in.refused'))?.reason, 'wrong second factor');
    await prove(other, { code: codeAt(app.secret, stepOf(Date.now()) + 1) }).expect(200);
  });

  it('WEB-11 given one code, when 20 browsers use it at once on two instances, then one gets in', async () => {
    const { app, email, id } = await atTheDoor('cyd');
    const doors = await twentyDoors(email);
    const before = await sessionsOf(id);
    const code = codeNow(app);
    const answers = await Promise.all(doors.map((each) => prove(each, { code })));
    assert.equal(answers.filter(({ status }) => status === 200).length, 1, String(answers.map(({ status }) => status)));
    assert.equal(await sessionsOf(id), before + 1);
  });

  it('given one half sign-in, when its code is sent 20 times at once, then there is one session', async () => {
    const { app, id, one } = await atTheDoor('dot');
    const before = await sessionsOf(id);
    const code = codeNow(app);
    const answers = await Promise.all(Array.from({ length: 20 }, () => prove(one, { code })));
    assert.equal(answers.filter(({ status }) => status === 200).length, 1, String(answers.map(({ status }) => status)));
    assert.equal(await sessionsOf(id), before + 1);
  });

  it('WEB-10 given a right password, when the code is guessed, then guessing takes ever longer, whatever the browser', async () => {
    const { email } = await atTheDoor('eli');
    const statuses: number[] = [];
    for (let at = 0; at < 7; at += 1) {
      const each = visitor(at % 2 ? server : second);
      await each.signIn(email).expect(200);
      statuses.push((await prove(each, { code: '000000' })).status);
    }
    assert.deepEqual(statuses, [403, 403, 403, 403, 403, 429, 429]);
  });

  it('given a half sign-in, when it is too old, of a suspended person, or of nobody, then it is none', async () => {
    const { app, id, one } = await atTheDoor('fay');
    await within(server.deps, acme, sql`UPDATE users SET status = 'suspended' WHERE id = ${id}`);
    await prove(one, { code: codeNow(app) }).expect(401);
    await within(server.deps, acme, sql`UPDATE users SET status = 'active' WHERE id = ${id}`);
    await within(server.deps, acme, sql`UPDATE half_sign_ins SET expires_at = now() WHERE user_id = ${id}`);
    await prove(one, { code: codeNow(app) }).expect(401);
    await prove(visitor(server), { code: '123456' }).expect(401);
  });

  it('given the page, when a wrong code is sent, then it says so, and the right one leads on', async () => {
    const { email, app } = await atTheDoor('gus');
    const one = visitor(server);
    const sent = await one
      .page('post', '/sign-in/password')
      .type('form')
      .send({ email, password: PASSWORD, returnTo: '/console' });
    assert.equal(sent.headers['location'], '/sign-in/second-factor');
    const wrong = await one.page('post', '/sign-in/second-factor').type('form').send({ code: '12345' });
    assert.equal(wrong.status, 403);
    assert.match(wrong.text, /was not accepted/);
    const right = await one
      .page('post', '/sign-in/second-factor')
      .type('form')
      .send({ code: codeNow(app) });
    assert.equal(right.status, 303);
    assert.equal(right.headers['location'], '/console');
  });

  it('SEC-2 given the stored rows, then no secret can be read from them', async () => {
    const { app, id } = await atTheDoor('hew');
    const [row] = await within<{ all: string }>(
      server.deps,
      acme,
      sql`SELECT row_to_json(f)::text || (SELECT string_agg(detail::text, '') FROM audit_events) AS all FROM second_factors f WHERE user_id = ${id}`,
    );
    assert.ok(!row!.all.includes(app.secret));
  });
});

describe('recovery codes', () => {
  it('WEB-12 given ten codes, when one is used, then it lets in once, and nine are left', async () => {
    const { email, one } = await newcomer('ike');
    await one.send('post', '/me/security/recovery-codes').expect(409);
    await enrolApp(one);
    const made = await one.send('post', '/me/security/recovery-codes').expect(201);
    const codes = made.body.codes as string[];
    assert.equal(new Set(codes).size, 10);
    const other = visitor(server);
    await other.signIn(email).expect(200);
    await prove(other, { code: codes[0]!.toLowerCase() }).expect(200);
    assert.equal((await other.send('get', '/me/security')).body.recoveryCodes, 9);
    const again = visitor(server);
    await again.signIn(email).expect(200);
    await prove(again, { code: codes[0] }).expect(403);
    await one.send('post', '/me/security/recovery-codes').expect(201);
    await prove(again, { code: codes[1] }).expect(403);
  });

  it('WEB-12 given one code, when 20 browsers use it at once, then one gets in', async () => {
    const { email, id, one } = await newcomer('joy');
    await enrolApp(one);
    const made = await one.send('post', '/me/security/recovery-codes').expect(201);
    const doors = await twentyDoors(email);
    const before = await sessionsOf(id);
    const answers = await Promise.all(doors.map((each) => prove(each, { code: made.body.codes[0] })));
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    assert.equal(await sessionsOf(id), before + 1);
  });
});

describe('passkeys and security keys', () => {
  it('given a key, when it signs the challenge, then its holder is in, once', async () => {
    const { email, one } = await newcomer('kay');
    const key = await enrolKey(one);
    const fresh = visitor(server);
    await fresh.signIn(email).expect(200);
    const asked = await fresh.send('get', '/sign-in/second-factor').expect(200);
    assert.deepEqual(asked.body.methods, ['webauthn', 'recovery-code']);
    const response = key.get(asked.body.webauthn);
    await prove(fresh, { response }).expect(200);
    assert.equal(await whoIs(fresh), email);
    assert.equal((await lastEvent(server, acme, 'session.started'))?.detail['by'], 'password+webauthn');
    const again = visitor(server);
    await again.signIn(email).expect(200);
    await prove(again, { response }).expect(400);
  });

  it('given one answer, when it is sent 20 times at once, then there is one session', async () => {
    const { email, id, one } = await newcomer('lea');
    const key = await enrolKey(one);
    const fresh = visitor(server);
    await fresh.signIn(email).expect(200);
    const asked = await fresh.send('get', '/sign-in/second-factor').expect(200);
    const response = key.get(asked.body.webauthn);
    const before = await sessionsOf(id);
    const answers = await Promise.all(Array.from({ length: 20 }, () => prove(fresh, { response })));
    assert.equal(answers.filter(({ status }) => status === 200).length, 1, String(answers.map(({ status }) => status)));
    assert.equal(await sessionsOf(id), before + 1);
  });

  it("given wrong answers, then none lets in: another's key, another site, a counter that fell, a changed signature", async () => {
    const { email, id, one } = await newcomer('max');
    const key = await enrolKey(one);
    const stranger = new Authenticator(server.url);
    const elsewhere = new Authenticator('https://evil.test');
    const before = await sessionsOf(id);
    const wrong: ((options: { challenge: string }) => unknown)[] = [
      (options) => stranger.get(options),
      (options) => ({
        ...elsewhere.get(options),
        id: key.credentialId.toString('base64url'),
        rawId: key.credentialId.toString('base64url'),
      }),
      (options) => {
        const good = key.get(options);
        return { ...good, response: { ...good.response, signature: stranger.get(options).response.signature } };
      },
      () => key.get({ challenge: 'a-challenge-nobody-made' }),
      () => 'no json',
    ];
    for (const answer of wrong) {
      const fresh = visitor(server);
      await fresh.signIn(email).expect(200);
      const asked = await fresh.send('get', '/sign-in/second-factor').expect(200);
      await prove(fresh, { response: answer(asked.body.webauthn) }).expect(400);
      await forgive();
    }
    await within(server.deps, acme, sql`UPDATE second_factors SET counter = 1000 WHERE user_id = ${id}`);
    const fresh = visitor(server);
    await fresh.signIn(email).expect(200);
    const asked = await fresh.send('get', '/sign-in/second-factor').expect(200);
    await prove(fresh, { response: key.get(asked.body.webauthn) }).expect(400);
    assert.equal(await sessionsOf(id), before);
  });

  it('given a challenge, when it is answered wrongly first or too late, then it is spent', async () => {
    const { email, id, one } = await newcomer('ned');
    const key = await enrolKey(one);
    const fresh = visitor(server);
    await fresh.signIn(email).expect(200);
    const asked = await fresh.send('get', '/sign-in/second-factor').expect(200);
    await prove(fresh, { response: new Authenticator(server.url).get(asked.body.webauthn) }).expect(400);
    await prove(fresh, { response: key.get(asked.body.webauthn) }).expect(400);
    const late = await fresh.send('get', '/sign-in/second-factor').expect(200);
    await within(server.deps, acme, sql`UPDATE webauthn_challenges SET expires_at = now() WHERE user_id = ${id}`);
    await prove(fresh, { response: key.get(late.body.webauthn) }).expect(400);
  });

  it('given a key, when it is enrolled twice or with a challenge of the sign-in, then it is refused', async () => {
    const { one } = await newcomer('ola');
    const key = await enrolKey(one);
    const options = await one.send('post', '/me/security/webauthn').expect(200);
    assert.equal(options.body.excludeCredentials.length, 1);
    const twice = { name: 'again', response: key.create(options.body) };
    await one.send('post', '/me/security/webauthn/confirm').send(twice).expect(409);
    await one.send('post', '/me/security/webauthn/confirm').send(twice).expect(400);
  });

  it('given the pages, then the options are for the script to read, and its answer may be text', async () => {
    const { email, one } = await newcomer('pia');
    const page = await one.page('post', '/me/security/webauthn').expect(200);
    const options = JSON.parse(unescaped(/data-webauthn="([^"]*)"/.exec(page.text)?.[1] ?? ''));
    const key = new Authenticator(server.url);
    const confirmed = await one
      .page('post', '/me/security/webauthn/confirm')
      .type('form')
      .send({ name: '<b>key</b>', response: JSON.stringify(key.create(options)) });
    assert.equal(confirmed.headers['location'], '/me/security');
    const shown = await one.page('get', '/me/security').expect(200);
    assert.ok(!shown.text.includes('<b>key</b>'));
    await one
      .send('get', '/sign-in/webauthn.js')
      .expect('Content-Type', /javascript/)
      .expect(200);
    const fresh = visitor(server);
    await fresh.signIn(email).expect(200);
    const door = await fresh.page('get', '/sign-in/second-factor').expect(200);
    const asked = JSON.parse(unescaped(/data-webauthn="([^"]*)"/.exec(door.text)?.[1] ?? ''));
    const sent = await fresh
      .page('post', '/sign-in/second-factor')
      .type('form')
      .send({ response: JSON.stringify(key.get(asked)) });
    assert.equal(sent.status, 303);
  });
});

describe('one’s own security', () => {
  it('given a password, when it is changed, then the present one is asked, and other sessions are over', async () => {
    const { email, one } = await newcomer('quin');
    const other = visitor(server);
    await other.signIn(email).expect(200);
    const password = 'nine loud gulls at dawn';
    await one.send('post', '/me/security/password').send({ current: 'not it at all', password }).expect(400);
    await one.send('post', '/me/security/password').send({ current: PASSWORD, password: 'short' }).expect(400);
    await one.send('post', '/me/security/password').send({ current: PASSWORD, password }).expect(204);
    assert.equal(await whoIs(one), email);
    assert.equal(await whoIs(other), undefined);
    await visitor(server).signIn(email, password).expect(200);
  });

  it('given a factor, when it is removed, then the password is enough, and recovery codes are gone', async () => {
    const { email, id, one } = await newcomer('ros');
    const app = await enrolApp(one);
    await one.send('post', '/me/security/recovery-codes').expect(201);
    await one.send('post', `/me/security/factors/${app.id}/remove`).expect(204);
    await one.send('post', `/me/security/factors/${app.id}/remove`).expect(404);
    const seen = await one.send('get', '/me/security').expect(200);
    assert.deepEqual(seen.body, { email, password: true, factors: [], recoveryCodes: 0 });
    const fresh = visitor(server);
    await fresh.signIn(email).expect(200);
    assert.equal(await whoIs(fresh), email);
    assert.ok(id);
  });

  it("given somebody else's factor, when it is removed or confirmed, then it is not there", async () => {
    const { one } = await newcomer('sid');
    const app = await enrolApp(one);
    const { one: other } = await newcomer('tom');
    await other.send('post', `/me/security/factors/${app.id}/remove`).expect(404);
    const begun = await one.send('post', '/me/security/totp').send({ name: 'tablet' }).expect(201);
    const code = codeNow(begun.body);
    await other.send('post', `/me/security/totp/${begun.body.id}/confirm`).send({ code }).expect(404);
    await one.send('post', `/me/security/totp/${begun.body.id}/confirm`).send({ code: '1' }).expect(400);
    await one.send('post', `/me/security/totp/${begun.body.id}/confirm`).send({ code }).expect(204);
  });

  it('given a session of an hour ago, when factors are changed, then a new sign-in is asked for', async () => {
    const { id, one } = await newcomer('una');
    await within(
      server.deps,
      acme,
      sql`UPDATE sessions SET created_at = now() - interval '1 hour' WHERE user_id = ${id}`,
    );
    for (const path of ['totp', 'webauthn', 'password', 'recovery-codes'])
      await one.send('post', `/me/security/${path}`).send({}).expect(403);
    const page = await one.page('post', '/me/security/totp').type('form').send({ name: 'x' });
    assert.match(page.text, /Sign in again/);
  });

  it('WEB-3 given a session, when another site sends any of the forms, then nothing happens', async () => {
    const { id, one } = await newcomer('vic');
    const app = await enrolApp(one);
    const paths = [
      'totp',
      `totp/${app.id}/confirm`,
      'webauthn',
      'webauthn/confirm',
      `factors/${app.id}/remove`,
      'recovery-codes',
      'password',
    ];
    for (const path of [...paths.map((each) => `/me/security/${each}`), '/sign-in/second-factor']) {
      await one.send('post', path).set('Origin', 'https://evil.test').send({}).expect(403);
    }
    const [kept] = await within<{ count: number }>(
      server.deps,
      acme,
      sql`SELECT count(*)::int AS count FROM second_factors WHERE user_id = ${id}`,
    );
    assert.equal(kept!.count, 1);
  });

  it('given nobody, then there is nothing to see', async () => {
    await visitor(server).send('get', '/me/security').expect(401);
    await visitor(server).send('post', '/me/security/totp').send({}).expect(401);
    const page = await visitor(server).page('get', '/me/security');
    assert.equal(page.headers['location'], '/sign-in?returnTo=%2Fme%2Fsecurity');
  });
});

/** Twenty browsers, on two instances, that all know the password. */
async function twentyDoors(email: string): Promise<Visitor[]> {
  const doors = Array.from({ length: 20 }, (_, at) => visitor(at % 2 ? server : second));
  for (const each of doors) await each.signIn(email).expect(200);
  return doors;
}

async function sessionsOf(userId: string): Promise<number> {
  const [row] = await within<{ count: number }>(
    server.deps,
    acme,
    sql`SELECT count(*)::int AS count FROM sessions WHERE user_id = ${userId}`,
  );
  return row!.count;
}

/** Lets the tests guess more often than anybody may. */
function forgive(): Promise<unknown> {
  return within(
    server.deps,
    { id: '00000000-0000-0000-0000-000000000000', slug: '' },
    sql`DELETE FROM sign_in_throttle`,
  );
}
