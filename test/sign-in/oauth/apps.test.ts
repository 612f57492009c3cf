/** The platform's apps, registered through the API: by the operator and nobody else. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { inInstallation } from '../../../src/sign-in/oauth/installation.ts';
import { openTestDatabase, TEST_ORIGIN } from '../../harness/database.ts';
import { startTestServer } from '../../harness/server.ts';
import { within } from '../arrange.ts';
import { company, discover, REDIRECT_URI, register, tokensOf } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const acme = await company(server, database, 'acme', ['ana']);

const APP = { name: 'Insights', redirectUris: [REDIRECT_URI] };
const put = (slug: string, body: object) => server.api('put', `/apps/${slug}`).send(body);
const KEY = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' };

/** The installation's own audit, latest first. */
async function audited(action: string) {
  const { rows } = await inInstallation(database.store.db, TEST_ORIGIN, (tx) =>
    sql<{ actor_kind: string; detail: Record<string, unknown> }>`
      SELECT actor_kind, detail FROM audit_events WHERE action = ${action} ORDER BY id DESC`.execute(tx.db),
  );
  return rows;
}

describe('registering apps', () => {
  it('given a new one, then its secret is shown this once, and is nowhere in what is read later', async () => {
    const made = await put('insights', APP).expect(200);
    assert.match(made.body.secret, /^dba_/);
    assert.equal(made.body.action, 'create');
    for (const path of ['/apps', '/apps/insights']) {
      const read = await server.api('get', path).expect(200);
      assert.ok(!read.text.includes(made.body.secret) && !/secret|hash/i.test(read.text), read.text);
    }
    assert.equal((await audited('app.created'))[0]?.actor_kind, 'operator');
  });

  it('given the same again, then nothing changes; given one field else, then it alone, and the secret stays', async () => {
    assert.deepEqual((await put('insights', APP).expect(200)).body.action, 'keep');
    const changed = await put('insights', { ...APP, name: 'Insights 2' }).expect(200);
    assert.deepEqual([changed.body.action, changed.body.secret], ['update', undefined]);
  });

  it('given a new secret, then the old one ends', async () => {
    const old = await register(server, 'turning');
    const { body } = await server.api('post', '/apps/turning/secret').expect(200);
    const browser = await acme.signIn('ana');
    await assert.rejects(tokensOf(await discover(server, 'turning', old), browser), { status: 401 });
    assert.ok((await tokensOf(await discover(server, 'turning', body.secret), browser)).access_token);
    assert.equal((await audited('app.secret_changed')).length, 1);
  });

  it('given a public app, then it has no secret and gets none', async () => {
    assert.equal(await register(server, 'spa', { type: 'public' }), undefined);
    await server.api('post', '/apps/spa/secret').expect(409);
  });

  it('given one that is not there, then 404', async () => {
    await server.api('get', '/apps/nobody').expect(404);
    await server.api('delete', '/apps/nobody').expect(404);
    await server.api('post', '/apps/nobody/secret').expect(404);
  });

  for (const [what, wrong] of [
    ['no redirect_uri', { redirectUris: [] }],
    ['a redirect_uri in clear', { redirectUris: ['http://insights.test/callback'] }],
    ['a redirect_uri with a fragment', { redirectUris: [`${REDIRECT_URI}#x`] }],
    ['a wildcard', { redirectUris: ['https://*.insights.test/callback'] }],
    ['script', { redirectUris: ['javascript:alert(1)'] }],
    ['a user in the address', { redirectUris: ['https://me@insights.test/'] }],
    ['a short secret', { secret: 'short' }],
    ['a public app with a secret', { type: 'public', secret: 'x'.repeat(40) }],
    ['a public app that asks about all', { type: 'public', introspects: 'all' }],
    ['keys and a secret', { secret: 'x'.repeat(40), jwks: { keys: [KEY] } }],
    ['keys here and there', { jwksUri: 'https://insights.test/jwks', jwks: { keys: [KEY] } }],
    ['a private key', { jwks: { keys: [{ ...KEY, d: 'private' }] } }],
    ['an unknown field', { grantTypes: ['implicit'] }],
  ] as const) {
    it(`given ${what}, then it is refused and nothing is registered`, async () => {
      await put('wrong', { ...APP, ...wrong }).expect(400);
      await server.api('get', '/apps/wrong').expect(404);
    });
  }
});

describe('who may', () => {
  it("TEN-1 given an organization's owner or key, then apps and keys are none of theirs", async () => {
    const browser = await acme.signIn('ana');
    await within(
      server.deps,
      acme.where,
      sql`INSERT INTO memberships (organization_id, user_id, scope_kind, role, source, granted_by)
        SELECT ${acme.where.id}, id, 'organization', 'owner', 'manual', 'test' FROM users WHERE email = 'ana@acme.test'`,
    );
    const key = await server
      .api('post', '/organizations/acme/api-keys')
      .send({ name: 'k', kind: 'service', scopes: ['tokens:introspect'] });
    assert.equal(key.status, 201, key.text);
    for (const [method, path] of [
      ['GET', '/apps'],
      ['GET', '/apps/insights'],
      ['PUT', '/apps/insights'],
      ['DELETE', '/apps/insights'],
      ['POST', '/apps/insights/secret'],
      ['POST', '/signing-keys/rotate'],
    ] as const) {
      const body = method === 'PUT' ? { ...APP, redirectUris: ['https://evil.test/'] } : undefined;
      assert.equal((await browser.json(method, `${server.url}/api/v1${path}`, body)).status, 403, path);
      const byKey = await fetch(`${server.url}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${key.body.key}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      assert.equal(byKey.status, 403, path);
    }
    assert.deepEqual((await server.api('get', '/apps/insights')).body.redirectUris, [REDIRECT_URI]);
  });

  it('TEN-2 given a transaction of an organization, then it sees no app and no key, and can add none', async () => {
    const count = (table: string) =>
      within<{ count: number }>(server.deps, acme.where, sql`SELECT count(*)::int AS count FROM ${sql.table(table)}`);
    for (const table of ['apps', 'signing_keys', 'oauth_exchanges']) assert.equal((await count(table))[0]?.count, 0);
    const add = sql`INSERT INTO apps (organization_id, slug, config) VALUES (${acme.where.id}, 'mine', '{}')`;
    await assert.rejects(within(server.deps, acme.where, add));
    const nil = sql`INSERT INTO apps (organization_id, slug, config) VALUES ('00000000-0000-0000-0000-000000000000', 'mine', '{}')`;
    await assert.rejects(within(server.deps, acme.where, nil));
  });
});
