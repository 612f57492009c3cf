/** Who may reconcile when: a whole run has an organization to itself; single people's reconciles go side by side. */
import { type Kysely, sql } from 'kysely';
import { Fault } from '../../errors.ts';
import type { Tables } from '../../store/tables.ts';
import type { TenantTransaction } from '../../store/tenant.ts';

/**
 * Waits for, and takes until the transaction's end, this organization's turn.
 *
 * Alone is whoever goes through everybody. Row-level security hides from the planner how many rows there are, and it expects one: a
 * nested loop, 8 s for 3,000 people and minutes for 20,000, where hash joins take 0.8 s and 4 s. So those transactions do without, and have
 * the memory that hashing and sorting take (plans of 100,000 people: 5.6 s instead of 11 s).
 * And they are long: where their process has died, the database finds out while a statement runs, if its system can, not only after it.
 */
export async function takeTurn(tx: TenantTransaction, how: 'alone' | 'beside others'): Promise<void> {
  if (how === 'alone') {
    await sql`
      SELECT set_config('enable_nestloop', 'off', true), set_config('work_mem', '64MB', true),
        CASE WHEN version() ~ 'linux|darwin' THEN set_config('client_connection_check_interval', '2s', true) END`.execute(
      tx.db,
    );
  }
  const lock = how === 'alone' ? sql`pg_advisory_xact_lock` : sql`pg_advisory_xact_lock_shared`;
  await sql`SELECT ${lock}(hashtextextended(${`reconcile ${tx.organizationId}`}, 0))`.execute(tx.db);
}

/**
 * Does `work` as the only runner of a directory in the whole cluster. The lock is held by a connection of its own and falls with
 * it, so that a killed runner leaves nothing locked.
 * @throws Fault `run-in-progress` where somebody else runs it
 */
export function asOnlyRunner<T>(sessions: Kysely<Tables>, directoryId: string, work: () => Promise<T>): Promise<T> {
  const key = sql`hashtextextended(${`runner ${directoryId}`}, 0)`;
  return sessions.connection().execute(async (connection) => {
    const { rows } = await sql<{ mine: boolean }>`SELECT pg_try_advisory_lock(${key}) AS mine`.execute(connection);
    if (!rows[0]?.mine) {
      throw new Fault('run-in-progress', 'This directory is being synchronized at this moment.', {
        remedy: 'Wait for that run to end; its progress is in the list of runs.',
      });
    }
    try {
      return await work();
    } finally {
      // A lock whose connection has broken is free already.
      await sql`SELECT pg_advisory_unlock(${key})`.execute(connection).catch(() => undefined);
    }
  });
}

/**
 * Holds a run that stages until the transaction's end. Whoever has lost the lock, since its connection broke, may find that another runner
 * has ended their run and dropped what it had staged: what is left then looks like a feed in which many are missing.
 * @throws Fault `run-in-progress` where the run has been ended
 */
export async function holdStaging(tx: TenantTransaction, runId: string): Promise<void> {
  const run = await tx.db
    .selectFrom('sync_runs')
    .select('id')
    .where('id', '=', runId)
    .where('status', '=', 'staging')
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (run === undefined) {
    throw new Fault('run-in-progress', 'Another run of this directory has taken the place of this one.', {
      remedy: 'Look at that run; nothing of this one was applied.',
    });
  }
}
