/** The records of one directory whose state is to be settled: what a run staged, or a few directory users. */
import { type RawBuilder, sql } from 'kysely';
import { GONE, PRESENT } from './present.ts';
import { sameIn } from './same.ts';

/**
 * A SELECT of `source_key, external_id, email, display_name, user_id, reconciled_present, present, gone, gone_because, grace, leaves_at`.
 * `present`: active and between start and end. `gone`: inactive, ended, or missing for too long. Neither: yet to start. `grace`: what has
 * become of whoever the source does not name, or did not: `missing` since now, still `waiting`, `found` again.
 */
export type Incoming = RawBuilder<unknown>;

/** Everything that a run staged, and everybody whom its complete feed no longer names. */
export function stagedRecords(runId: string, directoryId: string): Incoming {
  return sql`
    SELECT s.source_key, s.external_id, s.email, s.display_name, d.user_id, d.reconciled_present,
      s.active AND coalesce(s.starts_at <= now(), true) AND coalesce(s.ends_at > now(), true) AS present,
      NOT s.active OR coalesce(s.ends_at <= now(), false) AS gone,
      CASE WHEN NOT s.active THEN 'inactive in the feed' ELSE ${endDate('s.ends_at')} END AS gone_because,
      CASE WHEN s.leaves_at IS NULL THEN CASE WHEN d.leaves_at > now() THEN 'found' END
        WHEN d.leaves_at IS NULL THEN 'missing' ELSE 'waiting' END AS grace, ${localTime('s.leaves_at')} AS leaves_at
    FROM staged_users s LEFT JOIN directory_users d ON d.directory_id = ${directoryId} AND d.source_key = s.source_key
    CROSS JOIN (${zone(directoryId)}) z
    WHERE s.run_id = ${runId}
    UNION ALL
    SELECT d.source_key, d.external_id, d.email, d.display_name, d.user_id, d.reconciled_present,
      false, true, CASE WHEN d.leaves_at IS NULL THEN 'missing from a complete feed' ELSE 'missing, and the days of grace are over' END,
      NULL, NULL
    FROM directory_users d
    WHERE d.directory_id = ${directoryId}
      -- Whoever has been kept, as a last owner or a protected account, leaves as soon as nothing keeps them.
      AND (d.deleted_at IS NULL OR EXISTS (SELECT 1 FROM users u WHERE u.id = d.user_id AND u.status <> 'deprovisioned'))
      AND NOT EXISTS (SELECT 1 FROM (${sameIn(runId)}) x WHERE x.id = d.id)
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
      ${PRESENT} AS present, ${GONE} AS gone,
      CASE WHEN d.deleted_at IS NOT NULL THEN 'deleted in the directory'
        WHEN NOT d.active THEN 'inactive in the directory'
        WHEN d.ends_at <= now() THEN ${endDate('d.ends_at')}
        ELSE 'missing, and the days of grace are over' END AS gone_because,
      CASE WHEN d.leaves_at > now() THEN 'waiting' END AS grace, ${localTime('d.leaves_at')} AS leaves_at
    FROM (
      SELECT unnest(${ids as string[]}::uuid[]) AS id
      UNION
      SELECT other.id FROM unnest(${ids as string[]}::uuid[]) AS wanted(id)
      CROSS JOIN ${lookUp(sql`user_id`, sql`id = wanted.id`)} AS named
      CROSS JOIN ${lookUp(sql`id`, sql`user_id = named.user_id`)} AS other) AS concerned
    CROSS JOIN ${lookUp(sql`*`, sql`id = concerned.id`)} AS d
    CROSS JOIN (${zone(directoryId)}) z`;
}

function zone(directoryId: string): RawBuilder<unknown> {
  return sql`SELECT time_zone AS name FROM directories WHERE id = ${directoryId}`;
}

function localTime(column: string): RawBuilder<unknown> {
  return sql`to_char(${sql.ref(column)} AT TIME ZONE z.name, 'YYYY-MM-DD HH24:MI')`;
}

/** A record ends when the day after its last begins. */
function endDate(column: string): RawBuilder<unknown> {
  return sql`'end date ' || to_char((${sql.ref(column)} - interval '1 second') AT TIME ZONE z.name, 'YYYY-MM-DD')`;
}
