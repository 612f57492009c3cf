/** Every bad way back from an OpenID provider: refused with the named check, audited, and nothing has changed. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterEach, describe, it } from 'node:test';
import { Browser } from '../../src/demo/browser.ts';
import {
  accessTokenHash,
  type Behaviour,
  type IdTokenClaims,
  signed,
  startHostileOidc,
  unsecured,
} from '../doubles/hostile-oidc.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, holdings, lastEvent, organization, person } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const another = await startTestServer(database);
const idp = await startHostileOidc('bridge');
database.onEnd(() => idp.close());
afterEach(() => idp.behave({}));
const acme = await organization(server, 'acme');
const put = { kind: 'oidc', issuer: idp.url, clientId: 'bridge', clientSecret: 'secret' };
const entra = await connection(server, acme, 'entra', put);
await person(server, acme, 'olga@acme.test', 'owner');
// Its domain is proven to be its own, not acme's.
const globex = await organization(server, 'globex');
await person(server, globex, 'gert@globex.test', 'owner');

interface Begun {
  readonly browser: Browser;
  readonly state: string;
  readonly nonce: string;
}

async function begin({ relyingParty } = entra): Promise<Begun> {
  const browser = new Browser('application/json');
  const sent = await browser.get(relyingParty.loginUrl, /\/auth\?/);
  const { searchParams } = new URL(sent.headers.get('location')!);
  assert.equal(searchParams.get('code_challenge_method'), 'S256');
  idp.challenge(searchParams.get('nonce')!, searchParams.get('code_challenge')!);
  return { browser, state: searchParams.get('state')!, nonce: searchParams.get('nonce')! };
}

const MIA = { sub: 'mia', email: 'mia@acme.test' };

function good({ state, nonce }: Begun, who = MIA): Record<string, string> {
  return { code: idp.code(nonce, who), state, iss: idp.url };
}

function comeBack(browser: Browser, answer: Record<string, string>, { relyingParty } = entra) {
  return browser.get(`${relyingParty.redirectUri}?${new URLSearchParams(answer)}`, /\/me$/);
}

async function refuses(
  check: string,
  make: (begun: Begun) => Record<string, string>,
  status = 403,
  at = entra,
): Promise<void> {
  const begun = await begin(at);
  const before = await holdings(server, acme);
  const page = await comeBack(begun.browser, make(begun), at);
  assert.equal(page.status, status, page.text);
  if (status === 403) assert.equal(JSON.parse(page.text).check, check, page.text);
  const event = await lastEvent(server, acme, 'sign_in.refused');
  assert.equal(event?.outcome, status === 403 ? 'denied' : 'failure');
  assert.equal(event?.reason, check);
  assert.deepEqual(await holdings(server, acme), before);
  const { body } = await server.api('get', '/organizations/acme/sign-in-traces?limit=1').expect(200);
  const [last, ...former] = body.traces[0].steps.reverse();
  assert.partialDeepStrictEqual(last, { check: status === 403 ? check : 'upstream', passed: false });
  assert.ok(former.every(({ passed }: { passed: boolean }) => passed));
}

const without = (name: string) => (answer: Record<string, string>) =>
  Object.fromEntries(Object.entries(answer).filter(([key]) => key !== name));
const seconds = () => Math.floor(Date.now() / 1000);
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });

const answers: readonly [
  id: string,
  what: string,
  check: string,
  alter: (answer: Record<string, string>) => Record<string, string>,
][] = [
  ['OIDC-1', 'no state', 'state', without('state')],
  ['OIDC-1', 'a wrong state', 'state', (answer) => ({ ...answer, state: 'wrong' })],
  ['OIDC-3', 'the issuer of another connection', 'issuer', (answer) => ({ ...answer, iss: 'https://other.test' })],
  ['OIDC-3', 'no issuer from a provider that announces one', 'issuer', without('iss')],
  ['OIDC-16', 'a code that is not one', 'provider-error', (answer) => ({ ...answer, code: 'made up' })],
  [
    'OIDC-18',
    'access_denied',
    'provider-error',
    ({ state, iss }) => ({ state: state!, iss: iss!, error: 'access_denied' }),
  ],
  [
    'OIDC-18',
    'login_required',
    'provider-error',
    ({ state, iss }) => ({ state: state!, iss: iss!, error: 'login_required', error_description: '<b>x</b>' }),
  ],
];

const claims: readonly [id: string, what: string, check: string, alter: (good: IdTokenClaims) => IdTokenClaims][] = [
  ['OIDC-2', 'no nonce', 'nonce', (good) => ({ ...good, nonce: undefined })],
  ['OIDC-2', 'a wrong nonce', 'nonce', (good) => ({ ...good, nonce: 'wrong' })],
  ['OIDC-7', 'a wrong issuer', 'issuer', (good) => ({ ...good, iss: 'https://other.test' })],
  ['OIDC-8', 'a wrong audience', 'audience', (good) => ({ ...good, aud: 'another' })],
  ['OIDC-9', 'several audiences without azp', 'authorized-party', (good) => ({ ...good, aud: ['bridge', 'another'] })],
  ['OIDC-10', 'a wrong azp', 'authorized-party', (good) => ({ ...good, aud: ['bridge', 'another'], azp: 'another' })],
  ['OIDC-10', 'a wrong azp beside one audience', 'authorized-party', (good) => ({ ...good, azp: 'another' })],
  ['OIDC-11', 'an end that is past', 'expired', (good) => ({ ...good, exp: seconds() - 600 })],
  ['OIDC-11', 'no end', 'expired', (good) => ({ ...good, exp: undefined })],
  ['OIDC-12', 'no issue time', 'expired', (good) => ({ ...good, iat: undefined })],
  ['OIDC-12', 'an issue time in the future', 'not-before', (good) => ({ ...good, iat: seconds() + 600 })],
  ['OIDC-12', 'a time before which it is not valid', 'not-before', (good) => ({ ...good, nbf: seconds() + 600 })],
  [
    'OIDC-13',
    'the hash of another access token',
    'access-token',
    (good) => ({ ...good, at_hash: accessTokenHash('another') }),
  ],
  ['OIDC-13', 'a hash that is none', 'access-token', (good) => ({ ...good, at_hash: 1 })],
  ['OIDC-14', 'no subject', 'subject', (good) => ({ ...good, sub: undefined })],
  ['OIDC-14', 'a subject that is a number', 'subject', (good) => ({ ...good, sub: 7 })],
  ['OIDC-14', 'an empty subject', 'subject', (good) => ({ ...good, sub: '' })],
  ['OIDC-14', 'a subject of 300 characters', 'subject', (good) => ({ ...good, sub: 'x'.repeat(300) })],
  [
    'OIDC-22',
    'an unverified e-mail address',
    'email',
    (good) => ({ ...good, email: 'olga@acme.test', email_verified: false }),
  ],
  [
    'OIDC-22',
    'an e-mail address that nobody calls verified',
    'email',
    (good) => ({ ...good, email: 'olga@acme.test', email_verified: undefined }),
  ],
  [
    'OIDC-22',
    'an e-mail address of a domain that nobody has verified',
    'domain',
    (good) => ({ ...good, email: 'mia@elsewhere.test' }),
  ],
  [
    'OIDC-22',
    "an e-mail address of another organization's domain",
    'domain',
    (good) => ({ ...good, email: 'gert@globex.test' }),
  ],
];

const tokens: readonly [id: string, what: string, check: string, make: (claims: IdTokenClaims) => Promise<string>][] = [
  ['OIDC-4', 'an ID token that nobody signed', 'signature-algorithm', async (all) => unsecured(all)],
  [
    'OIDC-5',
    'an ID token by HS256 with the public key',
    'signature-algorithm',
    (all) => signed(all, Buffer.from(idp.publicPem), { alg: 'HS256' }),
  ],
  [
    'OIDC-6',
    'an ID token of an unknown key',
    'signature',
    (all) => signed(all, stranger.privateKey, { kid: 'unknown' }),
  ],
  [
    'OIDC-6',
    "an ID token of another key by the known key's name",
    'signature',
    (all) => signed(all, stranger.privateKey),
  ],
  [
    'OIDC-4',
    'an algorithm that the provider does not announce',
    'signature-algorithm',
    (all) => signed(all, idp.privateKey, { alg: 'RS512' }),
  ],
  ['OIDC-4', 'something that is no token', 'token', async () => 'hello'],
];

const asToken = (token: string) => (response: ServerResponse) =>
  void response.writeHead(200, { 'content-type': 'application/jwt' }).end(token);

/** Sends as long as somebody listens. */
function endless(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const more = () => {
    while (response.write(' '.repeat(65_536)));
  };
  response.on('drain', more).on('close', () => response.removeListener('drain', more));
  more();
}

