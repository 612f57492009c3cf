/** Opens the database: the one given, or the embedded one. Only this folder knows which it is. */
import { type Kysely, Kysely as KyselyDatabase, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { Fault } from '../errors.ts';
import type { SealingKeys } from '../sealing-keys.ts';
import type { Settings } from '../settings.ts';
import { CHANNEL, type Changes, openChanges } from './changes.ts';
import { openEmbeddedCluster } from './embedded.ts';
import { type ApplicationRole, migrate, urlAs } from './migrate.ts';
import { frugal } from './prepared.ts';
import { noteSealingKey, refuseMissingKeys } from './sealing-key-check.ts';
import type { Tables } from './tables.ts';

export interface Store {
  /** The application's own connections: bound by row-level security, owner of nothing. */
  readonly db: Kysely<Tables>;
  /** Connections that are held for as long as something goes on, so that none is missing where it is done. */
  readonly sessions: Kysely<Tables>;
  /** For what needs a connection of its own kind (the queue, listening for notifications). */
  readonly applicationUrl: string;
  /** For how long what was read of an organization's access counts. */
  readonly changes: Changes;
  readonly migrated: readonly string[];
  /** Has something done that needs the database once more, before it is closed. */
  beforeClose(work: () => Promise<void>): void;
  close(): Promise<void>;
}

/**
 * Opens the store and brings its schema up to date.
 * @throws Fault `unavailable` where no database answers, `invalid-settings` where its role would not be held by the walls or a sealing
 * key is missing
 */
export async function openStore(settings: Settings): Promise<Store> {
  const role: ApplicationRole = {
    name: settings.database.applicationRole,
    password: settings.secrets.applicationPassword,
  };
  const { ownerUrl, applicationUrl, leave } = await locateDatabase(settings, role);
  try {
    const migrated = ownerUrl === undefined ? [] : await migrateAsOwner(ownerUrl, role, settings.secrets.sealingKeys);
    const changes = openChanges(applicationUrl);
    const db = connect(applicationUrl, settings.database.poolSize, changes);
    try {
      await refuseUnwalledRole(db);
      await refuseMissingKeys(db, settings.secrets.sealingKeys);
      await noteSealingKey(db, settings.secrets.sealingKeys);
    } catch (error) {
      await changes.close();
      await db.destroy();
      throw error;
    }
    const last: (() => Promise<void>)[] = [];
    const sessions = connect(applicationUrl, settings.database.poolSize);
    const close = async () => {
      for (const work of last) await work();
      await changes.close();
      await sessions.destroy();
      await db.destroy();
      await leave();
    };
    const beforeClose: Store['beforeClose'] = (work) => void last.push(work);
    return { db, sessions, applicationUrl, changes, migrated, beforeClose, close };
  } catch (error) {
    await leave();
    throw error;
  }
}

/**
 * A Kysely over its own pool. int8 comes as a number: our sequences stay far below 2^53.
 * @param changes hears at once of what is changed through this pool
 */
export function connect(url: string, max: number, changes?: Changes): Kysely<Tables> {
  const types = {
    getTypeParser: (oid: number, format: 'text' | 'binary' = 'text') =>
      oid === 20 && format === 'text' ? Number : pg.types.getTypeParser(oid, format as 'text'),
  } as unknown as pg.CustomTypesConfig;
  const pool = new pg.Pool({
    ...{ connectionString: url, max, types, connectionTimeoutMillis: 10_000 },
    // Behind row-level security the planner's costs are far from true: it would compile a plan for seconds that runs for one.
    onConnect: async (client) => void (await client.query('SET jit = off')),
  });
  // A connection that the server closes is replaced by the pool, and whoever uses it at that moment is told by their statement; without
  // a listener of its own, whether idle or in use, it would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    client.on('notice', ({ message, detail }) => {
      if (message === CHANNEL) changes?.heard(detail ?? '');
    });
  });
  return new KyselyDatabase<Tables>({ dialect: new PostgresDialect({ pool: frugal(pool) }) });
}

interface Location {
  readonly ownerUrl: string | undefined;
  readonly applicationUrl: string;
  leave(): Promise<void>;
}

async function locateDatabase(settings: Settings, role: ApplicationRole): Promise<Location> {
  const { url, ownerUrl, dataFolder } = settings.database;
  const stay = async () => undefined;
  if (url !== undefined && ownerUrl !== undefined) return { ownerUrl, applicationUrl: url, leave: stay };
  if (url !== undefined) return { ownerUrl: url, applicationUrl: asRole(url, role), leave: stay };
  const cluster = await openEmbeddedCluster(dataFolder, settings.secrets.clusterPassword);
  const embeddedUrl = cluster.url('drawbridge');
  await makeDatabase(cluster.url('postgres'));
  return { ownerUrl: embeddedUrl, applicationUrl: asRole(embeddedUrl, role), leave: () => cluster.leave() };
}

function asRole(url: string, role: ApplicationRole): string {
  try {
    return urlAs(url, role);
  } catch (cause) {
    throw new Fault('invalid-settings', 'database.url (DATABASE_URL) is not a URL.', {
      cause,
      remedy: 'It looks like postgres://user:password@host:5432/database.',
    });
  }
}

async function makeDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const found = await client.query("SELECT 1 FROM pg_database WHERE datname = 'drawbridge'");
    if (found.rowCount === 0) await client.query('CREATE DATABASE drawbridge');
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== '42P04' && code !== '23505') throw error;
  } finally {
    await client.end();
  }
}

async function migrateAsOwner(ownerUrl: string, role: ApplicationRole, keys: SealingKeys): Promise<string[]> {
  // One connection, so that the session setting which names the role holds for every migration.
  const owner = connect(ownerUrl, 1);
  try {
    // Before anything is changed: the application role's password may derive from the key.
    await refuseMissingKeys(owner, keys);
    return await migrate(owner, ownerUrl, role);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault('unavailable', `The database can't be used: ${(cause as Error).message}`, {
      cause,
      remedy: 'Check DATABASE_URL, and that its server runs and lets this user in.',
    });
  } finally {
    await owner.destroy();
  }
}

/** Isolation is only as good as the role: a superuser, a role that bypasses row security, or an owner is turned away. */
async function refuseUnwalledRole(db: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ role: string; unwalled: boolean; owns: boolean }>`
    SELECT current_user AS role, rolsuper OR rolbypassrls AS unwalled,
      EXISTS (SELECT 1 FROM pg_class WHERE relowner = pg_roles.oid) AS owns
    FROM pg_roles WHERE rolname = current_user`.execute(db);
  const found = rows[0];
  if (found === undefined || found.unwalled || found.owns) {
    throw new Fault('invalid-settings', `The database role "${found?.role}" could see every tenant's rows.`, {
      remedy: 'Give the owner as DATABASE_OWNER_URL and as DATABASE_URL a role that owns nothing and is no superuser.',
    });
  }
}
