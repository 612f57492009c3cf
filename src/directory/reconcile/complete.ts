/**
 * Makes of what a run staged a whole feed: what a reading of changes leaves out is as before, whoever has a record that can't be used stays
 * as they are, likewise for some days whoever is missing, and whoever is in a group within a group is in both.
 */
import { type RawBuilder, sql } from 'kysely';
import { Fault } from '../../errors.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import type { Reading } from '../sources/source.ts';
import { groundsOf } from './grounds.ts';
import type { MembershipModel } from './plan-memberships.ts';
import { PRESENT } from './present.ts';
import { drawIn, findTwiceTold, sameIn } from './same.ts';

/** What was found wrong in a reading. */
export interface Findings {
  readonly bad: number;
  /** Of those, the ones of which nobody can say whom they are about. */
  readonly unattributed: number;
}

/** As many are told as a person reads. */
const LISTED = 50;

/**
 * Completes a run's staged rows.
 * @param given.maxBadShare how many of the records may be bad, as a fraction of 1
 * @throws Fault `invalid-feed` where more are, listing them
 */
export async function complete(
  tx: TenantTransaction,
  runId: string,
  directoryId: string,
  extent: Reading['extent'],
  { model, maxBadShare }: { readonly model: MembershipModel; readonly maxBadShare: number },
): Promise<Findings> {
  await findTwiceTold(tx, runId, directoryId);
  const findings = await weigh(tx, runId, maxBadShare);
  const groundsStand = await keepGrounds(tx, runId, directoryId, model);
  if (extent === 'changes') await carryOver(tx, runId, directoryId);
  else await drawIn(tx, runId, directoryId, groundsStand && findings.bad === 0 ? 'concerned' : 'everybody');
  if (findings.bad > 0) await keepBad(tx, runId, directoryId);
  await keepMissing(tx, runId, directoryId);
  await resolveAliases(tx, runId);
  await flatten(tx, runId);
  return findings;
}

/** @returns whether they are as when the directory was applied last */
async function keepGrounds(
  tx: TenantTransaction,
  runId: string,
  directoryId: string,
  model: MembershipModel,
): Promise<boolean> {
  const { rows } = await sql<{ stand: boolean }>`
    UPDATE sync_runs r SET grounds = now.grounds FROM directories d, (SELECT ${groundsOf(model)} AS grounds) now
    WHERE r.id = ${runId} AND d.id = ${directoryId} RETURNING coalesce(d.grounds = now.grounds, false) AS stand`.execute(
    tx.db,
  );
  return rows[0]?.stand ?? false;
}

async function weigh(tx: TenantTransaction, runId: string, maxBadShare: number): Promise<Findings> {
  const { rows } = await sql<Findings & { good: number }>`
    SELECT (SELECT count(*) FROM staged_users WHERE run_id = ${runId})
        + (SELECT coalesce(sum(cardinality(ids)), 0)::integer FROM staged_same WHERE run_id = ${runId}) AS good, count(*) AS bad,
      count(*) FILTER (WHERE coalesce(folded, '') = '') AS unattributed FROM staged_bad WHERE run_id = ${runId}`.execute(
    tx.db,
  );
  const { good, bad, unattributed } = rows[0] ?? { good: 0, bad: 0, unattributed: 0 };
  if (bad > maxBadShare * (good + bad)) throw await tooMany(tx, runId, bad);
  return { bad, unattributed };
}

async function tooMany(tx: TenantTransaction, runId: string, bad: number): Promise<Fault> {
  const { rows } = await sql<{ where: string; reason: string }>`
    SELECT found_at AS "where", reason FROM staged_bad WHERE run_id = ${runId} ORDER BY seq LIMIT ${LISTED}`.execute(
    tx.db,
  );
  const first = rows.slice(0, 3).map(({ where, reason }) => `${where}: ${reason}`);
  const more = bad > 3 ? ` and ${bad - 3} more` : '';
  const wrong = bad === 1 ? 'One record is wrong' : `${bad} records are wrong`;
  return new Fault('invalid-feed', `${wrong}; nothing was changed. ${first.join('. ')}${more}.`, {
    remedy: 'Mend them at the source and run again, or have the directory bear some (guards.maxBadShare).',
    extra: { errors: rows, errorCount: bad },
  });
}

