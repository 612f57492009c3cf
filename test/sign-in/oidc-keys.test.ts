/** A provider changes its keys: nobody's sign-in is lost, nothing is accepted under a key that is gone, and it is not asked too often. */
import assert from 'node:assert/strict';
import { afterEach, describe, it, mock } from 'node:test';
import { decodeJwt } from 'jose';
import { Browser, type Page } from '../../src/demo/browser.ts';
import { startHostileOidc } from '../doubles/hostile-oidc.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, organization } from './arrange.ts';

const MINUTE = 60_000;
const database = await openTestDatabase();
const server = await startTestServer(database);
const idp = await startHostileOidc('bridge');
database.onEnd(() => idp.close());
afterEach(() => {
  idp.behave({});
  mock.timers.reset();
});
const acme = await organization(server, 'acme');
const put = { kind: 'oidc', issuer: idp.url, clientId: 'bridge', clientSecret: 'secret' };
const entra = await connection(server, acme, 'entra', put);

async function begin(shown = entra) {
  const browser = new Browser('application/json');
  const sent = await browser.get(shown.relyingParty.loginUrl, /\/auth\?/);
  const { searchParams } = new URL(sent.headers.get('location')!);
  const answer = (who: string) => ({
    code: idp.code(searchParams.get('nonce')!, { sub: who, email: `${who}@acme.test` }),
    state: searchParams.get('state')!,
    iss: idp.url,
  });
  const comeBack = (who: string): Promise<Page> =>
    browser.get(`${shown.relyingParty.redirectUri}?${new URLSearchParams(answer(who))}`, /\/me$/);
  return comeBack;
}

const signIn = async (who: string) => (await begin())(who);

describe("a provider's keys rotate", () => {
  it('OIDC-6 given a key that is not known yet, when a token is signed by it, then the key set is fetched once and it is accepted', async () => {
    assert.equal((await signIn('ana')).status, 303);
    const before = idp.keyFetches();
    idp.rotate(true);
    assert.equal((await signIn('ana')).status, 303);
    assert.equal((await signIn('ana')).status, 303);
    assert.equal(idp.keyFetches() - before, 1);
  });

  it('given sixty people sign in while keys rotate three times, then all of them are let in, and the key set is fetched a few times', async () => {
    idp.behave({ slowKeys: 15 });
    const before = idp.keyFetches();
    const ways = await Promise.all(Array.from({ length: 60 }, () => begin()));
    const pages = await Promise.all(
      ways.map(async (comeBack, at) => {
        await new Promise((done) => setTimeout(done, at * 8));
        if (at % 20 === 10) idp.rotate(true);
        return comeBack(`p${at % 5}`);
      }),
    );
    assert.deepEqual(
      [...new Set(pages.map(({ status }) => status))],
      [303],
      pages.find((page) => page.status !== 303)?.text,
    );
    assert.ok(idp.keyFetches() - before <= 12, `${idp.keyFetches() - before} fetches`);
  });

  it('given a key that the provider has taken back, when five minutes have passed, then it is not accepted any more', async () => {
    idp.rotate(false);
    const stolen = idp.signer();
    assert.equal((await signIn('ana')).status, 303);
    idp.rotate(false);
    mock.timers.enable({ apis: ['Date'], now: Date.now() });
    mock.timers.tick(5 * MINUTE + 1);
    idp.behave({ makeIdToken: stolen });
    const page = await signIn('ana');
    assert.equal(page.status, 403, page.text);
    idp.behave({});
    assert.equal((await signIn('ana')).status, 303);
  });

  it('OIDC-6 given a key that the provider never has, when a minute has passed, then it is asked once more', async () => {
    assert.equal((await signIn('ana')).status, 303);
    idp.behave({ makeIdToken: (all) => idp.sign(all, { kid: 'never' }) });
    mock.timers.enable({ apis: ['Date'], now: Date.now() });
    const before = idp.keyFetches();
    for (let times = 0; times < 4; times += 1) assert.equal((await signIn('ana')).status, 403);
    assert.equal(idp.keyFetches() - before, 1);
    mock.timers.tick(MINUTE + 1);
    for (let times = 0; times < 4; times += 1) assert.equal((await signIn('ana')).status, 403);
    assert.equal(idp.keyFetches() - before, 2);
  });
});

describe('proving who we are by a secret', () => {
  it('given client_secret_post, then the secret is in the body; given client_secret_basic, in the header', async () => {
    for (const clientAuthentication of ['client_secret_post', 'client_secret_basic']) {
      const shown = await connection(server, acme, 'chosen', { ...put, clientAuthentication });
      assert.equal((await (await begin(shown))('ana')).status, 303);
      const { authorization, form } = idp.lastTokenRequest();
      assert.equal(form.get('client_secret'), clientAuthentication === 'client_secret_post' ? 'secret' : null);
      assert.equal(
        authorization?.startsWith('Basic '),
        clientAuthentication === 'client_secret_basic' ? true : undefined,
      );
    }
  });

  it('OIDC-30 given private_key_jwt, then each proof is for this provider alone, short-lived and good once', async () => {
    const shown = await connection(server, acme, 'keyed', { ...put, clientAuthentication: 'private_key_jwt' });
    const proofs = [];
    for (let times = 0; times < 2; times += 1) {
      assert.equal((await (await begin(shown))('ana')).status, 303);
      const { authorization, form } = idp.lastTokenRequest();
      assert.deepEqual([authorization, form.get('client_secret')], [undefined, null]);
      proofs.push(decodeJwt(form.get('client_assertion') ?? ''));
    }
    const [first, second] = proofs;
    assert.notEqual(first?.jti, second?.jti);
    assert.partialDeepStrictEqual(first, { iss: 'bridge', sub: 'bridge' });
    assert.deepEqual([first?.aud].flat(), [idp.url]);
    assert.ok((first?.exp ?? 0) - (first?.iat ?? 0) <= 120);
  });

  it('given requests must be pushed, when the provider takes none, then nobody is sent there', async () => {
    const shown = await connection(server, acme, 'pushing', { ...put, requirePushedRequests: true });
    const answer = await server.http.get(`/oidc/${shown.id}/login`);
    assert.equal(answer.status, 502, answer.text);
    assert.match(answer.body.detail, /pushed/);
  });
});
