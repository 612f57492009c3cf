/** A key's life: what it may by its creator's rights at that moment, its rotation, its uses, and what becomes of it when somebody leaves. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import pg from 'pg';
import { makeKey } from '../../src/credentials/api-key-format.ts';
import { startSession } from '../../src/credentials/session.ts';
import { shipped, tablesOf } from '../access/models-under-test.ts';
import { until } from '../harness/command.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startInstance } from '../harness/instance.ts';
import { startTestServer } from '../harness/server.ts';
import { signedIn } from '../harness/signed-in.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

async function company(model: string): Promise<Company> {
  const made = await makeCompany(server, database, { model });
  made.write(...['mia', 'ben'].map((name) => `${name},${name}@acme.example,${name},Sales,Agent,active`));
  await made.sync();
  return made;
}

/** Gives a role in any way there is, also as no API does. */
async function hold(made: Company, name: string, role: string, scope: 'organization' | 'workspace'): Promise<void> {
  await made.within(({ db, organizationId }) =>
    sql`INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, role, source, granted_by)
      SELECT ${organizationId}, u.id, ${scope}, CASE WHEN ${scope} = 'workspace' THEN w.id END, ${role}, 'manual', 'test'
      FROM users u, workspaces w WHERE u.email = ${`${name}@acme.example`}
      ON CONFLICT (organization_id, user_id, scope_kind, scope_id, source) DO UPDATE SET role = excluded.role`.execute(
      db,
    ),
  );
}

async function as(made: Company, name: string) {
  const userId = await made.person(`${name}@acme.example`);
  const { token } = await made.within((tx) =>
    startSession(tx, { userId, connectionId: null, authenticatedBy: 'saml' }),
  );
  const call = signedIn(server, token);
  return (method: 'get' | 'post' | 'delete', path: string) => call(method, `/organizations/${made.slug}${path}`);
}

const introspect = async (token: string, more: object = {}, { http } = server as Pick<typeof server, 'http'>) =>
  (
    await http
      .post('/oauth/introspect')
      .set('Authorization', server.operator)
      .type('form')
      .send({ token, ...more })
      .expect(200)
  ).body;

const PERSONAL = { name: 'laptop', kind: 'personal', scopes: ['agent.create', 'agent.use'], workspace: 'main' };

describe('what a key is worth', () => {
  it('SEC-6 given a key with a mistyped character, then it is refused without a query, also as a caller', async () => {
    const { key } = makeKey('production');
    const mistyped = `${key.slice(0, 20)}${key[20] === 'a' ? 'b' : 'a'}${key.slice(21)}`;
    let queries = 0;
    const { query } = pg.Client.prototype;
    pg.Client.prototype.query = function counted(this: pg.Client, ...args: unknown[]) {
      // What the server does beside, for its queue and its memory, is not about this key.
      const text = String((args[0] as { text?: string }).text ?? args[0]);
      if (/locate_|app\.tenant_id/.test(text)) queries += 1;
      return (query as (...given: unknown[]) => unknown).apply(this, args);
    } as typeof query;
    try {
      assert.deepEqual(await introspect(mistyped), { active: false });
      await server.http.post('/access/v1/evaluation').set('Authorization', `Bearer ${mistyped}`).send({}).expect(401);
      assert.equal(queries, 0);
      assert.deepEqual(await introspect(key), { active: false });
      assert.ok(queries > 0, 'one that might be a key is looked for');
    } finally {
      pg.Client.prototype.query = query;
    }
  });

  it('TEN-9 given a key that acts as its creator, then it never gives more than they may at that moment', async () => {
    const made = await company('smart-ai-hub');
    await hold(made, 'mia', 'developer', 'workspace');
    const { body } = await (await as(made, 'mia'))('post', '/api-keys').send(PERSONAL).expect(201);
    assert.equal((await introspect(body.key)).scope, 'agent.create agent.use');
    await hold(made, 'mia', 'user', 'workspace');
    assert.equal((await introspect(body.key)).scope, 'agent.use', 'agent.create is not theirs any more');
    await hold(made, 'mia', 'viewer', 'workspace');
    assert.deepEqual(await introspect(body.key), { active: false }, 'nothing of it is theirs any more');
    await hold(made, 'mia', 'developer', 'workspace');
    assert.equal((await introspect(body.key)).scope, 'agent.create agent.use');
  });

  it('TEN-9 given the operator, then no key that acts as a person, and none beyond what its kind carries', async () => {
    const hub = await company('smart-ai-hub');
    const machine = { name: 'bot', kind: 'service', scopes: ['agent.delete'] };
    assert.match((await hub.api('post', '/api-keys').send(machine).expect(400)).body.detail, /agent\.delete/);
    const magone = await company('magone-ai');
    const project = { name: 'bot', kind: 'project', scopes: ['agents.chat'], workspace: 'main' };
    await magone.api('post', '/api-keys').send(project).expect(400);
    const backend = await magone
      .api('post', '/api-keys')
      .send({ ...project, scopes: ['access:evaluate'] })
      .expect(201);
    assert.equal((await introspect(backend.body.key)).scope, 'access:evaluate', 'the platform itself may ask');
  });
});

