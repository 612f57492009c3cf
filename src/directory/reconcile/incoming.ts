/** The records of one directory whose state is to be settled: what a run staged, or a few directory users. */
import { type RawBuilder, sql } from 'kysely';

/**
 * A SELECT of `source_key, external_id, email, display_name, user_id, reconciled_present, present, gone`. `present`: active and
 * between start and end. `gone`: inactive, ended, or missing from a complete feed. Neither: yet to start.
 */
export type Incoming = RawBuilder<unknown>;

/** Everything that a run staged, and everybody whom its complete feed no longer names. */
export function stagedRecords(runId: string, directoryId: string): Incoming {
  return sql`
    SELECT s.source_key, s.external_id, s.email, s.display_name, d.user_id, d.reconciled_present,
      s.active AND coalesce(s.starts_at <= now(), true) AND coalesce(s.ends_at > now(), true) AS present,
      NOT s.active OR coalesce(s.ends_at <= now(), false) AS gone,
      CASE WHEN NOT s.active THEN 'inactive in the feed' ELSE 'end date ' || s.ends_at::date END AS gone_because
    FROM staged_users s LEFT JOIN directory_users d ON d.directory_id = ${directoryId} AND d.source_key = s.source_key
    WHERE s.run_id = ${runId}
    UNION ALL
    SELECT d.source_key, d.external_id, d.email, d.display_name, d.user_id, d.reconciled_present,
      false, true, 'missing from a complete feed'
    FROM directory_users d
    WHERE d.directory_id = ${directoryId} AND d.deleted_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM staged_users s WHERE s.run_id = ${runId} AND s.source_key = d.source_key)`;
}

/**
 * A few records of one directory, as it last stated them, with whatever other records it has of the same people. Each is looked up by its
 * key (OFFSET 0), also while nothing is known yet of how large the tables have become.
 */
export function directoryUsers(directoryId: string, ids: readonly string[]): Incoming {
  const lookUp = (columns: RawBuilder<unknown>, by: RawBuilder<unknown>) =>
    sql`LATERAL (SELECT ${columns} FROM directory_users WHERE directory_id = ${directoryId} AND ${by} OFFSET 0)`;
  return sql`
    SELECT d.source_key, d.external_id, d.email, d.display_name, d.user_id, d.reconciled_present,
      d.deleted_at IS NULL AND d.active AND coalesce(d.starts_at <= now(), true) AND coalesce(d.ends_at > now(), true) AS present,
      d.deleted_at IS NOT NULL OR NOT d.active OR coalesce(d.ends_at <= now(), false) AS gone,
      CASE WHEN d.deleted_at IS NOT NULL THEN 'deleted in the directory'
        WHEN NOT d.active THEN 'inactive in the directory'
        ELSE 'end date ' || d.ends_at::date END AS gone_because
    FROM (
      SELECT unnest(${ids as string[]}::uuid[]) AS id
      UNION
      SELECT other.id FROM unnest(${ids as string[]}::uuid[]) AS wanted(id)
      CROSS JOIN ${lookUp(sql`user_id`, sql`id = wanted.id`)} AS named
      CROSS JOIN ${lookUp(sql`id`, sql`user_id = named.user_id`)} AS other) AS concerned
    CROSS JOIN ${lookUp(sql`*`, sql`id = concerned.id`)} AS d`;
}
