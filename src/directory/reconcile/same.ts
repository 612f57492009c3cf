/**
 * Records of a full feed that say just what they said last time. They are staged by their id alone; whomever a plan may concern for
 * another reason is drawn in as a record like the others, and what is left costs a run no more than that it was named.
 */
import { type RawBuilder, sql } from 'kysely';
import type { TenantTransaction } from '../../store/tenant.ts';
import type { SourceUser } from '../sources/source.ts';
import { fingerprintOf } from './fingerprint.ts';
import { waitingForSeats } from './grounds.ts';
import { PRESENT } from './present.ts';

/** A SELECT of `id, says_groups` of what a run staged so. */
export function sameIn(runId: string): RawBuilder<unknown> {
  return sql`SELECT unnest(ids) AS id, says_groups FROM staged_same WHERE run_id = ${runId}`;
}

/** Stages those that are the same. @returns the others */
export async function stageSame(
  tx: TenantTransaction,
  runId: string,
  directoryId: string,
  users: readonly SourceUser[],
): Promise<Set<SourceUser>> {
  const column = (of: (user: SourceUser) => unknown) => sql`json_array_elements_text(${JSON.stringify(users.map(of))})`;
  const columns = [
    column(({ sourceKey }) => sourceKey),
    column(fingerprintOf),
    column(({ groups }) => groups.length > 0),
    column(({ where }) => where),
  ];
  const { rows } = await sql<{ at: number }>`
    WITH given AS MATERIALIZED (
      SELECT * FROM ROWS FROM (${sql.join(columns)}) WITH ORDINALITY AS g(key, fingerprint, says_groups, found_at, at)
    ), known AS MATERIALIZED (
      SELECT d.id, g.says_groups, g.found_at, g.at FROM given g CROSS JOIN LATERAL (
        SELECT id, fingerprint FROM directory_users WHERE directory_id = ${directoryId} AND source_key = g.key
          AND deleted_at IS NULL AND leaves_at IS NULL OFFSET 0) d
      WHERE d.fingerprint = g.fingerprint::uuid
    ), same AS (
      INSERT INTO staged_same (organization_id, run_id, ids, says_groups, found_at)
      SELECT ${tx.organizationId}::uuid, ${runId}::uuid, array_agg(id ORDER BY at), says_groups::boolean, array_agg(found_at ORDER BY at)
      FROM known GROUP BY says_groups
    )
    -- IS TRUE keeps the planner, who expects a row here, from a loop within a loop.
    SELECT at::integer FROM given WHERE (at IN (SELECT at FROM known)) IS NOT TRUE`.execute(tx.db);
  return new Set(rows.flatMap(({ at }) => users[at - 1] ?? []));
}

/** Whoever is told twice is told wrongly, whether both times as last time or once otherwise. */
export async function findTwiceTold(tx: TenantTransaction, runId: string, directoryId: string): Promise<void> {
  await sql`
    WITH same AS MATERIALIZED (
      SELECT u.* FROM staged_same s CROSS JOIN LATERAL unnest(s.ids, s.found_at) AS u(id, found_at) WHERE s.run_id = ${runId}
    ), twice AS (
      SELECT id, array_agg(found_at) AS places FROM same WHERE id IN (SELECT id FROM same GROUP BY id HAVING count(*) > 1) GROUP BY id
    )
    INSERT INTO staged_bad (organization_id, run_id, folded, found_at, reason)
    SELECT d.organization_id, ${runId}::uuid, lower(d.source_key), later, 'the id ' || d.source_key || ' is at ' || places[1] || ' too'
    FROM twice JOIN directory_users d ON d.directory_id = ${directoryId} AND d.id = twice.id CROSS JOIN unnest(places[2:]) later
    UNION ALL
    SELECT s.organization_id, ${runId}::uuid, s.folded, s.found_at, 'the id ' || s.source_key || ' is at ' || same.found_at || ' too'
    FROM staged_users s
    JOIN directory_users d ON d.directory_id = ${directoryId} AND lower(d.source_key) = s.folded
    JOIN same ON same.id = d.id
    WHERE s.run_id = ${runId}`.execute(tx.db);
}

