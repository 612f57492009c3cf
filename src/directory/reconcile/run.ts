/**
 * A directory's run. What the source says is staged durably first; plan, guards and apply are then one transaction: a run is applied
 * whole, or held, or nothing of it happened, whenever the process dies.
 */
import { sql } from 'kysely';
import { record } from '../../audit/record.ts';
import { Fault } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Store } from '../../store/database.ts';
import { inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';
import { countFailure, endQuarantine } from '../quarantine.ts';
import { type OpenSourceDependencies, openSource } from '../sources/open.ts';
import type { Reading, Source } from '../sources/source.ts';
import { applyMemberships, applyPeople, rememberPresence } from './apply.ts';
import { storedChanges } from './changes.ts';
import { complete } from './complete.ts';
import { guardSettings, type TrippedGuard } from './guard.ts';
import { type ReconcileDependencies, reconcileModel } from './model.ts';
import { baseHash, type Counts, countChanges, guardPlan, planDirectory } from './plan.ts';
import { beginProgress, endProgress, progressTeller, type Watched } from './run-progress.ts';
import { stage } from './stage.ts';
import { dropStaged, recordStagedFacts, recordStagedLinks } from './staged-facts.ts';
import { Stopping, unlessStopping } from './stopping.ts';
import { asOnlyRunner, holdStaging, takeTurn } from './turns.ts';

export interface RunDependencies extends ReconcileDependencies, OpenSourceDependencies {
  readonly store: Store;
  readonly log: Log;
  /** Aborted when the server is about to end, and waits for no source any more. */
  readonly stopping?: AbortSignal;
}

export interface RunRequest {
  readonly organizationId: string;
  readonly directoryId: string;
  readonly origin: Origin;
  /** What started it: `schedule`, `request`, `resume`, ... */
  readonly trigger: string;
  /** 'plan' stores the plan and applies nothing. */
  readonly mode: 'plan' | 'run';
  readonly onProgress?: Watched['onProgress'];
  /** Told once there is a run that others can look at. */
  readonly onBegun?: (runId: string) => void;
}

export interface RunReport {
  readonly runId: string;
  readonly status: 'planned' | 'held' | 'applied';
  readonly counts: Counts;
  readonly guards: readonly TrippedGuard[];
}

/**
 * Reads a directory's source and reconciles it.
 * @throws Fault `invalid-feed` (nothing was changed), `run-in-progress`, `not-found`
 */
export function runDirectory(deps: RunDependencies, request: RunRequest): Promise<RunReport> {
  return asOnlyRunner(deps.store.sessions, request.directoryId, async () => {
    const { runId, source, cursor } = await beginRun(deps, request);
    request.onBegun?.(runId);
    const progress = progressTeller(deps, request, runId);
    try {
      const reading = await unlessStopping(deps.stopping, async () => {
        const begun = await source.read(cursor);
        await stage(deps.store.db, { ...request, onProgress: progress.read }, runId, begun);
        return begun;
      });
      progress.enter('planning');
      return await inTenant(deps.store.db, request.organizationId, request.origin, (tx) =>
        settle(deps, tx, request, runId, reading, progress),
      );
    } catch (error) {
      // Another server takes up what this one leaves under way.
      if (error instanceof Stopping) throw error;
      // Where not even that can be written down, the run still stages, and is taken for interrupted.
      await failRun(deps, request, runId, error).catch((cause: unknown) =>
        deps.log.error({ error: cause, runId }, "a run's failure could not be recorded"),
      );
      throw error;
    }
  });
}

interface BegunRun {
  readonly runId: string;
  readonly source: Source;
  readonly cursor: string | null;
}

async function beginRun(deps: RunDependencies, request: RunRequest): Promise<BegunRun> {
  return inTenant(deps.store.db, request.organizationId, request.origin, async (tx) => {
    const directory = await tx.db
      .selectFrom('directories')
      .selectAll()
      .where('id', '=', request.directoryId)
      .executeTakeFirst();
    if (directory === undefined) throw new Fault('not-found', 'There is no such directory.');
    const source = openSource(deps, directory);
    await endEarlierRuns(tx, request.directoryId);
    const { id } = await tx.db
      .insertInto('sync_runs')
      .values({
        organization_id: tx.organizationId,
        directory_id: directory.id,
        trigger: request.trigger,
        mode: request.mode,
        status: 'staging',
        base_hash: null,
        error: null,
        finished_at: null,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    await beginProgress(tx, id, directory.id);
    return { runId: id, source, cursor: directory.cursor };
  });
}

/** A run that still stages was killed, for its runner would hold the lock; a plan that waits is superseded by a newer look. */
export async function endEarlierRuns(tx: TenantTransaction, directoryId: string): Promise<void> {
  const ended = await sql<{ id: string; was: string }>`
    UPDATE sync_runs r SET finished_at = now(), status = CASE was.status WHEN 'staging' THEN 'failed' ELSE 'discarded' END,
      error = CASE was.status WHEN 'staging' THEN 'interrupted; nothing of it was applied' ELSE 'superseded by a later run' END
    FROM (SELECT id, status FROM sync_runs WHERE directory_id = ${directoryId} AND status IN ('staging', 'planned', 'held')) was
    -- One that its runner has just ended is not ended again.
    WHERE r.id = was.id AND r.status = was.status RETURNING r.id, was.status AS was`.execute(tx.db);
  for (const { id, was } of ended.rows) {
    await dropStaged(tx, id);
    await endProgress(tx, id);
    const reason = was === 'staging' ? 'interrupted' : 'superseded by a later run';
    await record(tx, { action: 'sync.discarded', resource: { type: 'sync_run', id }, reason });
  }
}

async function settle(
  deps: RunDependencies,
  tx: TenantTransaction,
  request: RunRequest,
  runId: string,
  { extent, cursor }: Reading,
  progress: ReturnType<typeof progressTeller>,
): Promise<RunReport> {
  await takeTurn(tx, 'alone');
  await holdStaging(tx, runId);
  const { directoryId, mode } = request;
  const directory = await tx.db
    .selectFrom('directories')
    .select('guards')
    .where('id', '=', directoryId)
    .executeTakeFirstOrThrow();
  const settings = guardSettings.parse(directory.guards);
  await endQuarantine(tx, directoryId, 'the source answers');
  const model = await reconcileModel(deps, tx);
  const { bad } = await complete(tx, runId, directoryId, extent, { model, maxBadShare: settings.maxBadShare });
  await tx.db.updateTable('sync_runs').set({ cursor: cursor() }).where('id', '=', runId).execute();
  await planDirectory(tx, runId, directoryId, model);
  const counts = { ...(await countChanges(tx, runId)), ...(bad === 0 ? {} : { 'record.bad': bad }) };
  const guards = await guardPlan(tx, runId, directoryId, model, settings);
  if (mode === 'run' && guards.length === 0) {
    progress.enter('applying');
    await applyRun(deps, tx, runId, directoryId);
    await finish(tx, runId, 'applied', counts, guards);
    return { runId, status: 'applied', counts, guards };
  }
  const status = guards.length > 0 && mode === 'run' ? 'held' : 'planned';
  await finish(tx, runId, status, counts, guards, await baseHash(tx, model));
  return { runId, status, counts, guards };
}

/** Applies a stored plan with the feed it was made from, in the caller's transaction. */
export async function applyRun(
  deps: ReconcileDependencies,
  tx: TenantTransaction,
  runId: string,
  directoryId: string,
): Promise<void> {
  const changes = storedChanges(runId);
  await applyPeople(deps, tx, directoryId, changes, 'sync', () => recordStagedFacts(tx, runId, directoryId));
  await applyMemberships(tx, changes);
  await rememberPresence(tx, directoryId, changes, 'all');
  const { rows } = await sql<{ tellsChanges: boolean }>`
    UPDATE directories d SET cursor = r.cursor, grounds = r.grounds
    FROM sync_runs r, (SELECT cursor FROM directories WHERE id = ${directoryId}) former
    WHERE r.id = ${runId} AND d.id = ${directoryId}
    RETURNING r.cursor IS NOT NULL OR former.cursor IS NOT NULL AS "tellsChanges"`.execute(tx.db);
  if (rows[0]?.tellsChanges) await recordStagedLinks(tx, runId, directoryId);
  await dropStaged(tx, runId);
}

async function finish(
  tx: TenantTransaction,
  runId: string,
  status: RunReport['status'],
  counts: Counts,
  guards: readonly TrippedGuard[],
  base: string | null = null,
): Promise<void> {
  await tx.db
    .updateTable('sync_runs')
    .set({ status, counts, guards: JSON.stringify(guards), base_hash: base, finished_at: new Date() })
    .where('id', '=', runId)
    .execute();
  await endProgress(tx, runId);
  const reason = guards.map((guard) => guard.reason).join('; ');
  await record(tx, {
    action: `sync.${status}`,
    resource: { type: 'sync_run', id: runId },
    outcome: status === 'held' ? 'denied' : 'success',
    reason,
    detail: { counts },
  });
}

async function failRun(deps: RunDependencies, request: RunRequest, runId: string, error: unknown): Promise<void> {
  const isToldByFault = error instanceof Fault;
  const reason = isToldByFault ? error.toLine() : 'an unexpected error; the log has it';
  if (!isToldByFault) deps.log.error({ error, runId }, 'a sync run failed');
  await inTenant(deps.store.db, request.organizationId, request.origin, async (tx) => {
    const { numUpdatedRows } = await tx.db
      .updateTable('sync_runs')
      .set({ status: 'failed', error: reason, finished_at: new Date() })
      .where('id', '=', runId)
      .where('status', '=', 'staging')
      .executeTakeFirstOrThrow();
    if (numUpdatedRows === 0n) return;
    await dropStaged(tx, runId);
    await endProgress(tx, runId);
    await record(tx, { action: 'sync.failed', resource: { type: 'sync_run', id: runId }, outcome: 'failure', reason });
    // What is wrong on our side is nothing that the source has to be left alone for.
    const until = isToldByFault ? await countFailure(tx, request.directoryId, reason) : null;
    if (until !== null) deps.log.error({ directory: request.directoryId, until }, 'a source fails again and again');
  });
}
