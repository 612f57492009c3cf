import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import pg from 'pg';
import { connect } from '../../src/store/database.ts';
import { locateOrganization } from '../../src/store/locate.ts';
import { inTenant } from '../../src/store/tenant.ts';
import { openTestDatabase, TEST_ORIGIN } from '../harness/database.ts';

const { store, settings, ownerUrl } = await openTestDatabase();

async function organization(slug: string): Promise<string> {
  const id = randomUUID();
  await inTenant(store.db, id, TEST_ORIGIN, async (tx) => {
    await tx.db
      .insertInto('organizations')
      .values({ id, slug, name: slug, model: 'atomyx', default_role: null, region: null })
      .execute();
    await tx.db
      .insertInto('workspaces')
      .values({ organization_id: id, slug: 'main', name: `${slug} main` })
      .execute();
    await tx.db
      .insertInto('users')
      .values({ organization_id: id, email: `ana@${slug}.test`, last_active_at: null, deprovisioned_at: null })
      .execute();
  });
  return id;
}

const acme = await organization('acme');
const globex = await organization('globex');

async function tenantTables(): Promise<
  { name: string; key: string[]; enabled: boolean; forced: boolean; owner: string }[]
> {
  const owner = connect(ownerUrl, 1);
  const { rows } = await sql<{ name: string; key: string[]; enabled: boolean; forced: boolean; owner: string }>`
    SELECT c.relname AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced, pg_get_userbyid(c.relowner) AS owner,
      (SELECT array_agg(a.attname::text ORDER BY k.ord) FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k(attnum, ord)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE i.indrelid = c.oid AND i.indisprimary) AS key
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.relname NOT LIKE 'kysely%'`.execute(owner);
  await owner.destroy();
  return rows;
}

describe('the walls between tenants', () => {
  it('given the schema, then every table is keyed by organization first, with row-level security forced', async () => {
    const tables = await tenantTables();
    assert.ok(tables.length >= 25);
    for (const table of tables) {
      assert.equal(table.key[0], table.name === 'organizations' ? 'id' : 'organization_id', table.name);
      assert.ok(table.enabled && table.forced, `${table.name} is not walled in`);
      assert.notEqual(table.owner, settings.database.applicationRole);
    }
  });

  it('TEN-2 given no tenant is set, when any table is read by raw SQL, then there are no rows', async () => {
    for (const { name } of await tenantTables()) {
      const { rows } = await sql`SELECT 1 FROM ${sql.table(name)}`.execute(store.db);
      assert.equal(rows.length, 0, name);
    }
  });

  it('TEN-2 given no tenant is set, when rows are written, then nothing is written', async () => {
    const workspace = { organization_id: acme, slug: 'smuggled', name: 'x' };
    await assert.rejects(store.db.insertInto('workspaces').values(workspace).execute(), /row-level security/);
    const changed = await store.db.updateTable('workspaces').set({ name: 'defaced' }).executeTakeFirst();
    assert.equal(Number(changed.numUpdatedRows), 0);
    const removed = await store.db.deleteFrom('users').executeTakeFirst();
    assert.equal(Number(removed.numDeletedRows), 0);
  });

  it("given a transaction in acme, when it asks for globex's rows by id, then it sees and changes none", async () => {
    await inTenant(store.db, acme, TEST_ORIGIN, async ({ db }) => {
      const { rows } = await sql`SELECT * FROM users WHERE organization_id = ${globex}`.execute(db);
      assert.equal(rows.length, 0);
      const all = await sql<{ email: string }>`SELECT email FROM users`.execute(db);
      assert.deepEqual(all.rows, [{ email: 'ana@acme.test' }]);
      const changed = await sql`UPDATE workspaces SET name = 'defaced' WHERE organization_id = ${globex}`.execute(db);
      assert.equal(Number(changed.numAffectedRows), 0);
    });
    await assert.rejects(
      inTenant(store.db, acme, TEST_ORIGIN, ({ db }) =>
        sql`INSERT INTO workspaces (organization_id, slug, name) VALUES (${globex}, 'smuggled', 'x')`.execute(db),
      ),
      /row-level security/,
    );
    await assert.rejects(
      inTenant(store.db, acme, TEST_ORIGIN, ({ db }) =>
        sql`UPDATE workspaces SET organization_id = ${globex}, slug = 'moved'`.execute(db),
      ),
      /row-level security/,
    );
  });

  it('given a reader, when it writes, then the database refuses', async () => {
    const writing = inTenant(
      store.db,
      acme,
      TEST_ORIGIN,
      ({ db }) => db.insertInto('workspaces').values({ organization_id: acme, slug: 'w', name: 'w' }).execute(),
      'reader',
    );
    await assert.rejects(writing, /row-level security/);
  });

  it('TEN-3 given one pooled connection, when a transaction fails or is cancelled, then the next carries no tenant', async () => {
    const single = connect(store.applicationUrl, 1);
    try {
      await assert.rejects(
        inTenant(single, acme, TEST_ORIGIN, ({ db }) => sql`SELECT 1 / 0`.execute(db)),
        /division by zero/,
      );
      assert.equal((await sql`SELECT 1 FROM users`.execute(single)).rows.length, 0);
      await assert.rejects(
        inTenant(single, acme, TEST_ORIGIN, async ({ db }) => {
          await sql`SET LOCAL statement_timeout = '50ms'`.execute(db);
          await sql`SELECT pg_sleep(5)`.execute(db);
        }),
        /statement timeout/,
      );
      assert.equal((await sql`SELECT 1 FROM users`.execute(single)).rows.length, 0);
      const mine = await inTenant(single, globex, TEST_ORIGIN, ({ db }) =>
        db.selectFrom('users').select('email').execute(),
      );
      assert.deepEqual(mine, [{ email: 'ana@globex.test' }]);
    } finally {
      await single.destroy();
    }
  });

  it('TEN-13 given two tenants interleaved on one pool, then neither ever sees the other', async () => {
    const seen = await Promise.all(
      Array.from({ length: 400 }, (_, i) =>
        inTenant(store.db, i % 2 ? acme : globex, TEST_ORIGIN, async ({ db }) => {
          const rows = await db.selectFrom('users').select('email').execute();
          return rows.every((row) => row.email === (i % 2 ? 'ana@acme.test' : 'ana@globex.test')) && rows.length === 1;
        }),
      ),
    );
    assert.ok(seen.every(Boolean));
  });

  it('given the application role, when it tries to climb out, then it can not', async () => {
    const client = new pg.Client({ connectionString: store.applicationUrl });
    await client.connect();
    try {
      await assert.rejects(client.query('SET ROLE postgres'), /permission denied/);
      await assert.rejects(client.query('ALTER TABLE users DISABLE ROW LEVEL SECURITY'), /must be owner/);
      await assert.rejects(client.query('CREATE TABLE mine (x int)'), /permission denied/);
      await client.query("SELECT set_config('app.role', 'locator', false)");
      const found = await client.query('SELECT * FROM organizations');
      assert.equal(found.rowCount, 0, 'posing as the locator shows nothing');
    } finally {
      await client.end();
    }
  });

  it('given a slug, when the organization is located before a tenant is known, then only its id comes back', async () => {
    assert.equal(await locateOrganization(store.db, 'acme'), acme);
    assert.equal(await locateOrganization(store.db, 'nobody'), undefined);
  });
});
