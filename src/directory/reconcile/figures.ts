/** Counts of a stored plan what its guards look at, and keeps the counts: those of the last 24 hours count with the next plan. */
import { sql } from 'kysely';
import type { TenantTransaction } from '../../store/tenant.ts';
import type { ChangeKind } from './changes.ts';
import type { Figure, PlanFigures } from './guard.ts';

/** What is kept of a run. */
interface Counted {
  readonly deprovisions: number;
  readonly membershipRemovals: number;
  readonly groupRemovals: number;
  readonly administrativeGrants: number;
  readonly administrativeRemovals: number;
}

/** What there is, or is told once. */
interface Whole {
  readonly feed: number;
  readonly previousFeed: number;
  readonly people: number;
  readonly memberships: number;
  readonly administrativeMemberships: number;
  readonly groups: number;
  readonly keptOwners: number;
  readonly unattributed: number;
}

/**
 * Counts, before the plan is applied.
 * @param administrative the model's roles with administrative rights, each `<scope kind> <role>`
 * @param few what is not looked at by share
 */
export async function planFigures(
  tx: TenantTransaction,
  runId: string,
  directoryId: string,
  administrative: readonly string[],
  few: number,
): Promise<PlanFigures> {
  const counted = await countPlan(tx, runId, directoryId, administrative);
  await tx.db
    .updateTable('sync_runs')
    .set({ figures: { ...counted } })
    .where('id', '=', runId)
    .execute();
  const recent = await countRecent(tx, runId, directoryId);
  const whole = await countWhole(tx, runId, directoryId, administrative);
  const figure = (of: number, key: keyof Counted): Figure => ({ now: counted[key], recent: recent[key], of });
  const { feed, previousFeed, keptOwners, unattributed } = whole;
  return {
    ...{ feed, previousFeed, keptOwners, unattributed },
    deprovisions: figure(whole.people, 'deprovisions'),
    membershipRemovals: figure(whole.memberships, 'membershipRemovals'),
    groupRemovals: figure(whole.groups, 'groupRemovals'),
    administrativeGrants: figure(feed, 'administrativeGrants'),
    administrativeRemovals: figure(whole.administrativeMemberships, 'administrativeRemovals'),
    shrinkingGroups: await shrinkingGroups(tx, runId, directoryId, few),
  };
}

/** Whoever is missing counts on the first day of their grace, when there is a plan to hold, and not again on the last. */
async function countPlan(
  tx: TenantTransaction,
  runId: string,
  directoryId: string,
  administrative: readonly string[],
): Promise<Counted> {
  const { rows } = await sql<Counted>`
    SELECT count(*) FILTER (WHERE kind = 'user.missing' OR (kind = 'user.deprovision' AND NOT EXISTS (
        SELECT 1 FROM directory_users d WHERE d.directory_id = ${directoryId} AND d.source_key = c.source_key AND d.leaves_at IS NOT NULL)))
        AS deprovisions,
      count(*) FILTER (WHERE kind = 'membership.remove') AS "membershipRemovals",
      count(*) FILTER (WHERE administrative AND kind IN ('membership.add', 'membership.change') AND role IS DISTINCT FROM old_role)
        AS "administrativeGrants",
      count(*) FILTER (WHERE scope_kind || ' ' || old_role = ANY(${administrative as string[]}::text[])
        AND (kind = 'membership.remove' OR (kind = 'membership.change' AND NOT administrative))) AS "administrativeRemovals",
      (SELECT count(*) FROM directory_groups g WHERE g.directory_id = ${directoryId}
        AND NOT EXISTS (SELECT 1 FROM staged_groups s WHERE s.run_id = ${runId} AND s.group_key = g.source_key)) AS "groupRemovals"
    FROM sync_changes c WHERE run_id = ${runId}`.execute(tx.db);
  return rows[0] as Counted;
}

/** The runs since yesterday that no person has looked at: whoever approved one saw what had gone before, and counting begins anew. */
const RECENT_RUNS = (directoryId: string) => sql`
  SELECT id, figures FROM sync_runs WHERE directory_id = ${directoryId} AND status = 'applied' AND finished_at > greatest(
    now() - interval '24 hours',
    (SELECT max(finished_at) FROM sync_runs WHERE directory_id = ${directoryId} AND status = 'applied' AND guards <> '[]'))`;

async function countRecent(tx: TenantTransaction, runId: string, directoryId: string): Promise<Counted> {
  const sum = (key: keyof Counted) =>
    sql`coalesce(sum((figures ->> ${sql.lit(key)})::integer), 0)::integer AS ${sql.ref(key)}`;
  const { rows } = await sql<Counted>`
    SELECT ${sql.join([sum('deprovisions'), sum('membershipRemovals'), sum('groupRemovals'), sum('administrativeGrants'), sum('administrativeRemovals')])}
    FROM (${RECENT_RUNS(directoryId)}) r WHERE id <> ${runId}`.execute(tx.db);
  return rows[0] as Counted;
}

