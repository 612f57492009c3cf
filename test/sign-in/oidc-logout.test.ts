/** Signing out together with an OpenID provider: from here, and from there. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { afterEach, describe, it } from 'node:test';
import { sql } from 'kysely';
import { Browser, formOf, type Page } from '../../src/demo/browser.ts';
import { startOidcIdp } from '../../src/demo/idp/oidc-idp.ts';
import { type IdTokenClaims, signed, startHostileOidc, unsecured } from '../doubles/hostile-oidc.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, lastEvent, organization, within } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const another = await startTestServer(database);
const acme = await organization(server, 'acme');
const person = { id: 'ana', email: 'ana@acme.test', name: 'Ana', groups: [] };

const isIn = async (browser: Browser) => (await browser.json('GET', `${server.url}/me`)).status === 200;

/** Presses the button of our page; gives where the browser is sent. */
async function signOut(browser: Browser): Promise<string> {
  const cookie = [...browser.cookies(server.url)].map(([name, value]) => `${name}=${value}`).join('; ');
  const headers = { cookie, origin: server.url, accept: 'text/html' };
  const response = await fetch(`${server.url}/sign-out`, { method: 'POST', headers, redirect: 'manual' });
  assert.equal(response.status, 303);
  return response.headers.get('location')!;
}

describe('signing out together with an OpenID provider (a real one)', async () => {
  const idp = await startOidcIdp({ people: [person] });
  database.onEnd(() => idp.close());
  const put = { kind: 'oidc', issuer: idp.url, clientId: 'bridge', clientSecret: 'secret' };
  const { relyingParty: real } = await connection(server, acme, 'real', put);
  idp.addClient({
    ...{ id: 'bridge', secret: 'secret', redirectUris: [real.redirectUri] },
    postLogoutRedirectUris: [real.postLogoutRedirectUri],
    backchannelLogoutUri: real.backchannelLogoutUri,
  });

  async function signIn(browser: Browser): Promise<Page> {
    const choice = formOf(await browser.get(real.loginUrl));
    return browser.post(choice.action, { ...choice.fields, person: 'ana' }, /\/me$/);
  }

  it('given somebody signs out here, then the browser ends the session there too and comes back', async () => {
    const browser = new Browser();
    await signIn(browser);
    const confirm = await browser.get(await signOut(browser));
    assert.ok(confirm.url.startsWith(`${idp.url}/session/end?`), confirm.url);
    assert.equal(await isIn(browser), false, 'here it is over before they go');
    assert.ok(new URL(confirm.url).searchParams.get('id_token_hint'));
    const { action, fields } = formOf(confirm);
    const back = await browser.post(action, { ...fields, logout: 'yes' });
    assert.equal(back.url.split('?')[0], real.postLogoutRedirectUri, back.text);
    assert.match(back.text, /signed out here and at your identity provider/);
  });

  it('given a program signs out, then it is told where the browser is to go on to', async () => {
    const browser = new Browser();
    await signIn(browser);
    const { status, body } = await browser.json('POST', `${server.url}/sign-out`);
    assert.equal(status, 200);
    const onward = new URL(String(body['onward']));
    assert.equal(onward.searchParams.get('post_logout_redirect_uri'), real.postLogoutRedirectUri);
    assert.equal(await isIn(browser), false);
  });

  it('given they sign out there, then the provider tells us, and every session of theirs by it is over', async () => {
    const browser = new Browser();
    const elsewhere = new Browser();
    await signIn(browser);
    await signIn(elsewhere);
    const confirm = await browser.get(`${idp.url}/session/end`);
    const { action, fields } = formOf(confirm);
    await browser.post(action, { ...fields, logout: 'yes' });
    assert.equal(await isIn(browser), false);
    assert.equal(await isIn(elsewhere), true, 'in another browser it is another session there');
    const event = await lastEvent(server, acme, 'sign_out.told_by_provider');
    assert.deepEqual([event?.outcome, event?.detail['sessions']], ['success', 1]);
  });

  it('given a connection that leaves the session there alone, then signing out ends here', async () => {
    await connection(server, acme, 'real', { ...put, endProviderSession: false });
    const browser = new Browser();
    await signIn(browser);
    assert.equal(await signOut(browser), '/sign-in');
    await connection(server, acme, 'real', put);
  });

  it('SEC-2 given what is kept for signing out there, then the database holds no token in the clear', async () => {
    await signIn(new Browser());
    const rows = await within<{ dump: string }>(server.deps, acme, sql`SELECT o::text AS dump FROM oidc_sessions o`);
    assert.ok(rows.length > 0);
    assert.doesNotMatch(JSON.stringify(rows), /eyJ/);
  });
});

