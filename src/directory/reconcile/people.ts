/** The reconcile for the few people that a SCIM write or a login touched, and for everybody after a rule has changed. */
import { type RawBuilder, sql } from 'kysely';
import { prepared } from '../../store/prepared.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { applyMemberships, applyPeople, rememberPresence } from './apply.ts';
import { areAll, type Change, changesAtHand, storedChanges } from './changes.ts';
import { forgetGrounds } from './grounds.ts';
import { directoryUsers } from './incoming.ts';
import { type ReconcileDependencies, type ReconcileModel, reconcileModel } from './model.ts';
import { type Counts, countChanges, planEverybody } from './plan.ts';
import { type FactScope, planMemberships, recordScope, settledScope } from './plan-memberships.ts';
import { planPeople } from './plan-people.ts';
import { takeTurn } from './turns.ts';

const HANDFUL = 100;

/** Who is concerned: accounts, and records whose account may be yet to make. */
export interface Concerned {
  readonly userIds?: readonly string[];
  readonly directoryUserIds?: readonly string[];
}

/** Records of one directory that decides the lifecycle. */
export interface Records {
  readonly directoryId: string;
  readonly ids: readonly string[];
  /** Nobody of them has come or gone since they were last settled. */
  readonly presenceStands?: boolean;
}

/**
 * Settles a few people from facts already written in this transaction: accounts are matched or made, leavers deprovisioned,
 * memberships derived.
 * @returns the changes that were applied, and those that were withheld
 */
export async function reconcilePeople(
  deps: ReconcileDependencies,
  tx: TenantTransaction,
  concerned: Concerned,
  trigger: string,
): Promise<Change[]> {
  await takeTurn(tx, 'beside others');
  const model = await reconcileModel(deps, tx);
  const changes: Change[] = [];
  for (const records of await byDirectory(tx, concerned.directoryUserIds ?? [])) {
    changes.push(...(await settleRecords(deps, tx, model, records, trigger)));
  }
  const userIds = [...(concerned.userIds ?? []), ...(await accountsOf(tx, concerned.directoryUserIds ?? []))];
  if (userIds.length > 0) changes.push(...(await settleMemberships(tx, model, settledScope(userIds), userIds.length)));
  return changes;
}

/** The same for records of one directory, by who holds a turn beside others and knows the model already. */
export async function reconcileRecords(
  deps: ReconcileDependencies,
  tx: TenantTransaction,
  model: ReconcileModel,
  records: Records,
  trigger: string,
): Promise<Change[]> {
  if (records.ids.length > HANDFUL) await expectMany(tx);
  const people = await settleRecords(deps, tx, model, records, trigger);
  return [...people, ...(await settleMemberships(tx, model, recordScope(records), records.ids.length))];
}

async function settleRecords(
  deps: ReconcileDependencies,
  tx: TenantTransaction,
  model: ReconcileModel,
  { directoryId, ids, presenceStands = false }: Records,
  trigger: string,
): Promise<Change[]> {
  const planned = planPeople(directoryId, directoryUsers(directoryId, ids), model.ownerRoles);
  const { rows } = await plannedFor(ids.length, planned).execute(tx.db);
  const changes = changesAtHand(rows);
  if (rows.length > 0) await applyPeople(deps, tx, directoryId, changes, trigger);
  const remembered = areAll(changes, ['user.create', 'user.link']) && (presenceStands || rows.length === ids.length);
  if (!remembered) await rememberPresence(tx, directoryId, changes, ids);
  return rows;
}

async function settleMemberships(
  tx: TenantTransaction,
  model: ReconcileModel,
  scope: FactScope,
  people: number,
): Promise<Change[]> {
  const plan = async () => (await plannedFor(people, planMemberships(scope, model)).execute(tx.db)).rows;
  const first = await plan();
  const rows = (await holdSeats(tx, first)) ? await plan() : first;
  if (rows.length > 0) await applyMemberships(tx, changesAtHand(rows));
  await forgetGrounds(tx, productsOf(rows, 'membership.withheld'));
  return rows;
}

/** Of two who would take the last seat at once, one waits for the other. @returns whether anybody takes one of so many */
async function holdSeats(tx: TenantTransaction, changes: readonly Change[]): Promise<boolean> {
  const taken = productsOf(changes, 'membership.add');
  if (taken.length === 0) return false;
  const { rows } = await sql`
    SELECT id FROM products WHERE id = ANY(${taken}::uuid[]) AND seats IS NOT NULL ORDER BY id FOR NO KEY UPDATE`.execute(
    tx.db,
  );
  return rows.length > 0;
}

function productsOf(changes: readonly Change[], wanted: Change['kind']): string[] {
  return changes.flatMap(({ kind, product_id: id }) => (kind === wanted && id !== null ? [id] : []));
}

/** A handful's statement is planned once, a multitude's for their number. */
function plannedFor(people: number, plan: RawBuilder<unknown>): RawBuilder<Change> {
  const statement = sql<Change>`${plan}`;
  return people > HANDFUL ? statement : prepared(statement);
}

/** As for a whole run (see turns.ts): the planner expects a row or two behind row-level security. */
async function expectMany(tx: TenantTransaction): Promise<void> {
  await sql`SELECT set_config('plan_cache_mode', 'auto', true), set_config('enable_nestloop', 'off', true)`.execute(
    tx.db,
  );
}

async function byDirectory(tx: TenantTransaction, ids: readonly string[]): Promise<Records[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<Records>`
    SELECT d.directory_id AS "directoryId", array_agg(d.id) AS ids
    FROM directory_users d JOIN directories ON directories.id = d.directory_id AND directories.decides_lifecycle
    WHERE d.id = ANY(${ids as string[]}::uuid[]) GROUP BY d.directory_id`.execute(tx.db);
  return rows;
}

async function accountsOf(tx: TenantTransaction, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    SELECT DISTINCT user_id AS id FROM directory_users WHERE id = ANY(${ids as string[]}::uuid[]) AND user_id IS NOT NULL
    `.execute(tx.db);
  return rows.map((row) => row.id);
}

/** Derives everybody's memberships anew after rules have changed, as a run of its own whose plan is kept. */
export async function reconcileEverybody(
  deps: ReconcileDependencies,
  tx: TenantTransaction,
  trigger: string,
): Promise<{ runId: string; counts: Counts }> {
  const run = await planRulesRun(deps, tx, trigger);
  await applyMemberships(tx, storedChanges(run.runId));
  await tx.db
    .updateTable('sync_runs')
    .set({ status: 'applied', counts: run.counts })
    .where('id', '=', run.runId)
    .execute();
  return run;
}

async function planRulesRun(deps: ReconcileDependencies, tx: TenantTransaction, trigger: string) {
  await takeTurn(tx, 'alone');
  const model = await reconcileModel(deps, tx);
  const { id: runId } = await tx.db
    .insertInto('sync_runs')
    .values({
      organization_id: tx.organizationId,
      directory_id: null,
      trigger,
      status: 'planned',
      base_hash: null,
      error: null,
      finished_at: new Date(),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await planEverybody(tx, runId, model);
  return { runId, counts: await countChanges(tx, runId) };
}
