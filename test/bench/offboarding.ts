/**
 * The local offboarding of many at once, in its one transaction, against one UPDATE on each of the same tables. Both let go people of one
 * database who hold the same. `BENCH_OFFBOARDING_SIZES=10000` says of how many.
 */
import pg from 'pg';
import { loadModels } from '../../src/access/model-file.ts';
import { openQueue } from '../../src/jobs/queue.ts';
import { openLog } from '../../src/log.ts';
import { deprovision } from '../../src/offboarding/deprovision.ts';
import { openStore } from '../../src/store/database.ts';
import { inTenant, type Origin } from '../../src/store/tenant.ts';
import { asOwner } from '../harness/cluster.ts';
import { testSettings } from '../harness/settings.ts';
import { databaseFor, type TestCluster } from './databases.ts';
import { openBareOffboarding } from './floors/offboarding.ts';
import { countStatements } from './measured.ts';
import { type Cost, pairs, type Row } from './rounds.ts';

const SIZES = (process.env['BENCH_OFFBOARDING_SIZES'] ?? '100,1000').split(',').map(Number);
const ROUNDS = 5;
const ORGANIZATION = '0b0e0c00-0000-4000-8000-000000000001';
const OPERATOR: Origin = { actor: { kind: 'operator', id: 'bench', label: 'bench' } };

/** Measures at each number of leavers. */
export async function measureOffboarding(cluster: TestCluster): Promise<Row[]> {
  const rows: Row[] = [];
  for (const size of SIZES) rows.push(await measureAt(cluster, size));
  return rows;
}

async function measureAt(cluster: TestCluster, size: number): Promise<Row> {
  const database = await databaseFor(cluster, cluster.template);
  const ours = await openOurs(database);
  const floor = await openBareOffboarding(database);
  try {
    await asOwner(database, COMPANY);
    return await pairs(`local offboarding of ${size} at once`, '5x', ROUNDS, {
      ours: async () => ours.letGo(await hire(database, size)),
      floor: async () => ({ ms: await floor.letGo(await hire(database, size)), statements: floor.statements }),
    });
  } finally {
    await ours.close();
    await floor.close();
  }
}

/** The product's own transaction; nobody works the steps meanwhile. */
async function openOurs(url: string) {
  const settings = testSettings(url);
  const store = await openStore(settings);
  const jobs = await openQueue(store.applicationUrl, openLog('silent'));
  const deps = { jobs, models: loadModels(settings.modelsFolder) };
  const sent = countStatements();
  return {
    letGo: async (ids: readonly string[]): Promise<Cost> => {
      const leavers = ids.map((userId) => ({ userId, reason: 'bench' }));
      const [start, before] = [performance.now(), sent()];
      const cases = await inTenant(store.db, ORGANIZATION, OPERATOR, (tx) =>
        deprovision(deps, tx, leavers, { kind: 'bench' }),
      );
      if (cases.length !== ids.length) throw new Error(`${cases.length} cases for ${ids.length} leavers`);
      return { ms: performance.now() - start, statements: sent() - before };
    },
    close: async () => {
      await jobs.close();
      await store.close();
    },
  };
}

const COMPANY = `
  INSERT INTO organizations (id, slug, name, model) VALUES ('${ORGANIZATION}', 'acme', 'Acme', 'atomyx');
  INSERT INTO workspaces (organization_id, slug, name) VALUES ('${ORGANIZATION}', 'main', 'Main');
  INSERT INTO oauth_providers (organization_id, slug, revoker, config) VALUES ('${ORGANIZATION}', 'calendar', 'rfc7009', '{}')`;

/** People who each have a role, a session, an access token, a key, a token kept of a provider, and somebody invited. */
async function hire(database: string, size: number): Promise<string[]> {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  try {
    const each = (table: string, columns: string, values: string) =>
      client.query(
        `INSERT INTO ${table} (organization_id, ${columns}) SELECT n.organization_id, ${values} FROM new_people n`,
      );
    const soon = "now() + interval '1 hour'";
    await client.query(`CREATE TEMPORARY TABLE new_people AS SELECT '${ORGANIZATION}'::uuid AS organization_id, gen_random_uuid() AS id,
      w.id AS workspace_id, p.id AS provider_id FROM workspaces w, oauth_providers p, generate_series(1, ${size})`);
    await each('users', 'id, email, display_name', "n.id, n.id || '@acme.test', 'Somebody'");
    await each(
      'memberships',
      'user_id, scope_kind, workspace_id, role, source, granted_by',
      "n.id, 'workspace', n.workspace_id, 'member', 'manual', 'bench'",
    );
    await each(
      'sessions',
      'token_hash, user_id, access_epoch, authenticated_by, expires_at',
      `sha256(n.id::text::bytea), n.id, 1, 'saml', ${soon}`,
    );
    await each(
      'grants',
      'token_hash, user_id, access_epoch, client, expires_at',
      `sha256(n.id::text::bytea), n.id, 1, 'app', ${soon}`,
    );
    await each(
      'api_keys',
      'kind, name, key_hash, display, environment, creator_id, access_epoch',
      "'personal', 'laptop', sha256(n.id::text::bytea), 'dbk', 'production', n.id, 1",
    );
    await each(
      'oauth_tokens',
      'provider_id, user_id, token_kind, sealed_token',
      "n.provider_id, n.id, 'access_token', 'sealed'",
    );
    await each(
      'invitations',
      'email, token_hash, inviter_id, invited_by, expires_at',
      `'guest-' || n.id || '@acme.test', sha256(n.id::text::bytea), n.id, 'bench', ${soon}`,
    );
    const { rows } = await client.query<{ id: string }>('SELECT id FROM new_people ORDER BY id');
    return rows.map(({ id }) => id);
  } finally {
    await client.end();
  }
}