describe('rotation', () => {
  async function rotating() {
    const made = await company('smart-ai-hub');
    await hold(made, 'mia', 'developer', 'workspace');
    const mia = await as(made, 'mia');
    const { body: old } = await mia('post', '/api-keys')
      .send({ ...PERSONAL, expiresInDays: 90 })
      .expect(201);
    return { made, mia, old };
  }

  it('given a rotated key, then both count until the overlap is over, and the new one is like the old', async () => {
    const { made, mia, old } = await rotating();
    const { body } = await mia('post', `/api-keys/${old.id}/rotate`).send({ overlapHours: 2 }).expect(201);
    assert.notEqual(body.key, old.key);
    for (const each of ['kind', 'name', 'environment', 'scopes', 'workspaceId', 'creatorId'])
      assert.deepEqual(body[each], old[each]);
    assert.equal(body.replacesId, old.id);
    const days = (Date.parse(body.expiresAt) - Date.now()) / 86_400_000;
    assert.ok(days > 89.9 && days < 90.1, `${days}`);
    assert.deepEqual([(await introspect(old.key)).active, (await introspect(body.key)).active], [true, true]);
    const left = (await introspect(old.key)).exp - Date.now() / 1000;
    assert.ok(left > 7000 && left <= 7200, `${left} s`);
    await made.within(({ db }) => sql`UPDATE api_keys SET expires_at = now() WHERE id = ${old.id}::uuid`.execute(db));
    assert.deepEqual([(await introspect(old.key)).active, (await introspect(body.key)).active], [false, true]);
  });

  it('given a key in wrong hands, when it is rotated without overlap, then it ends at once', async () => {
    const { mia, old } = await rotating();
    await mia('post', `/api-keys/${old.id}/rotate`).send({ overlapHours: 0 }).expect(201);
    assert.equal((await introspect(old.key)).active, false);
  });

  it('given one who may not, a key that has ended or was rotated, or rights that are gone, then nothing is made', async () => {
    const { made, mia, old } = await rotating();
    const rotate = (call: typeof mia, id: string) => call('post', `/api-keys/${id}/rotate`).send({});
    await rotate(await as(made, 'ben'), old.id).expect(404);
    const byOperator = await made.api('post', `/api-keys/${old.id}/rotate`).send({}).expect(403);
    assert.match(byOperator.body.detail, /acts as the person/);
    await hold(made, 'mia', 'user', 'workspace');
    await rotate(mia, old.id).expect(403);
    await hold(made, 'mia', 'developer', 'workspace');
    const both = await Promise.all([rotate(mia, old.id), rotate(mia, old.id)]);
    assert.deepEqual(both.map(({ status }) => status).sort(), [201, 409]);
    const [fresh] = both.filter(({ status }) => status === 201).map(({ body }) => body);
    await mia('delete', `/api-keys/${fresh.id}`).expect(204);
    await rotate(mia, fresh.id).expect(409);
    assert.equal((await mia('get', '/api-keys')).body.apiKeys.length, 2);
  });
});

