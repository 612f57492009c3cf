/** Makes and weighs a run's plan: stored as rows of `sync_changes`, counted, and held against the guards. */
import { type RawBuilder, sql } from 'kysely';
import type { TenantTransaction } from '../../store/tenant.ts';
import { planFigures } from './figures.ts';
import { groundsOf } from './grounds.ts';
import { type GuardSettings, type TrippedGuard, trippedGuards } from './guard.ts';
import { stagedRecords } from './incoming.ts';
import type { ReconcileModel } from './model.ts';
import { type FactScope, planMemberships, settledScope, stagedScope } from './plan-memberships.ts';
import { planPeople } from './plan-people.ts';

export type Counts = Readonly<Record<string, number>>;

/** Plans a directory's run from what it staged. */
export async function planDirectory(tx: TenantTransaction, runId: string, directoryId: string, model: ReconcileModel) {
  await storeChanges(tx, runId, planPeople(directoryId, stagedRecords(runId, directoryId), model.ownerRoles));
  await storeChanges(tx, runId, planMemberships(stagedScope(runId, directoryId), model));
}

/** Plans for everybody from facts as they stand: what a changed rule would do. */
export async function planEverybody(tx: TenantTransaction, runId: string, model: ReconcileModel): Promise<void> {
  const scope: FactScope = settledScope('everybody');
  await storeChanges(tx, runId, planMemberships(scope, model));
}

async function storeChanges(tx: TenantTransaction, runId: string, changes: RawBuilder<unknown>): Promise<void> {
  await sql`
    INSERT INTO sync_changes (organization_id, run_id, kind, user_id, source_key, email, display_name, scope_kind, workspace_id,
      product_id, scope_id, role, old_role, rule_id, administrative, reason)
    SELECT ${tx.organizationId}::uuid, ${runId}::uuid, planned.* FROM (${changes}) AS planned
    ORDER BY kind, email, source_key, scope_kind`.execute(tx.db);
}

/** How many changes of each kind a stored plan has. */
export async function countChanges(tx: TenantTransaction, runId: string): Promise<Counts> {
  const { rows } = await sql<{ kind: string; count: number }>`
    SELECT kind, count(*) AS count FROM sync_changes WHERE run_id = ${runId} GROUP BY kind ORDER BY kind`.execute(
    tx.db,
  );
  return Object.fromEntries(rows.map(({ kind, count }) => [kind, count]));
}

/** The guards that a directory's plan trips. */
export async function guardPlan(
  tx: TenantTransaction,
  runId: string,
  directoryId: string,
  model: ReconcileModel,
  settings: GuardSettings,
): Promise<TrippedGuard[]> {
  const administrative = model.roles
    .filter((each) => each.administrative)
    .map(({ scopeKind, role }) => `${scopeKind} ${role}`);
  const figures = await planFigures(tx, runId, directoryId, administrative, settings.shareAppliesAbove);
  return trippedGuards(figures, settings);
}

/** A fingerprint of everything that a plan is made from besides its feed; it moves when any of it does. */
export async function baseHash(tx: TenantTransaction, model: ReconcileModel): Promise<string> {
  const of = (rows: RawBuilder<unknown>) =>
    sql`(SELECT coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM (${rows}) t)`;
  const { rows } = await sql<{ hash: string }>`
    SELECT md5(concat_ws(' ',
      ${groundsOf(model)},
      ${of(sql`SELECT id, seats FROM products`)},
      ${of(sql`SELECT id, time_zone, grace_days, decides_lifecycle FROM directories`)},
      ${of(sql`SELECT name FROM domains WHERE verified_at IS NOT NULL`)},
      ${of(sql`SELECT id, status, email, access_epoch, protected FROM users`)},
      ${of(sql`SELECT id, user_id, scope_id, role, source FROM memberships`)},
      ${of(sql`SELECT id, version, user_id, leaves_at, deleted_at FROM directory_users`)},
      ${of(sql`SELECT group_id, member_id FROM directory_group_members`)},
      ${of(sql`SELECT id, display_name FROM directory_groups`)})) AS hash`.execute(tx.db);
  return rows[0]?.hash ?? '';
}
