import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import { isKey, makeKey } from '../../src/credentials/api-key-format.ts';
import { startSession } from '../../src/credentials/session.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { signedIn } from '../harness/signed-in.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

async function company(): Promise<Company> {
  const made = await makeCompany(server, database, { model: 'smart-ai-hub' });
  await made
    .api('put', '/mapping-rules/all')
    .send({ condition: 'exists($.title)', scope: { workspace: 'main' }, role: 'developer' })
    .expect(200);
  made.write('dora,dora@acme.example,Dora,Engineering,Developer,active', 'ben,ben@acme.example,Ben,Sales,Agent,active');
  await made.sync();
  return made;
}

async function as(made: Company, name: string) {
  const userId = await made.person(`${name}@acme.example`);
  const { token } = await made.within((tx) =>
    startSession(tx, { userId, connectionId: null, authenticatedBy: 'saml' }),
  );
  const call = signedIn(server, token);
  return (method: 'get' | 'post' | 'delete', path: string) => call(method, `/organizations/${made.slug}${path}`);
}

const PERSONAL = { name: 'laptop', kind: 'personal', scopes: ['agent.create'], workspace: 'main' };
const introspect = async (token: string, authorization = server.operator) =>
  (
    await server.http
      .post('/oauth/introspect')
      .set('Authorization', authorization)
      .type('form')
      .send({ token })
      .expect(200)
  ).body;
const revoke = (token: string, authorization = server.operator) =>
  server.http.post('/oauth/revoke').set('Authorization', authorization).type('form').send({ token });

describe('the form of a key', () => {
  it('given any environment, then a key carries prefix, environment and checksum, and no two are alike', () => {
    const keys = (['development', 'staging', 'production'] as const).flatMap((environment) => [
      makeKey(environment),
      makeKey(environment),
    ]);
    assert.equal(new Set(keys.map(({ key }) => key)).size, 6);
    for (const { key, display } of keys) {
      assert.match(key, /^db_(dev|stg|live)_[0-9A-Za-z]{49}$/);
      assert.ok(isKey(key));
      assert.ok(!display.includes(key.slice(12, 40)), 'the display gives the key away to nobody');
    }
  });

  it('given a key with one character changed, then the checksum tells', () => {
    const { key } = makeKey('production');
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: key.length - 1 }),
        fc.constantFrom(...'0123456789abcXYZ'),
        (at, character) => {
          const changed = key.slice(0, at) + character + key.slice(at + 1);
          return isKey(changed) === (changed === key);
        },
      ),
    );
  });
});

