/** When pulled directories run by themselves: by their schedule, after an interruption, and on the day somebody starts or ends. */
import { sql } from 'kysely';
import { Fault } from '../errors.ts';
import type { ScheduledWork } from '../jobs/clock.ts';
import type { JobQueue } from '../jobs/queue.ts';
import { locateOrganizations } from '../store/locate.ts';
import { inTenant, type Origin } from '../store/tenant.ts';
import { isQuarantined } from './quarantine.ts';
import { reconcilePeople } from './reconcile/people.ts';
import { PRESENT } from './reconcile/present.ts';
import { type RunDependencies, runDirectory } from './reconcile/run.ts';

const CLOCK: Origin = { actor: { kind: 'system', id: 'clock', label: 'clock' } };

/** Every scheduled directory; `id` is `<organization> <directory>`. */
export async function scheduledDirectories(deps: RunDependencies): Promise<ScheduledWork[]> {
  const found: ScheduledWork[] = [];
  for (const organizationId of await locateOrganizations(deps.store.db)) {
    const rows = await inTenant(deps.store.db, organizationId, CLOCK, (tx) =>
      tx.db
        .selectFrom('directories')
        .select(['id', 'schedule', 'time_zone'])
        .where('schedule', 'is not', null)
        .execute(),
    );
    for (const row of rows) {
      found.push({ id: `${organizationId} ${row.id}`, schedule: row.schedule ?? '', timeZone: row.time_zone });
    }
  }
  return found;
}

/** Puts a due run into the queue, under the key of its minute: of all instances that tick, one runs it. */
export async function enqueueDue(jobs: JobQueue, work: ScheduledWork, minute: Date): Promise<void> {
  const [organizationId = '', id = ''] = work.id.split(' ');
  const singletonKey = `${id} ${minute.toISOString().slice(0, 16)}`;
  await jobs.enqueue('sync.run', { organizationId, id }, { singletonKey, singletonSeconds: 60 });
}

/** Takes runs from the queue. */
export async function startSyncWorker(deps: RunDependencies): Promise<void> {
  await deps.jobs.work('sync.run', async ({ organizationId, id }) => {
    try {
      if (await inTenant(deps.store.db, organizationId, CLOCK, (tx) => isQuarantined(tx, id), 'reader')) return;
      await runDirectory(deps, { organizationId, directoryId: id, origin: CLOCK, trigger: 'schedule', mode: 'run' });
    } catch (error) {
      // A bad feed stays bad however often it is read, and a run under way is what was wanted; both are told elsewhere.
      if (error instanceof Fault && error.code !== 'unavailable') deps.log.warn({ directory: id }, error.toLine());
      else throw error;
    }
  });
}

/** Starts anew the runs whose runner was killed: they still stage, but nobody holds their lock. */
export async function resumeInterrupted(deps: RunDependencies): Promise<void> {
  for (const organizationId of await locateOrganizations(deps.store.db)) {
    const rows = await inTenant(deps.store.db, organizationId, CLOCK, async ({ db }) => {
      const found = await sql<{ directoryId: string }>`
        SELECT DISTINCT r.directory_id AS "directoryId" FROM sync_runs r
        WHERE r.status = 'staging' AND r.directory_id IS NOT NULL
          AND pg_try_advisory_xact_lock(hashtextextended('runner ' || r.directory_id, 0))`.execute(db);
      return found.rows;
    });
    for (const { directoryId } of rows) {
      await deps.jobs.enqueue(
        'sync.run',
        { organizationId, id: directoryId },
        { singletonKey: `resume ${directoryId}`, singletonSeconds: 60 },
      );
    }
  }
}

/** Settles everybody whose first or last day, or the end of whose grace, has come since their record was last looked at. */
export async function settleDates(deps: RunDependencies): Promise<void> {
  for (const organizationId of await locateOrganizations(deps.store.db)) {
    await inTenant(deps.store.db, organizationId, CLOCK, async (tx) => {
      const { rows } = await sql<{ id: string }>`
        SELECT d.id FROM directory_users d JOIN directories ON directories.id = d.directory_id AND directories.decides_lifecycle
        WHERE d.active AND d.deleted_at IS NULL AND (
          (least(d.ends_at, d.leaves_at) <= now() AND d.reconciled_present IS DISTINCT FROM false)
          OR (d.starts_at <= now() AND ${PRESENT} AND d.reconciled_present IS DISTINCT FROM true))
        LIMIT 1000`.execute(tx.db);
      if (rows.length > 0) {
        await reconcilePeople(deps, tx, { directoryUserIds: rows.map((row) => row.id) }, 'date');
      }
    });
  }
}