/** Whatever is not named is as it was. */
async function carryOver(tx: TenantTransaction, runId: string, directoryId: string): Promise<void> {
  await carryUsers(
    tx,
    runId,
    directoryId,
    sql`coalesce(d.leaves_at > now(), true) AND ${notTakenBack(runId)}`,
    sql`d.leaves_at`,
  );
  await sql`
    INSERT INTO staged_groups (organization_id, run_id, group_key, name, of_people)
    SELECT g.organization_id, ${runId}::uuid, g.source_key, g.display_name, g.of_people FROM directory_groups g
    WHERE g.directory_id = ${directoryId}
      AND NOT EXISTS (SELECT 1 FROM staged_gone x WHERE x.run_id = ${runId} AND x.what = 'group' AND x.key = g.source_key)
    ON CONFLICT DO NOTHING`.execute(tx.db);
  await sql`
    INSERT INTO staged_links (organization_id, run_id, group_key, member_key, member_is)
    SELECT ${tx.organizationId}::uuid, ${runId}::uuid, l.group_key, l.member_key, l.member_is FROM (
      ${formerLinks(directoryId)}
    ) l
    WHERE NOT EXISTS (SELECT 1 FROM staged_gone x WHERE x.run_id = ${runId} AND (
        (x.what = 'member' AND x.key = l.group_key AND x.member_key = l.member_key)
        OR (x.what = 'members' AND x.key = l.group_key)
        OR (x.what = 'group' AND (x.key = l.group_key OR (l.member_is = 'group' AND x.key = l.member_key)))
        OR (x.what IN ('user', 'memberships') AND l.member_is = 'user' AND x.key = l.member_key)))
    ON CONFLICT DO NOTHING`.execute(tx.db);
}

function notTakenBack(runId: string): RawBuilder<unknown> {
  return sql`NOT EXISTS (SELECT 1 FROM staged_gone x WHERE x.run_id = ${runId} AND x.what = 'user' AND x.key = d.source_key)`;
}

/** As the source said them last. The links of a reading that has no cursor are not kept: its members are. */
function formerLinks(directoryId: string): RawBuilder<unknown> {
  return sql`
    SELECT group_key, member_key, member_is FROM directory_links WHERE directory_id = ${directoryId}
    UNION
    SELECT g.source_key, u.source_key, 'user' FROM directories d
    JOIN directory_group_members m ON m.directory_id = d.id
    JOIN directory_groups g ON g.directory_id = d.id AND g.id = m.group_id
    JOIN directory_users u ON u.directory_id = d.id AND u.id = m.member_id
    WHERE d.id = ${directoryId} AND d.cursor IS NULL`;
}

/** Nobody is changed, nor gone, by a record that can't be used; somebody who is new by one is not made. */
async function keepBad(tx: TenantTransaction, runId: string, directoryId: string): Promise<void> {
  await sql`
    DELETE FROM staged_users s USING staged_bad b WHERE s.run_id = ${runId} AND b.run_id = ${runId} AND b.folded = s.folded`.execute(
    tx.db,
  );
  await carryUsers(
    tx,
    runId,
    directoryId,
    sql`EXISTS (SELECT 1 FROM staged_bad b WHERE b.run_id = ${runId} AND b.folded = lower(d.source_key)) AND ${notTakenBack(runId)}`,
    sql`NULL`,
  );
  // Their groups are as unknown as they are.
  await carryLinks(
    tx,
    runId,
    directoryId,
    sql`SELECT source_key FROM directory_users d WHERE d.directory_id = ${directoryId}
      AND EXISTS (SELECT 1 FROM staged_bad b WHERE b.run_id = ${runId} AND b.folded = lower(d.source_key))`,
  );
}

/** Whoever is in today and not named is in for the days of grace, as they were. Who has left, or never was in, is gone at once. */
async function keepMissing(tx: TenantTransaction, runId: string, directoryId: string): Promise<void> {
  const { grace_days: days } = await tx.db
    .selectFrom('directories')
    .select('grace_days')
    .where('id', '=', directoryId)
    .executeTakeFirstOrThrow();
  if (days === 0) return;
  await carryUsers(
    tx,
    runId,
    directoryId,
    sql`d.user_id IS NOT NULL AND ${PRESENT}
      AND NOT EXISTS (SELECT 1 FROM (${sameIn(runId)}) x WHERE x.id = d.id)
      AND NOT EXISTS (SELECT 1 FROM staged_users s WHERE s.run_id = ${runId} AND s.folded = lower(d.source_key))`,
    sql`coalesce(d.leaves_at, now() + ${days}::float8 * interval '1 day')`,
  );
  await carryLinks(
    tx,
    runId,
    directoryId,
    sql`SELECT source_key FROM staged_users WHERE run_id = ${runId} AND leaves_at IS NOT NULL`,
  );
}