const failures: readonly [what: string, fail: (response: ServerResponse) => void][] = [
  ['a server error', (response) => void response.writeHead(500).end('broken')],
  ['a page', (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>hello</h1>')],
  ['nothing, ever', () => {}],
  ['a body without end', endless],
  ['a connection that breaks off', (response) => void response.destroy()],
  [
    'two megabytes',
    (response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end(`"${'x'.repeat(2_000_000)}"`),
  ],
];

describe('an answer of an OpenID provider is refused', () => {
  for (const [id, what, check, alter] of answers) {
    it(`${id} given ${what}`, () => refuses(check, (begun) => alter(good(begun))));
  }
  for (const [id, what, check, alter] of claims) {
    it(`${id} given an ID token with ${what}`, async () => {
      idp.behave({ claims: alter });
      await refuses(check, good);
    });
  }
  for (const [id, what, check, makeIdToken] of tokens) {
    it(`${id} given ${what}`, async () => {
      idp.behave({ makeIdToken });
      await refuses(check, good);
    });
  }
  for (const [what, token] of failures) {
    it(`OIDC-19 given the token endpoint answers with ${what}`, async () => {
      idp.behave({ token });
      await refuses('upstream-failed', good, 502);
    });
  }

  const userinfoFailures: typeof failures = [
    ...failures.filter(([what]) => what !== 'nothing, ever'),
    ['a challenge', (response) => void response.writeHead(401, { 'www-authenticate': 'Bearer' }).end()],
  ];
  for (const [what, answerUserinfo] of userinfoFailures) {
    it(`OIDC-19 given userinfo answers with ${what}`, async () => {
      idp.behave({ claims: (all) => ({ ...all, email: undefined }), answerUserinfo });
      await refuses('upstream-failed', good, 502);
    });
  }

  const pushing = { pushed_authorization_request_endpoint: `${idp.url}/par` };
  for (const [at, [what, par]] of failures.filter(([what]) => what !== 'nothing, ever').entries()) {
    it(`OIDC-19 given a pushed request is answered with ${what}, then nobody is sent there`, async () => {
      idp.behave({ discovery: pushing, par });
      const shown = await connection(server, acme, `pushing-${at}`, put);
      assert.equal((await server.http.get(`/oidc/${shown.id}/login`)).status, 502);
      assert.equal((await lastEvent(server, acme, 'sign_in.refused'))?.reason, 'upstream-failed');
    });
  }

  it("OIDC-15 given userinfo is another person's", async () => {
    const behaviour: Behaviour = {
      claims: (all) => ({ ...all, email: undefined }),
      userinfo: { sub: 'olga', email: 'olga@acme.test', email_verified: true },
    };
    idp.behave(behaviour);
    await refuses('subject', good);
  });

  it('OIDC-22 given an address in the ID token, when userinfo verifies only another one, then that other one counts', async () => {
    idp.behave({
      claims: (all) => ({ ...all, email: 'olga@acme.test', email_verified: undefined }),
      userinfo: { sub: 'mia', email: 'mia@globex.test', email_verified: true },
    });
    await refuses('domain', good);
  });

  it('OIDC-17 given the verifier of another sign-in belongs to the code, then the provider refuses and so do we', async () => {
    idp.behave({ checksVerifier: true });
    const other = await begin();
    await refuses('provider-error', (begun) => ({ ...good(other), state: begun.state }));
  });

  it('OIDC-21 given a key set of ten thousand keys, then it is not read', async () => {
    const keys = Array.from({ length: 10_000 }, (_, at) => ({ kty: 'oct', kid: `k${at}` }));
    idp.behave({ keys });
    await refuses('upstream-failed', good, 502, await connection(server, acme, 'many', put));
  });

  const unusable: readonly [what: string, discovery: Record<string, unknown>][] = [
    ['no authorization endpoint', { authorization_endpoint: undefined }],
    ['a script as authorization endpoint', { authorization_endpoint: 'javascript:alert(1)' }],
    ['no token endpoint', { token_endpoint: undefined }],
    ['no key set', { jwks_uri: undefined }],
    ['a script as the address for signing out', { end_session_endpoint: 'javascript:alert(1)' }],
    ['a list as issuer', { issuer: [idp.url] }],
    ['two megabytes', { much: 'x'.repeat(2_097_152) }],
  ];
  for (const [at, [what, discovery]] of unusable.entries()) {
    it(`OIDC-20 given discovery with ${what}, then nobody is sent there`, async () => {
      idp.behave({ discovery });
      const shown = await connection(server, acme, `unusable-${at}`, put);
      const page = await server.http.get(`/oidc/${shown.id}/login`);
      assert.equal(page.status, 502, page.text);
      assert.equal((await lastEvent(server, acme, 'sign_in.refused'))?.reason, 'upstream-failed');
    });
  }

  it('OIDC-20 given discovery names another issuer, then nobody is sent there', async () => {
    idp.behave({ discovery: { issuer: 'https://other.test' } });
    const mixed = await connection(server, acme, 'mixed', { kind: 'oidc', issuer: idp.url, clientId: 'bridge' });
    const page = await server.http.get(`/oidc/${mixed.id}/login`);
    assert.equal(page.status, 502);
    assert.equal((await lastEvent(server, acme, 'sign_in.refused'))?.reason, 'upstream-failed');
  });
});

describe('an answer of an OpenID provider counts once, for the browser that asked', () => {
  it('given a good answer, then it is accepted: what is refused above is refused for its fault alone', async () => {
    const begun = await begin();
    assert.equal((await comeBack(begun.browser, good(begun))).status, 303);
  });

  it('given userinfo of the same person has the address that the ID token leaves out, then it is accepted', async () => {
    idp.behave({
      claims: (all) => ({ ...all, email: undefined }),
      userinfo: { sub: 'gil', email: 'gil@acme.test', email_verified: true },
    });
    const begun = await begin();
    assert.equal((await comeBack(begun.browser, good(begun, { sub: 'gil', email: 'gil@acme.test' }))).status, 303);
    assert.equal((await lastEvent(server, acme, 'sign_in.succeeded'))?.detail['connection'], 'entra');
  });

  it('OIDC-1 OIDC-16 given an answer was accepted, when it comes again, then it is refused', async () => {
    const begun = await begin();
    const answer = good(begun);
    assert.equal((await comeBack(begun.browser, answer)).status, 303);
    const before = await holdings(server, acme);
    const again = await comeBack(begun.browser, answer);
    assert.equal(JSON.parse(again.text).check, 'state');
    assert.deepEqual(await holdings(server, acme), before);
  });

  it('OIDC-1 given fifty requests with one answer at once, at two instances, then exactly one signs in', async () => {
    const begun = await begin();
    const { pathname } = new URL(entra.relyingParty.redirectUri);
    const query = new URLSearchParams(good(begun));
    const cookie = [...begun.browser.cookies(server.url)].map(([name, value]) => `${name}=${value}`).join('; ');
    const before = await holdings(server, acme);
    const pages = await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        (at % 2 ? server : another).http.get(`${pathname}?${query}`).set({ cookie, accept: 'application/json' }),
      ),
    );
    assert.deepEqual(pages.map(({ status }) => status).sort(), [303, ...Array(49).fill(403)]);
    assert.equal((await holdings(server, acme))['sessions'], before['sessions']! + 1);
  });

  it("OIDC-3 given two connections, when one's answer is brought to the other, then it is refused there", async () => {
    const second = await connection(server, acme, 'second', put);
    const begun = await begin();
    const page = await comeBack(begun.browser, good(begun), second);
    assert.equal(JSON.parse(page.text).check, 'state');
    assert.equal((await comeBack(begun.browser, good(begun))).status, 303, 'the one that it belongs to takes it still');
  });

  it('OIDC-15 given userinfo is a signed token, then its signature counts too', async () => {
    const said = { sub: 'ida', email: 'ida@acme.test', email_verified: true, iss: idp.url, aud: 'bridge' };
    const without = (all: IdTokenClaims) => ({ ...all, email: undefined });
    const discovery = { userinfo_signing_alg_values_supported: ['RS256'] };
    const shown = await connection(server, acme, 'signing', put);
    idp.behave({ discovery, claims: without, answerUserinfo: asToken(await signed(said, stranger.privateKey)) });
    await refuses('token', (begun) => good(begun, { sub: 'ida', email: '' }), 403, shown);
    idp.behave({ claims: without, answerUserinfo: asToken(await idp.sign(said)) });
    const begun = await begin(shown);
    assert.equal((await comeBack(begun.browser, good(begun, { sub: 'ida', email: '' }), shown)).status, 303);
  });

  it("OIDC-1 given the state is another browser's, then it is refused, and the other may still finish", async () => {
    const attacker = await begin();
    const victim = await begin();
    const answer = good(attacker);
    const page = await comeBack(victim.browser, answer);
    assert.equal(JSON.parse(page.text).check, 'browser');
    assert.equal(JSON.parse((await comeBack(new Browser('application/json'), answer)).text).check, 'browser');
    assert.equal((await comeBack(attacker.browser, answer)).status, 303);
  });

  it('OIDC-6 given an unknown key over and over, then the key set is not fetched every time', async () => {
    idp.behave({ makeIdToken: (all) => signed(all, stranger.privateKey, { kid: 'unknown' }) });
    const before = idp.keyFetches();
    for (let times = 0; times < 5; times += 1) {
      const begun = await begin();
      assert.equal((await comeBack(begun.browser, good(begun))).status, 403);
    }
    assert.ok(idp.keyFetches() - before <= 1, `${idp.keyFetches() - before} fetches`);
  });
});
