/** Makes what a run staged the directory's facts: only what differs is written, and what a complete feed no longer names is gone. */
import { sql } from 'kysely';
import type { TenantTransaction } from '../../store/tenant.ts';
import { sameIn } from './same.ts';

/** Writes the staged people, groups and members of a run as facts of its directory. */
export async function recordStagedFacts(tx: TenantTransaction, runId: string, directoryId: string): Promise<void> {
  const written = await sql`
    INSERT INTO directory_users AS d (organization_id, directory_id, source_key, external_id, user_name, email, display_name, active,
      starts_at, ends_at, attributes, fingerprint, leaves_at, user_id, reconciled_present)
    SELECT s.organization_id, ${directoryId}::uuid, s.source_key, s.external_id, s.user_name, s.email, s.display_name, s.active,
      s.starts_at, s.ends_at, s.attributes, s.fingerprint, s.leaves_at, c.user_id, CASE WHEN c.user_id IS NOT NULL THEN true END
    FROM staged_users s
    -- Whoever is new is linked as they are written, for a row is wide.
    LEFT JOIN sync_changes c ON c.run_id = ${runId} AND c.kind IN ('user.create', 'user.link') AND c.source_key = s.source_key
    WHERE s.run_id = ${runId} AND NOT EXISTS (
      SELECT 1 FROM directory_users same WHERE same.directory_id = ${directoryId} AND same.source_key = s.source_key
        AND same.fingerprint = s.fingerprint AND same.deleted_at IS NULL)
    ON CONFLICT (organization_id, directory_id, source_key) DO UPDATE SET external_id = excluded.external_id,
      user_name = excluded.user_name, email = excluded.email, display_name = excluded.display_name, active = excluded.active,
      starts_at = excluded.starts_at, ends_at = excluded.ends_at, attributes = excluded.attributes,
      fingerprint = excluded.fingerprint, leaves_at = excluded.leaves_at, version = d.version + 1, updated_at = now(), deleted_at = NULL`.execute(
    tx.db,
  );
  await sql`
    UPDATE directory_users d SET leaves_at = s.leaves_at FROM staged_users s
    WHERE s.run_id = ${runId} AND d.directory_id = ${directoryId} AND d.source_key = s.source_key
      AND (s.leaves_at IS NOT NULL OR d.leaves_at IS NOT NULL) AND s.leaves_at IS DISTINCT FROM d.leaves_at`.execute(
    tx.db,
  );
  await sql`
    UPDATE directory_users d SET active = false, deleted_at = now(), leaves_at = NULL, updated_at = now(), version = version + 1
    WHERE d.directory_id = ${directoryId} AND d.deleted_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM (${sameIn(runId)}) x WHERE x.id = d.id)
      AND NOT EXISTS (SELECT 1 FROM staged_users s WHERE s.run_id = ${runId} AND s.source_key = d.source_key)`.execute(
    tx.db,
  );
  await recordGroups(tx, runId, directoryId);
  await refreshStatistics(tx, Number(written.numAffectedRows ?? 0));
  await recordMembers(tx, runId, directoryId);
  await sql`
    DELETE FROM directory_groups g WHERE g.directory_id = ${directoryId}
      AND NOT EXISTS (SELECT 1 FROM staged_groups s WHERE s.run_id = ${runId} AND s.group_key = g.source_key)`.execute(
    tx.db,
  );
}

/**
 * What follows looks every member and group up by a foreign key. With statistics of an empty table any index that begins with the
 * organization seems as good as another, and each of 30,000 look-ups goes through everybody.
 */
async function refreshStatistics(tx: TenantTransaction, written: number): Promise<void> {
  await sql`
    SELECT refresh_statistics() FROM pg_class
    WHERE oid = 'directory_users'::regclass AND ${written}::integer > greatest(100, reltuples / 5)`.execute(tx.db);
}

async function recordGroups(tx: TenantTransaction, runId: string, directoryId: string): Promise<void> {
  await sql`
    INSERT INTO directory_groups AS g (organization_id, directory_id, source_key, display_name, of_people)
    SELECT organization_id, ${directoryId}::uuid, group_key, name, of_people FROM staged_groups WHERE run_id = ${runId}
    ON CONFLICT (organization_id, directory_id, source_key) DO UPDATE SET display_name = excluded.display_name,
      of_people = excluded.of_people, updated_at = now()
      WHERE (g.display_name, g.of_people) <> (excluded.display_name, excluded.of_people)`.execute(tx.db);
}

async function recordMembers(tx: TenantTransaction, runId: string, directoryId: string): Promise<void> {
  const staged = sql`
    SELECT g.id AS group_id, d.id AS member_id FROM staged_members s
    JOIN directory_groups g ON g.directory_id = ${directoryId} AND g.source_key = s.group_key
    JOIN directory_users d ON d.directory_id = ${directoryId} AND d.source_key = s.user_key
    WHERE s.run_id = ${runId}`;
  await sql`
    DELETE FROM directory_group_members m WHERE m.directory_id = ${directoryId}
      -- An array, so that an index has those of whom anything was said, however many others there are.
      AND m.member_id = ANY(ARRAY(
        SELECT d.id FROM directory_users d WHERE d.directory_id = ${directoryId}
          AND NOT EXISTS (SELECT 1 FROM (${sameIn(runId)}) x WHERE x.id = d.id)))
      AND NOT EXISTS (SELECT 1 FROM (${staged}) s WHERE s.group_id = m.group_id AND s.member_id = m.member_id)`.execute(
    tx.db,
  );
  await sql`
    INSERT INTO directory_group_members (organization_id, directory_id, group_id, member_id)
    SELECT ${tx.organizationId}::uuid, ${directoryId}::uuid, s.group_id, s.member_id FROM (${staged}) s
    ON CONFLICT DO NOTHING`.execute(tx.db);
}

/** Remembers the links as the source said them, for a source that tells only changes next time. */
export async function recordStagedLinks(tx: TenantTransaction, runId: string, directoryId: string): Promise<void> {
  await sql`
    DELETE FROM directory_links l WHERE l.directory_id = ${directoryId} AND NOT EXISTS (
      SELECT 1 FROM staged_links s WHERE s.run_id = ${runId} AND s.group_key = l.group_key AND s.member_key = l.member_key
        AND s.member_is = l.member_is)`.execute(tx.db);
  await sql`
    INSERT INTO directory_links (organization_id, directory_id, group_key, member_key, member_is)
    SELECT organization_id, ${directoryId}::uuid, group_key, member_key, member_is FROM staged_links WHERE run_id = ${runId}
    ON CONFLICT DO NOTHING`.execute(tx.db);
}

/** Drops what a run staged. */
export async function dropStaged(tx: TenantTransaction, runId: string): Promise<void> {
  for (const table of STAGED) await tx.db.deleteFrom(table).where('run_id', '=', runId).execute();
}

const STAGED = [
  'staged_same',
  'staged_users',
  'staged_members',
  'staged_groups',
  'staged_links',
  'staged_aliases',
  'staged_gone',
  'staged_bad',
] as const;
