/** Global Token Revocation (Okta's Universal Logout): whatever signs a person in ends by their provider's word, and by nobody else's. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { Browser } from '../../src/demo/browser.ts';
import { type IdTokenClaims, signed, startHostileOidc, unsecured } from '../doubles/hostile-oidc.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, lastEvent, organization, within } from './arrange.ts';
import { hostileIdp } from './hostile-idp.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const acme = await organization(server, 'acme');
const idp = await startHostileOidc('bridge');
database.onEnd(() => idp.close());
const put = { kind: 'oidc', issuer: idp.url, clientId: 'bridge', clientSecret: 'secret' };
const { relyingParty } = await connection(server, acme, 'okta', put);
const endpoint = relyingParty.tokenRevocationUri;
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const TYPED = { typ: 'global-token-revocation+jwt' };

async function signIn(sub: string): Promise<Browser> {
  const browser = new Browser('application/json');
  const sent = await browser.get(relyingParty.loginUrl, /\/auth\?/);
  const { searchParams } = new URL(sent.headers.get('location')!);
  const code = idp.code(searchParams.get('nonce')!, { sub, email: `${sub}@acme.test` });
  const answer = new URLSearchParams({ code, state: searchParams.get('state')!, iss: idp.url });
  assert.equal((await browser.get(`${relyingParty.redirectUri}?${answer}`, /\/me$/)).status, 303);
  return browser;
}

const isIn = async (browser: Browser) => (await browser.json('GET', `${server.url}/me`)).status === 200;

function claims(more: IdTokenClaims = {}): IdTokenClaims {
  const now = Math.floor(Date.now() / 1000);
  const good = { iss: idp.url, sub: 'client', aud: endpoint, jti: randomUUID(), iat: now, exp: now + 300 };
  return Object.fromEntries(Object.entries({ ...good, ...more }).filter(([, value]) => value !== undefined));
}

const ask = (token: string | undefined, body: unknown) => {
  const request = server.http.post(new URL(endpoint).pathname).type('json');
  if (token !== undefined) request.set('Authorization', `Bearer ${token}`);
  return request.send(typeof body === 'string' ? body : JSON.stringify(body));
};
const good = () => idp.sign(claims(), TYPED);
const of = (sub: string) => ({ sub_id: { format: 'iss_sub', iss: idp.url, sub } });

describe('global token revocation', () => {
  it('given each way to name somebody, then 204, their sessions end, nobody else’s does, and they may sign in again', async () => {
    const bystander = await signIn('bystander');
    const ways = [
      of('ana'),
      { sub_id: { format: 'email', email: 'ana@acme.test' } },
      { sub_id: { format: 'opaque', id: 'ana' } },
    ];
    for (const body of ways) {
      const browser = await signIn('ana');
      const answer = await ask(await good(), body);
      assert.equal(answer.status, 204, answer.text);
      assert.deepEqual([await isIn(browser), await isIn(bystander)], [false, true], JSON.stringify(body));
    }
    const event = await lastEvent(server, acme, 'sign_out.told_by_provider');
    assert.deepEqual([event?.outcome, event?.detail['received']], ['success', 'signed-out']);
    assert.equal(await isIn(await signIn('ana')), true, 'the account stays');
  });

  const refusals: [string, () => Promise<string | undefined>][] = [
    ['no token', async () => undefined],
    ['no token at all', async () => 'nonsense'],
    ['another type', () => idp.sign(claims(), { typ: 'logout+jwt' })],
    ['no type', () => idp.sign(claims())],
    ['another key', () => signed(claims(), stranger, { kid: 'key', ...TYPED })],
    ['no signature', async () => unsecured(claims())],
    ['another audience', () => idp.sign(claims({ aud: 'bridge' }), TYPED)],
    ['another issuer', () => idp.sign(claims({ iss: 'https://evil.test' }), TYPED)],
    ['expired', () => idp.sign(claims({ iat: 1_000_000, exp: 1_000_300 }), TYPED)],
    ['without an id', () => idp.sign(claims({ jti: undefined }), TYPED)],
  ];
  for (const [what, make] of refusals) {
    it(`given a token with ${what}, then 401, and nobody is signed out`, async () => {
      const browser = await signIn('bo');
      assert.equal((await ask(await make(), of('bo'))).status, 401);
      assert.equal(await isIn(browser), true);
      assert.equal((await lastEvent(server, acme, 'sign_out.refused'))?.outcome, 'denied');
    });
  }

  it('given a token comes again, then 401', async () => {
    await signIn('cy');
    const token = await good();
    assert.equal((await ask(token, of('cy'))).status, 204);
    const browser = await signIn('cy');
    assert.equal((await ask(token, of('cy'))).status, 401);
    assert.equal(await isIn(browser), true);
  });

  it('given a body that is none, then 400; nobody known, 404; another provider’s people or a format unknown here, 422', async () => {
    for (const body of ['{', {}, { sub_id: 'ana' }, { sub_id: {} }])
      assert.equal((await ask(await good(), body)).status, 400);
    assert.equal((await ask(await good(), of('nobody'))).status, 404);
    assert.equal((await ask(await good(), { sub_id: { format: 'email', email: 'x@elsewhere.test' } })).status, 404);
    for (const sub_id of [
      { format: 'iss_sub', iss: 'https://other.test', sub: 'ana' },
      { format: 'phone_number', phone_number: '+1' },
    ])
      assert.equal((await ask(await good(), { sub_id })).status, 422);
  });

  it('given the connection is turned off, then 403', async () => {
    await connection(server, acme, 'okta', { ...put, enabled: false });
    assert.equal((await ask(await good(), of('ana'))).status, 403);
    await connection(server, acme, 'okta', { ...put, enabled: true });
  });

  it('TEN-1 given another organization’s person of the same subject, then they stay signed in', async () => {
    const rows = await within<{ n: number }>(
      server.deps,
      acme,
      sql`SELECT count(*)::int AS n FROM identities WHERE subject = 'ana'`,
    );
    assert.equal(rows[0]?.n, 1);
    const globex = await organization(server, 'globex', {}, []);
    await within(
      server.deps,
      globex,
      sql`INSERT INTO users (organization_id, email) VALUES (${globex.id}, 'ana@acme.test')`,
    );
    assert.equal((await ask(await good(), of('ana'))).status, 204);
    assert.equal(await lastEvent(server, globex, 'sign_out.told_by_provider'), undefined);
  });
});

describe('global token revocation through a SAML connection', () => {
  it('given each way to name somebody, then 204 and their sessions end; the entity id and NameID are theirs, another’s 422 or 404', async () => {
    const saml = await hostileIdp(server, acme, 'saml', { tokenRevocationIssuer: idp.url });
    const path = new URL(saml.own.tokenRevocationUri).pathname;
    const tell = async (sub_id: object, more: IdTokenClaims = {}) => {
      const token = await idp.sign(claims({ aud: saml.own.tokenRevocationUri, ...more }), TYPED);
      return server.http.post(path).set('Authorization', `Bearer ${token}`).send({ sub_id });
    };
    const bystander = await saml.signIn('bystander@acme.test');
    const ways = [
      { format: 'iss_sub', iss: saml.issuer, sub: 'dee@acme.test' },
      { format: 'email', email: 'Dee@acme.test' },
      { format: 'opaque', id: 'dee@acme.test' },
    ];
    for (const sub_id of ways) {
      const browser = await saml.signIn('dee@acme.test');
      const answer = await tell(sub_id);
      assert.equal(answer.status, 204, answer.text);
      assert.deepEqual([await isIn(browser), await isIn(bystander)], [false, true], sub_id.format);
    }
    assert.equal((await tell({ format: 'iss_sub', iss: idp.url, sub: 'dee@acme.test' })).status, 422);
    assert.equal((await tell({ format: 'iss_sub', iss: saml.issuer, sub: 'nobody@acme.test' })).status, 404);
    assert.equal((await tell(ways[0]!, { aud: endpoint })).status, 401, 'a token for another connection');
    assert.equal((await tell(ways[0]!, { iss: saml.issuer })).status, 401);
    await saml.put({});
    assert.equal((await tell(ways[0]!)).status, 403, 'nobody may sign them');
    assert.equal(await isIn(bystander), true);
  });
});