/** In the groups that are still there, as one is that only they are in. @param whose a SELECT of `source_key` */
async function carryLinks(
  tx: TenantTransaction,
  runId: string,
  directoryId: string,
  whose: RawBuilder<unknown>,
): Promise<void> {
  await sql`
    INSERT INTO staged_groups (organization_id, run_id, group_key, name, of_people)
    SELECT g.organization_id, ${runId}::uuid, g.source_key, g.display_name, true FROM directory_groups g
    WHERE g.directory_id = ${directoryId} AND g.of_people AND g.source_key IN (
      SELECT l.group_key FROM (${formerLinks(directoryId)}) l WHERE l.member_is = 'user' AND l.member_key IN (${whose}))
    ON CONFLICT DO NOTHING`.execute(tx.db);
  await sql`
    INSERT INTO staged_links (organization_id, run_id, group_key, member_key, member_is)
    SELECT s.organization_id, ${runId}::uuid, l.group_key, l.member_key, l.member_is
    FROM (${formerLinks(directoryId)}) l
    JOIN staged_groups s ON s.run_id = ${runId} AND s.group_key = l.group_key
    WHERE l.member_is = 'user' AND l.member_key IN (${whose})
    ON CONFLICT DO NOTHING`.execute(tx.db);
}

async function carryUsers(
  tx: TenantTransaction,
  runId: string,
  directoryId: string,
  which: RawBuilder<unknown>,
  leavesAt: RawBuilder<unknown>,
): Promise<void> {
  await sql`
    INSERT INTO staged_users (organization_id, run_id, source_key, external_id, user_name, email, display_name, active, starts_at,
      ends_at, attributes, fingerprint, leaves_at)
    SELECT d.organization_id, ${runId}::uuid, d.source_key, d.external_id, d.user_name, d.email, d.display_name, d.active, d.starts_at,
      d.ends_at, d.attributes, coalesce(d.fingerprint::uuid, gen_random_uuid()), ${leavesAt}::timestamptz
    FROM directory_users d
    WHERE d.directory_id = ${directoryId} AND d.deleted_at IS NULL AND ${which}
    ON CONFLICT DO NOTHING`.execute(tx.db);
}

/** Members who are told by another name become those who bear it, where just one does. */
async function resolveAliases(tx: TenantTransaction, runId: string): Promise<void> {
  await sql`
    WITH named AS (
      DELETE FROM staged_links WHERE run_id = ${runId} AND member_is = 'alias' RETURNING *
    ), bearer AS (
      SELECT alias, min(key) AS key, min(is_a) AS is_a FROM staged_aliases WHERE run_id = ${runId} GROUP BY alias HAVING count(*) = 1
    )
    INSERT INTO staged_links (organization_id, run_id, group_key, member_key, member_is)
    SELECT n.organization_id, n.run_id, n.group_key, b.key, b.is_a FROM named n JOIN bearer b ON b.alias = n.member_key
    ON CONFLICT DO NOTHING`.execute(tx.db);
}

/** However the groups are nested, and even in a circle: each is walked once. */
async function flatten(tx: TenantTransaction, runId: string): Promise<void> {
  await sql`
    WITH RECURSIVE within AS (
      SELECT group_key AS outermost, group_key AS inner_key FROM staged_groups WHERE run_id = ${runId}
      UNION
      SELECT w.outermost, l.member_key FROM within w
      JOIN staged_links l ON l.run_id = ${runId} AND l.group_key = w.inner_key AND l.member_is = 'group'
    )
    INSERT INTO staged_members (organization_id, run_id, group_key, group_name, user_key)
    SELECT DISTINCT g.organization_id, g.run_id, g.group_key, g.name, l.member_key
    FROM within w
    JOIN staged_groups g ON g.run_id = ${runId} AND g.group_key = w.outermost
    JOIN staged_links l ON l.run_id = ${runId} AND l.group_key = w.inner_key AND l.member_is = 'user'`.execute(tx.db);
}
