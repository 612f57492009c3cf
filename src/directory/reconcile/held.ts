/** Plans that wait for a person: approve, which applies exactly what was shown, or discard. */
import { record } from '../../audit/record.ts';
import { Fault } from '../../errors.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { type ReconcileDependencies, reconcileModel } from './model.ts';
import { baseHash } from './plan.ts';
import { applyRun } from './run.ts';
import { dropStaged } from './staged-facts.ts';
import { takeTurn } from './turns.ts';

/**
 * Applies a held (or merely planned) run as it was shown.
 * @throws Fault `plan-moved` where facts, rules or memberships have changed since; `not-found`; `conflict` where it doesn't wait
 */
export async function approveRun(deps: ReconcileDependencies, tx: TenantTransaction, runId: string): Promise<void> {
  await takeTurn(tx, 'alone');
  const run = await waitingRun(tx, runId);
  if (run.base_hash !== (await baseHash(tx, await reconcileModel(deps, tx)))) {
    throw new Fault(
      'plan-moved',
      'Facts, rules or memberships have changed since this plan was made; nothing was applied.',
      {
        remedy: 'Run the directory again and look at the new plan.',
      },
    );
  }
  await applyRun(deps, tx, runId, run.directory_id);
  await tx.db
    .updateTable('sync_runs')
    .set({ status: 'applied', finished_at: new Date() })
    .where('id', '=', runId)
    .execute();
  await record(tx, { action: 'sync.approved', resource: { type: 'sync_run', id: runId } });
}

/** Drops a held or planned run; nothing of it is applied. */
export async function discardRun(tx: TenantTransaction, runId: string): Promise<void> {
  await waitingRun(tx, runId);
  await tx.db
    .updateTable('sync_runs')
    .set({ status: 'discarded', finished_at: new Date() })
    .where('id', '=', runId)
    .execute();
  await dropStaged(tx, runId);
  await record(tx, { action: 'sync.discarded', resource: { type: 'sync_run', id: runId }, reason: 'by a person' });
}

async function waitingRun(
  tx: TenantTransaction,
  runId: string,
): Promise<{ directory_id: string; base_hash: string | null }> {
  const run = await tx.db
    .selectFrom('sync_runs')
    .select(['status', 'directory_id', 'base_hash'])
    .where('id', '=', runId)
    .forUpdate()
    .executeTakeFirst();
  if (run === undefined || run.directory_id === null) throw new Fault('not-found', 'There is no such run.');
  if (run.status !== 'held' && run.status !== 'planned') {
    throw new Fault('conflict', `This run is ${run.status}; only a held or planned one can be decided.`);
  }
  return { directory_id: run.directory_id, base_hash: run.base_hash };
}
