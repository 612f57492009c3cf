/** What a connection may ask of its provider beyond the standard: asked at the way there, held at the way back. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, it } from 'node:test';
import { Browser, type Page } from '../../src/demo/browser.ts';
import {
  accessTokenHash,
  type Behaviour,
  type IdTokenClaims,
  signed,
  startHostileOidc,
} from '../doubles/hostile-oidc.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, holdings, lastEvent, organization, person } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const idp = await startHostileOidc('bridge');
database.onEnd(() => idp.close());
afterEach(() => idp.behave({}));
const acme = await organization(server, 'acme');
await person(server, acme, 'olga@acme.test', 'owner');
const put = { kind: 'oidc', issuer: idp.url, clientId: 'bridge', clientSecret: 'secret' };
const seconds = () => Math.floor(Date.now() / 1000);

interface Case {
  readonly what: string;
  readonly options: Record<string, unknown>;
  /** What the way there says. */
  readonly asks: Record<string, string>;
  readonly accepts: readonly IdTokenClaims[];
  readonly refuses: Readonly<Record<string, readonly IdTokenClaims[]>>;
}

const CASES: readonly Case[] = [
  {
    what: 'how long ago the person was authenticated',
    options: { maxAge: 300 },
    asks: { max_age: '300' },
    accepts: [{ auth_time: seconds() - 100 }],
    refuses: {
      'authentication-time': [
        {},
        { auth_time: seconds() - 1000 },
        { auth_time: seconds() + 1000 },
        { auth_time: String(seconds()) },
      ],
    },
  },
  {
    what: 'how the person was authenticated',
    options: { acrValues: ['mfa', 'phr'] },
    asks: { acr_values: 'mfa phr' },
    accepts: [{ acr: 'mfa' }, { acr: 'phr' }],
    refuses: {
      'authentication-context': [{}, { acr: 'pwd' }, { acr: 'mfa phr' }, { acr: ['mfa'] }, { acr: { toString: null } }],
    },
  },
  {
    what: 'the hosted domain of a Google account',
    options: { preset: 'google', hostedDomains: ['acme.test'] },
    asks: { hd: 'acme.test' },
    accepts: [{ hd: 'acme.test' }, { hd: 'Acme.test' }],
    refuses: { 'hosted-domain': [{}, { hd: 'globex.test' }, { hd: ['acme.test'] }, { hd: 'acme.test.evil.test' }] },
  },
  {
    what: 'one of several hosted domains',
    options: { preset: 'google', hostedDomains: ['acme.test', 'acme.example'] },
    asks: { hd: '*' },
    accepts: [{ hd: 'acme.example' }],
    refuses: { 'hosted-domain': [{ hd: '*' }] },
  },
  {
    what: 'an address that Google hosts',
    options: { preset: 'google' },
    asks: { scope: 'openid email profile' },
    accepts: [{ hd: 'acme.test' }],
    refuses: { email: [{}, { hd: 'acme.test', email_verified: false }] },
  },
  {
    what: 'that the person chooses an account',
    options: { prompt: 'select_account', scopes: ['email', 'groups'] },
    asks: { prompt: 'select_account', scope: 'openid email groups' },
    accepts: [{}],
    refuses: {},
  },
];

let people = 0;

/** Signs somebody new in whose ID token says this too. */
async function signIn(
  relyingParty: { loginUrl: string; redirectUri: string },
  said: IdTokenClaims | Behaviour['claims'],
  more: Behaviour = {},
) {
  people += 1;
  idp.behave({ ...more, claims: typeof said === 'function' ? said : (good) => ({ ...good, ...said }) });
  const browser = new Browser('application/json');
  const sent = await browser.get(relyingParty.loginUrl, /\/auth\?/);
  const { searchParams: asked } = new URL(sent.headers.get('location')!);
  const code = idp.code(asked.get('nonce')!, { sub: `p${people}`, email: `p${people}@acme.test` });
  const answer = new URLSearchParams({ code, state: asked.get('state')!, iss: idp.url });
  const page: Page = await browser.get(`${relyingParty.redirectUri}?${answer}`, /\/me$/);
  return { page, asked };
}

describe('a connection may ask for', () => {
  for (const { what, options, asks, accepts, refuses } of CASES) {
    it(`${what}`, async () => {
      const { relyingParty } = await connection(server, acme, `c${CASES.findIndex((each) => each.what === what)}`, {
        ...put,
        ...options,
      });
      for (const said of accepts) {
        const { page, asked } = await signIn(relyingParty, said);
        assert.equal(page.status, 303, `${JSON.stringify(said)}: ${page.text}`);
        for (const [name, value] of Object.entries(asks)) assert.equal(asked.get(name), value, name);
      }
      for (const [check, all] of Object.entries(refuses)) {
        for (const said of all) {
          const before = await holdings(server, acme);
          const { page } = await signIn(relyingParty, said);
          assert.deepEqual([page.status, JSON.parse(page.text).check], [403, check], JSON.stringify(said));
          assert.deepEqual(await holdings(server, acme), before);
          assert.equal((await lastEvent(server, acme, 'sign_in.refused'))?.reason, check);
        }
      }
    });
  }
});