async function countWhole(
  tx: TenantTransaction,
  runId: string,
  directoryId: string,
  administrative: readonly string[],
): Promise<Whole> {
  // Of what none would go, nobody asks how many there are.
  const planned = (...kinds: ChangeKind[]) =>
    sql`EXISTS (SELECT FROM sync_changes WHERE run_id = ${runId} AND kind = ANY(${kinds}::text[]))`;
  const { rows } = await sql<Whole>`
    SELECT
      (SELECT count(*) FROM staged_users WHERE run_id = ${runId} AND leaves_at IS NULL)
        + (SELECT coalesce(sum(cardinality(ids)), 0)::integer FROM staged_same WHERE run_id = ${runId}) AS feed,
      (SELECT count(*) FROM directory_users WHERE directory_id = ${directoryId} AND deleted_at IS NULL AND leaves_at IS NULL) AS "previousFeed",
      (SELECT count(*) FROM staged_bad WHERE run_id = ${runId} AND coalesce(folded, '') = '') AS unattributed,
      (SELECT count(*) FROM sync_changes WHERE run_id = ${runId} AND kind = 'user.protected') AS "keptOwners",
      CASE WHEN ${planned('user.deprovision', 'user.missing')} THEN (SELECT count(*) FROM users WHERE status <> 'deprovisioned'
        AND id IN (SELECT user_id FROM directory_users WHERE directory_id = ${directoryId})) ELSE 0 END AS people,
      (SELECT count(*) FROM directory_groups WHERE directory_id = ${directoryId}) AS groups,
      held.memberships, held."administrativeMemberships"
    FROM (SELECT count(*) AS memberships, count(*) FILTER (WHERE scope_kind || ' ' || role = ANY(${administrative as string[]}::text[]))
      AS "administrativeMemberships" FROM memberships WHERE source = 'mapping' AND ${planned('membership.remove', 'membership.change')}) held`.execute(
    tx.db,
  );
  return rows[0] as Whole;
}

/** Whom a group loses besides those who leave altogether; kept for each group that loses anybody. */
async function shrinkingGroups(tx: TenantTransaction, runId: string, directoryId: string, few: number) {
  await sql`
    INSERT INTO sync_group_losses (organization_id, run_id, group_key, lost)
    SELECT g.organization_id, ${runId}::uuid, g.source_key, count(*)
    FROM directory_group_members m
    JOIN directory_groups g ON g.directory_id = m.directory_id AND g.id = m.group_id
    JOIN staged_groups sg ON sg.run_id = ${runId} AND sg.group_key = g.source_key
    JOIN directory_users d ON d.directory_id = m.directory_id AND d.id = m.member_id
    JOIN staged_users s ON s.run_id = ${runId} AND s.source_key = d.source_key AND s.active AND coalesce(s.ends_at > now(), true)
    WHERE m.directory_id = ${directoryId} AND m.member_id = ANY(ARRAY(
      SELECT n.id FROM staged_users o JOIN directory_users n ON n.directory_id = ${directoryId} AND n.source_key = o.source_key
      WHERE o.run_id = ${runId})) AND NOT EXISTS (
      SELECT 1 FROM staged_members t WHERE t.run_id = ${runId} AND t.group_key = g.source_key AND t.user_key = d.source_key)
    GROUP BY g.organization_id, g.source_key`.execute(tx.db);
  const { rows } = await sql<Figure & { name: string }>`
    WITH earlier AS MATERIALIZED (
      SELECT e.group_key, sum(e.lost)::integer AS lost FROM sync_group_losses e JOIN (${RECENT_RUNS(directoryId)}) r ON r.id = e.run_id
      WHERE r.id <> ${runId} GROUP BY e.group_key
    ), losing AS (
      SELECT g.display_name AS name, l.lost AS now, coalesce(earlier.lost, 0) AS recent,
        (SELECT count(*) FROM directory_group_members m WHERE m.directory_id = ${directoryId} AND m.group_id = g.id) AS of
      FROM sync_group_losses l JOIN directory_groups g ON g.directory_id = ${directoryId} AND g.source_key = l.group_key
      LEFT JOIN earlier ON earlier.group_key = l.group_key
      WHERE l.run_id = ${runId}
    )
    (SELECT * FROM losing ORDER BY now + recent DESC, name LIMIT 1)
    UNION ALL
    (SELECT * FROM losing WHERE now + recent > ${few} ORDER BY (now + recent)::float8 / (of + recent) DESC, name LIMIT 1)`.execute(
    tx.db,
  );
  return rows;
}
