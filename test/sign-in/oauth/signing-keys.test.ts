/** The keys that sign ID tokens turn over, and nobody notices. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRemoteJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { inInstallation } from '../../../src/sign-in/oauth/installation.ts';
import { signingKeys } from '../../../src/sign-in/oauth/signing-keys.ts';
import { openTestDatabase, TEST_ORIGIN } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { company, discover, register, tokensOf } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const other = await startTestServer(database);

const published = async (at = server): Promise<string[]> =>
  ((await at.http.get('/oauth/jwks').expect(200)).body as JSONWebKeySet).keys.map(({ kid }) => kid ?? '');
const kidOf = (token: string | undefined) => decodeProtectedHeader(token ?? '').kid;

/** An instance signs with the keys it knows for five seconds; the test does not wait for that but asks what is published. */
const rotate = async (): Promise<string[]> => {
  const { body } = await server.api('post', '/signing-keys/rotate').expect(200);
  await Promise.all([published(), published(other)]);
  return body.keys;
};

describe('signing keys', () => {
  it('given two instances that start at once, then they sign with the same key', async () => {
    const { db } = database.store;
    const { sealingKeys } = database.settings.secrets;
    const made = await Promise.all(Array.from({ length: 6 }, () => signingKeys(db, sealingKeys)));
    assert.equal(new Set(made.map(({ version }) => version)).size, 1);
    assert.deepEqual(await published(), await published(other));
    assert.equal((await published()).length, 2, 'the next is published before it signs');
  });

  it('given a rotation, then the next key signs on both instances and what the old one signed is still good', async () => {
    const acme = await company(server, database, 'acme', ['ana']);
    const insights = await discover(server, 'insights', await register(server, 'insights'));
    const browser = await acme.signIn('ana');
    const [current, next] = await published();
    const before = await tokensOf(insights, browser);
    assert.equal(kidOf(before.id_token), current);

    assert.equal((await rotate())[0], next);
    const after = await client.refreshTokenGrant(insights, before.refresh_token ?? '');
    assert.equal(kidOf(after.id_token), next, 'a client that read the keys before knows it already');
    const onOther = await other.http
      .post('/oauth/token')
      .type('form')
      .auth('insights', (await server.api('post', '/apps/insights/secret')).body.secret)
      .send({ grant_type: 'refresh_token', refresh_token: after.refresh_token });
    assert.equal(kidOf(onOther.body.id_token), next);
    for (const token of [before.id_token, after.id_token]) {
      const verified = await jwtVerify(token ?? '', createRemoteJWKSet(new URL(`${other.url}/oauth/jwks`)), {
        issuer: `${server.url}/oauth`,
        audience: 'insights',
      });
      assert.equal(verified.payload['email'], 'ana@acme.test');
    }
    const hint = client.buildEndSessionUrl(insights, { id_token_hint: before.id_token ?? '' });
    assert.match((await browser.get(hint.toString())).text, /submit\.js/, 'an old ID token is still a hint');
  });

  it('given two rotations at once, then both happen, one after the other', async () => {
    const before = await published();
    await Promise.all([rotate(), rotate()]);
    const now = await published(other);
    assert.equal(now.length, before.length + 2);
    assert.ok(before.every((kid) => now.includes(kid)));
  });

  it('SEC-2 given what is published and what is stored, then no private key is in it', async () => {
    const { body } = await server.http.get('/oauth/jwks');
    for (const key of (body as JSONWebKeySet).keys) assert.ok(!('d' in key) && !('p' in key));
    const { jwks } = await signingKeys(database.store.db, database.settings.secrets.sealingKeys);
    const kept = await inInstallation(database.store.db, TEST_ORIGIN, ({ db }) =>
      db.selectFrom('signing_keys').selectAll().execute(),
    );
    const rows = JSON.stringify(kept);
    assert.equal(kept.length, jwks.length);
    assert.ok(jwks.every(({ d }) => typeof d === 'string' && !rows.includes(d)));
  });
});