describe('an ID token', async () => {
  const { relyingParty } = await connection(server, acme, 'plain', put);

  it('OIDC-13 given the hash of its access token, then it is accepted', async () => {
    const hashed = (good: IdTokenClaims, accessToken: string) => ({ ...good, at_hash: accessTokenHash(accessToken) });
    assert.equal((await signIn(relyingParty, hashed)).page.status, 303);
  });

  it('OIDC-9 given several audiences and that we are the party it is for, then it is accepted', async () => {
    assert.equal((await signIn(relyingParty, { aud: ['bridge', 'other'], azp: 'bridge' })).page.status, 303);
  });

  it('given it tells no groups, then userinfo is asked for them', async () => {
    const userinfo = { sub: `p${people + 1}`, groups: ['Engineering'] };
    assert.equal((await signIn(relyingParty, {}, { userinfo })).page.status, 303);
    const { body } = await server.api('get', '/organizations/acme/sign-in-traces?limit=1').expect(200);
    assert.deepEqual(body.traces[0].said.groups, ['Engineering']);
  });

  it('given a provider that signs by another algorithm and announces it, then it is accepted, and by no other', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const keys = [{ ...publicKey.export({ format: 'jwk' }), kid: 'ec', use: 'sig' }];
    const discovery = { id_token_signing_alg_values_supported: ['ES256', 'HS256', 'none'] };
    const elliptic = (all: IdTokenClaims) => signed(all, privateKey, { alg: 'ES256', kid: 'ec' });
    const hs256 = (all: IdTokenClaims) => signed(all, Buffer.from(idp.publicPem), { alg: 'HS256' });
    for (const [makeIdToken, status] of [
      [elliptic, 303],
      [hs256, 403],
      [idp.sign, 403],
    ] as const) {
      idp.behave({ discovery, keys });
      const shown = await connection(server, acme, `alg-${people}`, put);
      const browser = new Browser('application/json');
      const sent = await browser.get(shown.relyingParty.loginUrl, /\/auth\?/);
      const { searchParams: asked } = new URL(sent.headers.get('location')!);
      people += 1;
      const code = idp.code(asked.get('nonce')!, { sub: `p${people}`, email: `p${people}@acme.test` });
      idp.behave({ discovery, keys, makeIdToken });
      const answer = new URLSearchParams({ code, state: asked.get('state')!, iss: idp.url });
      const page = await browser.get(`${shown.relyingParty.redirectUri}?${answer}`, /\/me$/);
      assert.equal(page.status, status, page.text);
    }
  });
});

describe('what does not go together is refused when it is said', () => {
  const cases: readonly [what: string, input: Record<string, unknown>, where: RegExp][] = [
    ['an unknown preset', { preset: 'myspace' }, /preset/],
    ['an unknown option', { maxAges: 1 }, /maxAges/],
    ['a negative age', { maxAge: -1 }, /maxAge/],
    ['a prompt that asks nobody', { prompt: 'none' }, /prompt/],
    ['a tenant that is no id', { preset: 'entra', tenants: ['acme'] }, /tenants/],
    ['a scope with a space', { scopes: ['openid email'] }, /scopes/],
    ['a way of proof that there is not', { clientAuthentication: 'tls_client_auth' }, /clientAuthentication/],
    ['no issuer', { issuer: undefined }, /issuer/],
    ['a groups endpoint that is no address', { groupsEndpoint: 'graph' }, /groupsEndpoint/],
  ];
  for (const [what, input, where] of cases) {
    it(`given ${what}, by the API and in a manifest`, async () => {
      const answer = await server.api('put', '/organizations/acme/connections/bad').send({ ...put, ...input });
      assert.equal(answer.status, 400, answer.text);
      assert.match(JSON.stringify(answer.body), where);
      const manifest = {
        organization: { slug: 'acme', model: 'fastn', defaultRole: 'viewer', justInTime: true },
        connections: [{ slug: 'bad', ...put, ...input }],
      };
      const applied = await server.api('post', '/manifests').send(manifest);
      assert.equal(applied.status, 400, applied.text);
      assert.match(JSON.stringify(applied.body), where);
      await server.api('get', '/organizations/acme/connections/bad').expect(404);
    });
  }

  it('given a manifest with every option, then the connection has them, and the addresses for the provider are told', async () => {
    const options = {
      ...{ preset: 'auth0', requirePushedRequests: true, maxAge: 60, acrValues: ['mfa'], prompt: 'login' },
      ...{ clientAuthentication: 'private_key_jwt', scopes: ['openid', 'email'], endProviderSession: false },
    };
    const connections = [{ slug: 'coded', ...put, ...options }];
    await server
      .api('post', '/manifests')
      .send({ organization: { slug: 'acme', model: 'fastn', defaultRole: 'viewer', justInTime: true }, connections })
      .expect(200);
    const { body } = await server.api('get', '/organizations/acme/connections/coded').expect(200);
    assert.partialDeepStrictEqual(body.config, options);
    const at = `${server.url}/oidc/${body.id}`;
    assert.deepEqual(body.relyingParty, {
      loginUrl: `${at}/login`,
      redirectUri: `${at}/callback`,
      jwksUri: `${at}/jwks`,
      postLogoutRedirectUri: `${at}/logged-out`,
      backchannelLogoutUri: `${at}/backchannel-logout`,
      tokenRevocationUri: `${at}/global-token-revocation`,
    });
  });
});