/** Draws in whomever this run may concern, or everybody. */
export async function drawIn(
  tx: TenantTransaction,
  runId: string,
  directoryId: string,
  whom: 'everybody' | 'concerned',
): Promise<void> {
  await keepGroups(tx, runId, directoryId);
  const which = whom === 'everybody' ? sql`true` : sql`d.id IN (${concerned(runId, directoryId)})`;
  await sql`
    WITH drawn AS MATERIALIZED (
      SELECT d.*, x.says_groups FROM (${sameIn(runId)}) x JOIN directory_users d ON d.directory_id = ${directoryId} AND d.id = x.id
      WHERE ${which}
    ), left_out AS (
      UPDATE staged_same s SET ids = array(SELECT id FROM unnest(s.ids) id WHERE id NOT IN (SELECT id FROM drawn)), found_at = '{}'
      WHERE s.run_id = ${runId} AND EXISTS (SELECT FROM unnest(s.ids) id WHERE id IN (SELECT id FROM drawn))
    ), staged AS (
      INSERT INTO staged_users (organization_id, run_id, source_key, external_id, user_name, email, display_name, active, starts_at,
        ends_at, attributes, fingerprint)
      SELECT organization_id, ${runId}::uuid, source_key, external_id, user_name, email, display_name, active, starts_at, ends_at,
        attributes, fingerprint FROM drawn
      ON CONFLICT DO NOTHING
    )
    INSERT INTO staged_links (organization_id, run_id, group_key, member_key, member_is)
    SELECT g.organization_id, ${runId}::uuid, g.source_key, drawn.source_key, 'user'
    FROM drawn JOIN directory_group_members m ON m.directory_id = drawn.directory_id AND m.member_id = drawn.id
    JOIN directory_groups g ON g.directory_id = m.directory_id AND g.id = m.group_id
    WHERE drawn.says_groups ON CONFLICT DO NOTHING`.execute(tx.db);
}

/** The groups that they are in by their own records are still there. */
async function keepGroups(tx: TenantTransaction, runId: string, directoryId: string): Promise<void> {
  await sql`
    INSERT INTO staged_groups (organization_id, run_id, group_key, name, of_people)
    SELECT g.organization_id, ${runId}::uuid, g.source_key, g.display_name, true FROM directory_groups g
    -- One member is enough (OFFSET 0: looked for in the group alone).
    WHERE g.directory_id = ${directoryId} AND EXISTS (
      SELECT FROM directory_group_members m WHERE m.directory_id = ${directoryId} AND m.group_id = g.id
        AND (m.member_id IN (SELECT id FROM (${sameIn(runId)}) x WHERE says_groups)) IS TRUE OFFSET 0)
    ON CONFLICT (organization_id, run_id, group_key) DO UPDATE SET name = excluded.name WHERE staged_groups.name > excluded.name
    `.execute(tx.db);
}

/**
 * A SELECT of the ids of records that say the same and yet may be decided otherwise: time has passed, the account is not as the record has
 * it, a group is said from elsewhere, another record of the same person or address says something new, or a seat may have become free.
 */
function concerned(runId: string, directoryId: string): RawBuilder<unknown> {
  return sql`
    WITH here AS MATERIALIZED (
      SELECT d.id, d.source_key, d.email, d.user_id, x.id IS NOT NULL AS same, NOT coalesce(
        CASE WHEN ${PRESENT} THEN d.reconciled_present AND u.status <> 'deprovisioned'
            AND (d.email IS NULL OR (d.email = u.email AND d.display_name = u.display_name))
          ELSE d.user_id IS NULL OR (u.status = 'deprovisioned' AND NOT d.reconciled_present) END, false) AS unsettled,
        NOT x.says_groups AS others_say_groups
      FROM directory_users d
      LEFT JOIN (${sameIn(runId)}) x ON x.id = d.id
      LEFT JOIN users u ON u.id = d.user_id
      WHERE d.directory_id = ${directoryId}
    ), new AS MATERIALIZED (SELECT email, user_id FROM here WHERE NOT same OR unsettled)
    SELECT id FROM here WHERE same AND (unsettled
      OR user_id IN (SELECT user_id FROM new WHERE user_id IS NOT NULL)
      OR user_id IN (${waitingForSeats(directoryId)})
      OR email IN (SELECT email FROM new WHERE email IS NOT NULL)
      OR email IN (SELECT email FROM staged_users WHERE run_id = ${runId} AND email IS NOT NULL)
      OR source_key IN (SELECT member_key FROM staged_links WHERE run_id = ${runId} AND member_is = 'user')
      OR (others_say_groups AND id IN (SELECT member_id FROM directory_group_members WHERE directory_id = ${directoryId})))`;
}
