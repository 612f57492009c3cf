import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { startSession } from '../../src/credentials/session.ts';
import { inTenant } from '../../src/store/tenant.ts';
import { type Company, makeCompany } from '../harness/company.ts';
import { openTestDatabase, TEST_ORIGIN } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { signedIn } from '../harness/signed-in.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);

async function companyWithOwner(): Promise<{ company: Company; owner: string }> {
  const company = await makeCompany(server, database, { model: 'fastn' });
  company.write('E1,owner@acme.example,Owner,Board,Owner,active');
  await company.sync();
  await company
    .api('post', '/memberships')
    .send({ user: 'owner@acme.example', role: 'owner', scope: 'organization' })
    .expect(201);
  const userId = await company.person('owner@acme.example');
  const { token } = await company.within((tx) =>
    startSession(tx, { userId, connectionId: null, authenticatedBy: 'saml' }),
  );
  return { company, owner: token };
}

describe('tenants', () => {
  it('TEN-1: given an owner of one organization, when every route of another is called, then that one does not exist', async () => {
    const [one, two] = [await companyWithOwner(), await companyWithOwner()];
    const { body: described } = await server.http.get('/api/v1/openapi.json').expect(200);
    const call = signedIn(server, one.owner);
    let called = 0;
    for (const [path, methods] of Object.entries<Record<string, unknown>>(described.paths)) {
      if (!path.includes('{organization}')) continue;
      const target = path
        .replace('{organization}', two.company.slug)
        .replaceAll(/\{\w+\}/g, 'main')
        .replace(/^\/api\/v1/, '');
      for (const method of Object.keys(methods) as ('get' | 'post' | 'put' | 'patch' | 'delete')[]) {
        const answer = await call(method, target).send(method === 'get' ? undefined : {});
        assert.equal(answer.status, 404, `${method} ${target}: ${answer.text}`);
        assert.equal(answer.body.detail, 'There is no such organization.');
        called += 1;
      }
    }
    assert.ok(called > 40, `${called} routes`);
    const events = await two.company.api('get', '/audit-events?limit=500').expect(200);
    assert.ok(!JSON.stringify(events.body).includes(await one.company.person('owner@acme.example')));
  });

  it('TEN-1: given an API key of one organization, then likewise', async () => {
    const [one, two] = [await companyWithOwner(), await companyWithOwner()];
    const made = await one.company
      .api('post', '/api-keys')
      .send({ name: 'backend', kind: 'service', scopes: ['connections.read', 'access:evaluate'] });
    assert.equal(made.status, 201, made.text);
    const asKey = (path: string) =>
      server.http.get(`/api/v1/organizations/${path}`).set('Authorization', `Bearer ${made.body.key}`);
    await asKey(`${two.company.slug}/people`).expect(404);
    await asKey(`${one.company.slug}/people`).expect(403);
  });

  it('TEN-13: given two tenants’ transactions interleaved ten thousand times over one pool, then none ever sees the other’s rows', async () => {
    const companies = [(await companyWithOwner()).company, (await companyWithOwner()).company];
    let seen = 0;
    const look = async (at: number) => {
      const { id } = companies[at % 2] as Company;
      const rows = await inTenant(
        server.deps.store.db,
        id,
        TEST_ORIGIN,
        async ({ db }) => {
          // Now and then a statement fails, and its connection goes back to the pool.
          if (at % 50 === 0) await sql`SELECT 1 / 0`.execute(db).catch(() => undefined);
          if (at % 50 === 0) return [];
          return (
            await sql<{
              organization_id: string;
            }>`SELECT organization_id FROM users UNION ALL SELECT organization_id FROM audit_events`.execute(db)
          ).rows;
        },
        'reader',
      ).catch(() => []);
      assert.ok(rows.every((row) => row.organization_id === id));
      seen += rows.length;
    };
    const next = Array.from({ length: 10_000 }, (_, at) => at)[Symbol.iterator]();
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        for (const at of next) await look(at);
      }),
    );
    assert.ok(seen > 50_000, `${seen} rows were looked at`);
  });
});