describe('uses', () => {
  const usesOf = async (made: Company) =>
    (await made.api('get', '/audit-events?action=api_key.used').expect(200)).body.events;

  it('magone-ai: given uses of a key, then each is audited with its time, endpoint and address, within seconds', async () => {
    const made = await company('magone-ai');
    await hold(made, 'mia', 'project_owner', 'workspace');
    const { body } = await (await as(made, 'mia'))('post', '/api-keys')
      .send({ name: 'bot', kind: 'project', scopes: ['agents.chat'], workspace: 'main' })
      .expect(201);
    const began = Date.now();
    const where = { used_at: 'POST /agents/7/chat', used_from: '203.0.113.9' };
    for (let uses = 0; uses < 3; uses++) await introspect(body.key, where);
    await introspect(body.key, { used_at: 'POST /workflows', used_from: 'not an address' });
    const events = await until(async () => (await usesOf(made)).length === 2 && usesOf(made), 10, 'uses are written');
    const chat = events.find(({ address }: { address: string | null }) => address === where.used_from);
    assert.equal(chat.resourceId, body.id);
    assert.deepEqual([chat.detail.endpoint, chat.detail.count, chat.detail.times.length], [where.used_at, 3, 3]);
    for (const time of chat.detail.times) assert.ok(Date.parse(time) >= began && Date.parse(time) <= Date.now());
    const { apiKeys } = (await made.api('get', '/api-keys').expect(200)).body;
    assert.ok(Date.parse(apiKeys[0].lastUsedAt) >= began);
    assert.equal(apiKeys[0].lastUsedFrom, where.used_from);
  });

  it('another model: given many uses, then one event sums them up, at the latest when the instance ends', async () => {
    const made = await company('smart-ai-hub');
    const { body } = await made
      .api('post', '/api-keys')
      .send({ name: 'backend', kind: 'service', scopes: ['access:evaluate'] })
      .expect(201);
    const instance = await startInstance(server, database);
    for (let uses = 0; uses < 20; uses++) {
      await instance.http.post('/access/v1/evaluation').set('Authorization', `Bearer ${body.key}`).send({}).expect(400);
    }
    const used = async () => (await made.api('get', '/api-keys')).body.apiKeys[0].lastUsedAt !== null;
    await until(used, 10, 'the last use is written');
    assert.deepEqual(await usesOf(made), []);
    await instance.close();
    const [event, ...more] = await usesOf(made);
    assert.deepEqual(more, []);
    assert.deepEqual([event.detail.endpoint, event.detail.count], ['POST /access/v1/evaluation', 20]);
    assert.equal(event.actorKind, 'api_key');
  });
});

describe('when somebody leaves', () => {
  const [policies = []] = tablesOf('leaving.md');
  const OWNERS: Record<string, [role: string, scope: 'organization' | 'workspace']> = {
    'smart-ai-hub': ['owner', 'workspace'],
    atomyx: ['owner', 'workspace'],
    'magone-ai': ['org_owner', 'organization'],
    'ai-security-gateway': ['owner', 'organization'],
    fastn: ['owner', 'organization'],
  };

  for (const { model = '', 'oauth tokens': _, ...kinds } of policies) {
    it(`${model}: given a leaver’s keys, then each kind ends or goes on as the model says`, async () => {
      const made = await company(model);
      const [role, scope] = OWNERS[model]!;
      for (const name of ['mia', 'ben']) await hold(made, name, role, scope);
      const mia = await as(made, 'mia');
      const keys: Record<string, { id: string; key: string }> = {};
      for (const kind of Object.keys(kinds).filter((each) => kinds[each] !== '-')) {
        keys[kind] = (await mia('post', '/api-keys').send(keyOf(model, kind)).expect(201)).body;
      }
      const ben = await made.person('ben@acme.example');
      await made.api('post', '/people/mia@acme.example/offboard').send({ reason: 'contract ended' }).expect(201);
      const { apiKeys } = (await made.api('get', '/api-keys').expect(200)).body;
      for (const [kind, { id, key }] of Object.entries(keys)) {
        const kept = kinds[kind] !== 'revoke';
        assert.equal((await introspect(key)).active, kept, `${kind}: ${kinds[kind]}`);
        const listed = apiKeys.find((each: { id: string }) => each.id === id);
        assert.equal(listed.revokedAt === null, kept);
        if (kept) assert.equal(listed.responsibleId, ben, 'somebody who is here answers for it');
        if (kinds[kind] === 'keep-and-flag') assert.match(listed.flaggedReason, /has left/);
      }
    });
  }

  /** A key of the kind, with the first permission that it can carry in a product of the workspace. */
  function keyOf(model: string, kind: string) {
    const { apiKeys, permissions } = shipped(model);
    const limit = apiKeys[kind as keyof typeof apiKeys]!.permissions;
    const scope =
      limit === 'all' ? [...permissions.keys()].find((each) => /\.(view|use|read)$/.test(each))! : limit[0]!;
    return { name: kind, kind, scopes: [scope], workspace: 'main' };
  }
});
