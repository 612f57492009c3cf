/** Apps without a secret that prove themselves by signing (private_key_jwt). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import * as client from 'openid-client';
import { openTestDatabase } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { company, enter, REDIRECT_URI, register, tokensOf } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const other = await startTestServer(database);
const acme = await company(server, database, 'acme', ['ana']);
const keys = await generateKeyPair('ES256', { extractable: true });
const foreign = await generateKeyPair('ES256');
const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'k1', use: 'sig', alg: 'ES256' };
await register(server, 'signer', { jwks: { keys: [jwk] } });
const ISSUER = `${server.url}/oauth`;

const knownBy = (clientId: string, key = keys.privateKey, kid = 'k1') =>
  client.discovery(new URL(ISSUER), clientId, undefined, client.PrivateKeyJwt({ key, kid }), {
    execute: [client.allowInsecureRequests],
  });

interface Assertion {
  readonly aud: string;
  readonly iss: string;
  readonly jti: string | undefined;
  readonly seconds: number | undefined;
  readonly key: CryptoKey;
}

function assertion(more: Partial<Assertion> = {}): Promise<string> {
  const { aud, iss, jti, seconds, key } = {
    ...{ aud: ISSUER, iss: 'signer', jti: randomUUID(), seconds: 60, key: keys.privateKey },
    ...more,
  };
  const token = new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).setIssuer(iss).setSubject('signer');
  if (jti !== undefined) token.setJti(jti);
  if (seconds !== undefined) token.setExpirationTime(Math.floor(Date.now() / 1000) + seconds);
  return token.setAudience(aud).setIssuedAt().sign(key);
}

/** Asks for a token's worth, which needs nothing but to be the app. */
const present = (client_assertion: string, at = server) =>
  at.http.post('/oauth/introspect').type('form').send({
    client_id: 'signer',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion,
    token: 'whatever',
  });

describe('private_key_jwt', () => {
  it('given an unmodified openid-client with a key, then it signs people in and refreshes', async () => {
    const signer = await knownBy('signer');
    const tokens = await tokensOf(signer, await acme.signIn('ana'));
    assert.equal(tokens.claims()?.['email'], 'ana@acme.test');
    assert.ok((await client.refreshTokenGrant(signer, tokens.refresh_token ?? '')).access_token);
  });

  it('given the app publishes its keys, then they are read there', async () => {
    const site = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] })));
    await new Promise<void>((done) => site.listen(0, '127.0.0.1', done));
    database.onEnd(async () => void site.close());
    const jwksUri = `http://localhost:${(site.address() as AddressInfo).port}/jwks`;
    await register(server, 'publisher', { jwksUri });
    const browser = await acme.signIn('ana');
    assert.ok((await tokensOf(await knownBy('publisher'), browser)).access_token);
  });

  it('given it presents a secret instead, or nothing, then it is refused', async () => {
    const { asked, callback } = await enter(await knownBy('signer'), await acme.signIn('ana'));
    const form = () => server.http.post('/oauth/token').type('form');
    const grant = {
      grant_type: 'authorization_code',
      code: new URL(callback).searchParams.get('code'),
      redirect_uri: REDIRECT_URI,
      code_verifier: asked.verifier,
    };
    await form()
      .send({ ...grant, client_id: 'signer' })
      .expect(401);
    await form().auth('signer', 'undefined').send(grant).expect(401);
    await form()
      .send({ ...grant, client_id: 'signer', client_secret: 'null' })
      .expect(401);
  });

  it('OIDC-30 given an assertion as it should be, then it is taken', async () => {
    await present(await assertion()).expect(200, { active: false });
    await present(await assertion({ aud: `${ISSUER}/token` })).expect(200);
  });

  for (const [what, more] of [
    ['for somebody else', { aud: 'https://other.test/oauth' }],
    ['for an address that only begins alike', { aud: `${ISSUER}.evil.test` }],
    ['of another issuer', { iss: 'insights' }],
    ['without an id', { jti: undefined }],
    ['without an end', { seconds: undefined }],
    ['that has expired', { seconds: -120 }],
    ['that would be good for a day', { seconds: 86_400 }],
    ['by another key', { key: foreign.privateKey }],
  ] as const) {
    it(`OIDC-30 given an assertion ${what}, then it is refused`, async () => {
      const answer = await present(await assertion(more));
      assert.deepEqual([answer.status, answer.body.error], [401, 'invalid_client']);
    });
  }

  it('OIDC-30 given one assertion 20 times at once on two instances, then it is taken once, and never later', async () => {
    // Whichever instance it comes to, it is meant for both: behind one address they are one issuer.
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .setIssuer('signer')
      .setSubject('signer')
      .setJti('one')
      .setAudience([ISSUER, `${other.url}/oauth`])
      .setExpirationTime('1m')
      .sign(keys.privateKey);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => present(token, at % 2 ? server : other).then(({ status }) => status)),
    );
    assert.deepEqual(
      [answers.filter((status) => status === 200).length, answers.filter((status) => status === 401).length],
      [1, 19],
    );
    await present(token, other).expect(401);
  });
});