describe('OIDC-25 a logout token', async () => {
  const idp = await startHostileOidc('bridge');
  database.onEnd(() => idp.close());
  afterEach(() => idp.behave({}));
  const put = { kind: 'oidc', issuer: idp.url, clientId: 'bridge', clientSecret: 'secret' };
  const { relyingParty: bad } = await connection(server, acme, 'bad', put);
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
  const seconds = () => Math.floor(Date.now() / 1000);

  async function signIn(sub: string, sid: string): Promise<Browser> {
    const browser = new Browser('application/json');
    idp.behave({ claims: (good) => ({ ...good, sid }) });
    const sent = await browser.get(bad.loginUrl, /\/auth\?/);
    const { searchParams } = new URL(sent.headers.get('location')!);
    const code = idp.code(searchParams.get('nonce')!, { sub, email: `${sub}@acme.test` });
    const answer = new URLSearchParams({ code, state: searchParams.get('state')!, iss: idp.url });
    assert.equal((await browser.get(`${bad.redirectUri}?${answer}`, /\/me$/)).status, 303);
    idp.behave({});
    return browser;
  }

  function claims(more: IdTokenClaims = {}): IdTokenClaims {
    const now = seconds();
    const good = { iss: idp.url, aud: 'bridge', sub: 'ben', jti: randomUUID(), iat: now, exp: now + 120 };
    const all: IdTokenClaims = { ...good, events: { [EVENT]: {} }, ...more };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  }

  const tell = (token: string, at = server) =>
    at.http.post(new URL(bad.backchannelLogoutUri).pathname).type('form').send({ logout_token: token });
  const typed = { typ: 'logout+jwt' };

  it('given the session it names, then that one ends; given the person, then all of theirs, and nobody else', async () => {
    const [first, second, other] = [await signIn('ben', 's1'), await signIn('ben', 's2'), await signIn('cem', 's3')];
    const answer = await tell(await idp.sign(claims({ sub: undefined, sid: 's1' }), typed));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.deepEqual([await isIn(first), await isIn(second)], [false, true]);
    assert.equal((await tell(await idp.sign(claims()))).status, 200);
    assert.deepEqual([await isIn(second), await isIn(other)], [false, true]);
  });

  it('given an unknown session, then all is as it should be, and nothing changes', async () => {
    const browser = await signIn('ben', 's4');
    for (const unknown of [{ sub: undefined, sid: 'never' }, { sub: 'cem', sid: 's4' }, { sub: 'nobody' }]) {
      assert.equal((await tell(await idp.sign(claims(unknown)))).status, 200);
      assert.equal((await lastEvent(server, acme, 'sign_out.told_by_provider'))?.detail['sessions'], 0);
    }
    assert.equal(await isIn(browser), true);
  });

  const refused: readonly [what: string, check: string, make: () => Promise<string>][] = [
    ['signed by another key', 'signature', () => signed(claims(), stranger)],
    ['by a key that is not known', 'signature', () => signed(claims(), stranger, { kid: 'unknown' })],
    ['that nobody signed', 'signature-algorithm', async () => unsecured(claims())],
    [
      'by HS256 with the public key',
      'signature-algorithm',
      () => signed(claims(), Buffer.from(idp.publicPem), { alg: 'HS256' }),
    ],
    ['with a nonce', 'nonce', () => idp.sign(claims({ nonce: 'n' }))],
    ['with a nonce that is null', 'nonce', () => idp.sign({ ...claims(), nonce: null })],
    ['without events', 'events', () => idp.sign(claims({ events: undefined }))],
    ['about another event', 'events', () => idp.sign(claims({ events: { 'https://other.test': {} } }))],
    ['whose event is a text', 'events', () => idp.sign(claims({ events: { [EVENT]: 'yes' } }))],
    ['for another client', 'audience', () => idp.sign(claims({ aud: 'another' }))],
    ['of another issuer', 'issuer', () => idp.sign(claims({ iss: 'https://other.test' }))],
    ['that names somebody by what no name is', 'subject', () => idp.sign(claims({ sub: 'ben\u0000' }))],
    ['whose session is no text', 'subject', () => idp.sign(claims({ sid: 7 }))],
    ['that names nobody', 'subject', () => idp.sign(claims({ sub: undefined }))],
    ['without an id', 'replay', () => idp.sign(claims({ jti: undefined }))],
    ['that is over', 'expired', () => idp.sign(claims({ exp: seconds() - 90, iat: seconds() - 200 }))],
    ['issued an hour ago', 'expired', () => idp.sign(claims({ iat: seconds() - 3600, exp: seconds() + 3600 }))],
    ['issued in the future', 'expired', () => idp.sign(claims({ iat: seconds() + 600, exp: seconds() + 700 }))],
    ['of another type', 'token', () => idp.sign(claims(), { typ: 'at+jwt' })],
    ['that is none', 'token', async () => 'hello'],
  ];
  for (const [what, check, make] of refused) {
    it(`given one ${what}, then it is refused by that name, and nobody is signed out`, async () => {
      const browser = await signIn('ben', 's5');
      const answer = await tell(await make());
      assert.deepEqual([answer.status, answer.body.error], [400, 'invalid_request'], answer.text);
      assert.equal(await isIn(browser), true);
      const event = await lastEvent(server, acme, 'sign_out.refused');
      assert.deepEqual([event?.outcome, event?.reason], ['denied', check]);
    });
  }

  it('given the ID token of a sign-in, then it ends nothing', async () => {
    const now = seconds();
    const idToken = claims({ nonce: 'n', events: undefined, jti: undefined, iat: now });
    assert.equal((await tell(await idp.sign(idToken))).status, 400);
  });

  it('given no token, then it is refused', async () => {
    assert.equal((await tell('')).status, 400);
    assert.equal((await server.http.post(new URL(bad.backchannelLogoutUri).pathname)).status, 400);
  });

  it('given it comes twice, also at two instances at once, then it counts once', async () => {
    await signIn('ben', 's6');
    const token = await idp.sign(claims({ sub: undefined, sid: 's6' }));
    const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => tell(token, at % 2 ? server : another)));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(19).fill(400)]);
    const later = await signIn('ben', 's6');
    assert.equal((await tell(token)).status, 400);
    assert.equal(await isIn(later), true, 'a recorded token ends no session that is begun afterwards');
    assert.equal((await lastEvent(server, acme, 'sign_out.refused'))?.reason, 'replay');
  });

  it("given the provider's keys can't be read, then it may come again", async () => {
    const { relyingParty: fresh } = await connection(server, acme, 'fresh', put);
    idp.behave({ keys: Array.from({ length: 10_000 }, () => ({ kty: 'oct' })) });
    const token = await idp.sign(claims());
    const post = () =>
      server.http.post(new URL(fresh.backchannelLogoutUri).pathname).type('form').send({ logout_token: token });
    assert.equal((await post()).status, 502);
    assert.equal((await lastEvent(server, acme, 'sign_out.refused'))?.outcome, 'failure');
    idp.behave({});
    assert.equal((await post()).status, 200);
  });
});
