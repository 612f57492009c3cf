/** Brings the schema up to date, as the database's owner; instances that start together take turns. */
import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import pg from 'pg';
import { PgBoss } from 'pg-boss';
import { Fault } from '../errors.ts';
import { tenancy } from './migrations/0001-tenancy.ts';
import { people } from './migrations/0002-people.ts';
import { access } from './migrations/0003-access.ts';
import { credentials } from './migrations/0004-credentials.ts';
import { audit } from './migrations/0005-audit.ts';
import { locators } from './migrations/0006-locators.ts';
import { saml } from './migrations/0007-saml.ts';
import { oidc } from './migrations/0008-oidc.ts';
import { oauth } from './migrations/0009-oauth.ts';
import { localSignIn } from './migrations/0010-local-sign-in.ts';
import { traces } from './migrations/0011-traces.ts';
import { setUpLinks } from './migrations/0012-set-up-links.ts';
import { scim } from './migrations/0013-scim.ts';
import { sync } from './migrations/0014-sync.ts';
import { leaving } from './migrations/0015-leaving.ts';
import { sealing } from './migrations/0016-sealing.ts';
import { accessChanges } from './migrations/0017-access-changes.ts';
import { peopleAdministration } from './migrations/0018-people.ts';
import { auditTrail } from './migrations/0019-audit-trail.ts';
import { signals } from './migrations/0021-signals.ts';
import type { Tables } from './tables.ts';

const MIGRATIONS: Record<string, Migration> = {
  '0001-tenancy': tenancy,
  '0002-people': people,
  '0003-access': access,
  '0004-credentials': credentials,
  '0005-audit': audit,
  '0006-locators': locators,
  '0007-saml': saml,
  '0008-oidc': oidc,
  '0009-oauth': oauth,
  '0010-local-sign-in': localSignIn,
  '0011-traces': traces,
  '0012-set-up-links': setUpLinks,
  '0013-scim': scim,
  '0014-sync': sync,
  '0015-leaving': leaving,
  '0016-sealing': sealing,
  '0017-access-changes': accessChanges,
  '0018-people': peopleAdministration,
  '0019-audit-trail': auditTrail,
  '0021-signals': signals,
};

/** Every queue that a worker may take jobs from. They are made here because the application's role may not change the schema. */
export const QUEUES = [
  'sync.run',
  'offboarding.steps',
  'audit.stream',
  'logout.backchannel',
  'mail.send',
  'signals.work',
] as const;
export type Queue = (typeof QUEUES)[number];
/** The schema version of the pinned pg-boss; where it differs, pg-boss is let migrate its own. */
const QUEUE_SCHEMA = 43;

export interface ApplicationRole {
  readonly name: string;
  readonly password: string;
}

/**
 * Makes the application's role if need be, and runs the migrations that are missing; all of them or none.
 * @throws Fault `unavailable` naming the migration that failed
 */
export async function migrate(owner: Kysely<Tables>, ownerUrl: string, role: ApplicationRole): Promise<string[]> {
  // Instances (and the command line) that start at once take turns; the lock ends with this connection at the latest.
  await sql`SELECT pg_advisory_lock(hashtext('drawbridge migrations'))`.execute(owner);
  if (!(await canLogIn(ownerUrl, role))) await makeRole(owner, role);
  await sql`GRANT USAGE ON SCHEMA public TO ${sql.id(role.name)}`.execute(owner);
  await sql`SELECT set_config('app.migration_role', ${role.name}, false)`.execute(owner);
  const migrator = new Migrator({ db: owner, provider: { getMigrations: async () => MIGRATIONS } });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) {
    const failed = results?.find((result) => result.status === 'Error')?.migrationName ?? 'a migration';
    throw new Fault('unavailable', `The database could not be brought up to date: ${failed} failed.`, { cause: error });
  }
  const applied = (results ?? []).map((result) => result.migrationName);
  await migrateQueue(owner, ownerUrl, role);
  await sql`SELECT pg_advisory_unlock(hashtext('drawbridge migrations'))`.execute(owner);
  return applied;
}

async function canLogIn(ownerUrl: string, role: ApplicationRole): Promise<boolean> {
  const client = new pg.Client({ connectionString: urlAs(ownerUrl, role) });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}

/** The same database as somebody else. */
export function urlAs(url: string, role: ApplicationRole): string {
  const parsed = new URL(url);
  parsed.username = role.name;
  parsed.password = role.password;
  return parsed.toString();
}

async function makeRole(owner: Kysely<Tables>, role: ApplicationRole): Promise<void> {
  const makeOrUpdate = sql`
    DO $$ BEGIN
      IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = ${sql.lit(role.name)}) THEN
        EXECUTE format('CREATE ROLE %I', ${sql.lit(role.name)});
      END IF;
      EXECUTE format('ALTER ROLE %I LOGIN NOINHERIT PASSWORD %L', ${sql.lit(role.name)}, ${sql.lit(role.password)});
    END $$`;
  // The role is the cluster's: another database of it may be set up at this instant, and then that one has made the role.
  await makeOrUpdate.execute(owner).catch(() => makeOrUpdate.execute(owner));
}

async function migrateQueue(owner: Kysely<Tables>, ownerUrl: string, role: ApplicationRole): Promise<void> {
  if (await queueIsReady(owner)) return;
  const boss = new PgBoss({ connectionString: ownerUrl, supervise: false, schedule: false, max: 2 });
  boss.on('error', () => undefined);
  await boss.start();
  for (const queue of QUEUES) {
    await boss.createQueue(queue, { retryLimit: 5, retryBackoff: true, retryDelay: 1, expireInSeconds: 900 });
  }
  await boss.stop({ graceful: false });
  const name = sql.id(role.name);
  await sql`GRANT USAGE ON SCHEMA pgboss TO ${name}`.execute(owner);
  await sql`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pgboss TO ${name}`.execute(owner);
  await sql`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pgboss TO ${name}`.execute(owner);
}

async function queueIsReady(owner: Kysely<Tables>): Promise<boolean> {
  const made = await sql<{ is: boolean }>`SELECT to_regclass('pgboss.version') IS NOT NULL AS is`.execute(owner);
  if (!made.rows[0]?.is) return false;
  const found = await sql<{ version: number; queues: string[] }>`
    SELECT (SELECT max(version) FROM pgboss.version) AS version, array(SELECT name FROM pgboss.queue) AS queues`.execute(
    owner,
  );
  const { version, queues = [] } = found.rows[0] ?? {};
  return version === QUEUE_SCHEMA && QUEUES.every((queue) => queues.includes(queue));
}
