/**
 * Records of a full feed that say just what they said last time. They are staged by their id alone; whomever a plan may concern for
 * another reason is drawn in as a record like the others, and what is left costs a run no more than that it was named.
 */
import { type RawBuilder, sql } from 'kysely';
import type { TenantTransaction } from '../../store/tenant.ts';
import type { SourceUser } from '../sources/source.ts';
import { fingerprintOf } from './fingerprint.ts';
import { PRESENT } from './present.ts';

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
    WITH given AS (
      SELECT * FROM ROWS FROM (${sql.join(columns)}) WITH ORDINALITY AS g(key, fingerprint, says_groups, found_at, at)
    ), known AS (
      SELECT DISTINCT ON (d.id) d.id, g.* FROM given g CROSS JOIN LATERAL (
        SELECT id, fingerprint FROM directory_users WHERE directory_id = ${directoryId} AND source_key = g.key
          AND deleted_at IS NULL AND leaves_at IS NULL OFFSET 0) d
      WHERE d.fingerprint = g.fingerprint::uuid ORDER BY d.id, g.at
    ), same AS (
      INSERT INTO staged_same (organization_id, run_id, id, says_groups, found_at)
      SELECT ${tx.organizationId}::uuid, ${runId}::uuid, id, says_groups::boolean, found_at FROM known
      ON CONFLICT DO NOTHING RETURNING id
    )
    -- IS TRUE keeps the planner, who expects a row here, from a loop within a loop.
    SELECT at::integer FROM given WHERE at NOT IN (SELECT at FROM known WHERE (id IN (SELECT id FROM same)) IS TRUE)`.execute(
    tx.db,
  );
  return new Set(rows.flatMap(({ at }) => users[at - 1] ?? []));
}

/** Whoever is told twice, once as last time and once otherwise, is told wrongly. */
export async function findTwiceTold(tx: TenantTransaction, runId: string, directoryId: string): Promise<void> {
  await sql`
    INSERT INTO staged_bad (organization_id, run_id, folded, found_at, reason)
    SELECT s.organization_id, ${runId}::uuid, s.folded, s.found_at, 'the id ' || s.source_key || ' is at ' || x.found_at || ' too'
    FROM staged_users s
    JOIN directory_users d ON d.directory_id = ${directoryId} AND lower(d.source_key) = s.folded
    JOIN staged_same x ON x.run_id = ${runId} AND x.id = d.id
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
    WITH drawn AS (
      DELETE FROM staged_same x USING directory_users d
      WHERE x.run_id = ${runId} AND d.directory_id = ${directoryId} AND d.id = x.id AND ${which}
      RETURNING d.*, x.found_at, x.says_groups
    ), staged AS (
      INSERT INTO staged_users (organization_id, run_id, source_key, external_id, user_name, email, display_name, active, starts_at,
        ends_at, attributes, fingerprint, found_at)
      SELECT organization_id, ${runId}::uuid, source_key, external_id, user_name, email, display_name, active, starts_at, ends_at,
        attributes, fingerprint, found_at FROM drawn
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
    INSERT INTO staged_groups (organization_id, run_id, group_key, name)
    SELECT g.organization_id, ${runId}::uuid, g.source_key, g.display_name FROM directory_groups g
    WHERE g.directory_id = ${directoryId} AND g.id IN (
      SELECT m.group_id FROM directory_group_members m JOIN staged_same x ON x.run_id = ${runId} AND x.id = m.member_id AND x.says_groups
      WHERE m.directory_id = ${directoryId})
    ON CONFLICT (organization_id, run_id, group_key) DO UPDATE SET name = excluded.name WHERE staged_groups.name > excluded.name
    `.execute(tx.db);
}

/**
 * A SELECT of the ids of records that say the same and yet may be decided otherwise: time has passed, the account is not as the record has
 * it, a group is said from elsewhere, or another record of the same person or address says something new.
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
      LEFT JOIN staged_same x ON x.run_id = ${runId} AND x.id = d.id
      LEFT JOIN users u ON u.id = d.user_id
      WHERE d.directory_id = ${directoryId}
    ), new AS MATERIALIZED (SELECT email, user_id FROM here WHERE NOT same OR unsettled)
    SELECT id FROM here WHERE same AND (unsettled
      OR user_id IN (SELECT user_id FROM new WHERE user_id IS NOT NULL)
      OR email IN (SELECT email FROM new WHERE email IS NOT NULL)
      OR email IN (SELECT email FROM staged_users WHERE run_id = ${runId} AND email IS NOT NULL)
      OR source_key IN (SELECT member_key FROM staged_links WHERE run_id = ${runId} AND member_is = 'user')
      OR (others_say_groups AND id IN (SELECT member_id FROM directory_group_members WHERE directory_id = ${directoryId})))`;
}