describe('API keys', () => {
  it('given a person makes a key, then it is shown once, stored as a hash, and worth what introspection says', async () => {
    const made = await company();
    const dora = await as(made, 'dora');
    const { body } = await dora('post', '/api-keys').send(PERSONAL).expect(201);
    assert.match(body.key, /^db_live_/);
    const listed = await dora('get', '/api-keys').expect(200);
    assert.ok(!JSON.stringify(listed.body).includes(body.key));
    const told = await introspect(body.key);
    assert.partialDeepStrictEqual(told, {
      active: true,
      token_type: 'api_key',
      scope: 'agent.create',
      kind: 'personal',
      environment: 'production',
    });
    assert.equal(told.sub, await made.person('dora@acme.example'));
    const dump = await made.within(async ({ db }) =>
      JSON.stringify((await sql`SELECT * FROM api_keys, audit_events`.execute(db)).rows),
    );
    assert.ok(!dump.includes(body.key), 'neither the table nor the audit holds it');
  });

  it('given more than the maker may, then the key is refused with what was too much', async () => {
    const made = await company();
    const dora = await as(made, 'dora');
    const ask = (change: object) => dora('post', '/api-keys').send({ ...PERSONAL, ...change });
    assert.match((await ask({ scopes: ['billing.manage'] }).expect(403)).body.detail, /billing\.manage/);
    await ask({ scopes: ['access:evaluate'] }).expect(403);
    await ask({ kind: 'service', scopes: ['agent.use'] }).expect(403);
    assert.match((await ask({ scopes: ['moon.land'] }).expect(400)).body.detail, /no permission "moon\.land"/);
    await ask({ kind: 'project' }).expect(400);
    await ask({ scopes: [] }).expect(400);
    await ask({ workspace: 'moon' }).expect(404);
    await ask({ environment: 'staging' }).expect(400);
    await made.api('post', '/api-keys').send(PERSONAL).expect(400);
  });

  it('given a revoked key, then it is worth nothing at once, by its owner, an administrator or its presentation (RFC 7009)', async () => {
    const made = await company();
    const dora = await as(made, 'dora');
    const make = async () => (await dora('post', '/api-keys').send(PERSONAL).expect(201)).body;
    const [own, administered, presented] = [await make(), await make(), await make()];
    await dora('delete', `/api-keys/${own.id}?reason=lost`).expect(204);
    await made.api('delete', `/api-keys/${administered.id}`).expect(204);
    await revoke(presented.key).expect(200);
    for (const { key } of [own, administered, presented]) assert.deepEqual(await introspect(key), { active: false });
    const { body } = await dora('get', '/api-keys').expect(200);
    assert.equal(body.apiKeys.find(({ id }: { id: string }) => id === own.id).revokedReason, 'lost');
  });

  it('given somebody else’s key, then it can neither be seen nor revoked', async () => {
    const made = await company();
    const [dora, ben] = [await as(made, 'dora'), await as(made, 'ben')];
    const { body } = await dora('post', '/api-keys').send(PERSONAL).expect(201);
    assert.deepEqual((await ben('get', '/api-keys').expect(200)).body.apiKeys, []);
    await ben('delete', `/api-keys/${body.id}`).expect(404);
    assert.equal((await introspect(body.key)).active, true);
  });

  it('given an expired key, then it is worth nothing; given one whose creator is suspended, likewise', async () => {
    const made = await company();
    const dora = await as(made, 'dora');
    const { body } = await dora('post', '/api-keys')
      .send({ ...PERSONAL, expiresInDays: 1 })
      .expect(201);
    await made.within(({ db }) =>
      sql`UPDATE users SET status = 'suspended' WHERE email = 'dora@acme.example'`.execute(db),
    );
    assert.equal((await introspect(body.key)).active, false);
    await made.within(({ db }) =>
      sql`UPDATE users SET status = 'active' WHERE email = 'dora@acme.example'`.execute(db),
    );
    assert.equal((await introspect(body.key)).active, true);
    await made.within(({ db }) => sql`UPDATE api_keys SET expires_at = now() - interval '1 second'`.execute(db));
    assert.equal((await introspect(body.key)).active, false);
  });

  it('given a rehired person, then keys from before do not come back', async () => {
    const made = await company();
    const dora = await as(made, 'dora');
    const { body } = await dora('post', '/api-keys').send(PERSONAL).expect(201);
    made.write(
      'dora,dora@acme.example,Dora,Engineering,Developer,terminated',
      'ben,ben@acme.example,Ben,Sales,Agent,active',
    );
    await made.sync();
    made.write(
      'dora,dora@acme.example,Dora,Engineering,Developer,active',
      'ben,ben@acme.example,Ben,Sales,Agent,active',
    );
    await made.sync();
    assert.deepEqual(await made.memberships('dora@acme.example'), ['main:developer (mapping)']);
    assert.equal((await introspect(body.key)).active, false);
    await dora('get', '/api-keys').expect(401);
  });
});

describe('introspection and revocation', () => {
  it('given whatever is presented, then it is inactive and no error; given no credential or scope, the caller is refused', async () => {
    for (const token of ['x', 'db_live_nonsense', `dbt_${'x'.repeat(43)}`, makeKey('production').key]) {
      assert.deepEqual(await introspect(token), { active: false });
      await revoke(token).expect(200);
    }
    await server.http.post('/oauth/introspect').type('form').send({ token: 'x' }).expect(401);
    const made = await company();
    const { body } = await made
      .api('post', '/api-keys')
      .send({ name: 'b', kind: 'service', scopes: ['agent.use'] })
      .expect(201);
    await server.http
      .post('/oauth/introspect')
      .set('Authorization', `Bearer ${body.key}`)
      .type('form')
      .send({ token: 'x' })
      .expect(403);
    await server.http.post('/oauth/introspect').set('Authorization', server.operator).type('form').send({}).expect(400);
  });

  it('TEN: given a key of another organization, then a backend learns nothing of it and can not end it', async () => {
    const [one, two] = [await company(), await company()];
    const { body: backend } = await two
      .api('post', '/api-keys')
      .send({ name: 'backend', kind: 'service', scopes: ['tokens:introspect', 'tokens:revoke'] })
      .expect(201);
    const { body: foreign } = await (await as(one, 'dora'))('post', '/api-keys').send(PERSONAL).expect(201);
    assert.deepEqual(await introspect(foreign.key, `Bearer ${backend.key}`), { active: false });
    await revoke(foreign.key, `Bearer ${backend.key}`).expect(200);
    assert.equal((await introspect(foreign.key)).active, true);
  });
});
