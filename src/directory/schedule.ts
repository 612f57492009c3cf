/** When pulled directories run by themselves: by their schedule, after an interruption, and on the day somebody starts or ends. */
import { type Selectable, sql } from 'kysely';
import { Fault } from '../errors.ts';
import { locateOrganizations } from '../store/locate.ts';
import type { DirectoryRow } from '../store/tables.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { isQuarantined } from './quarantine.ts';
import { reconcilePeople } from './reconcile/people.ts';
import { PRESENT } from './reconcile/present.ts';
import { endEarlierRuns, type RunDependencies, runDirectory } from './reconcile/run.ts';
import { nextDue } from './timetable.ts';

const CLOCK: Origin = { actor: { kind: 'system', id: 'clock', label: 'clock' } };

/**
 * Puts the runs that are due into the queue, each once whichever instance looks first. Of those that were missed while no server was there,
 * a directory has one made up for; where its source is left alone for having failed, as soon as that is over.
 */
export async function enqueueDueRuns(deps: RunDependencies, now = new Date()): Promise<void> {
  for (const organizationId of await locateOrganizations(deps.store.db)) {
    await inTenant(deps.store.db, organizationId, CLOCK, async (tx) => {
      for (const { id, due } of await scheduled(tx)) {
        if (due > now || !(await claim(tx, id, due, now))) continue;
        await deps.jobs.enqueue('sync.run', { organizationId, id }, { transaction: tx.db });
      }
    });
  }
}

async function scheduled({ db }: TenantTransaction): Promise<{ id: string; due: Date }[]> {
  const rows = await db.selectFrom('directories').selectAll().where('schedule', 'is not', null).execute();
  return rows.flatMap((row) => {
    const due = nextRunAt(row);
    return due === null ? [] : [{ id: row.id, due }];
  });
}

async function claim({ db }: TenantTransaction, id: string, due: Date, now: Date): Promise<boolean> {
  const claimed = await db
    .updateTable('directories')
    .set({ scheduled_from: now })
    .where('id', '=', id)
    .where('scheduled_from', '<', due)
    .returning('id')
    .executeTakeFirst();
  return claimed !== undefined;
}

/** When a directory runs next by itself; null where it has no schedule. */
export function nextRunAt(directory: Pick<Selectable<DirectoryRow>, ScheduleColumn>): Date | null {
  const { id, schedule, time_zone: timeZone, spread_minutes: spreadMinutes, scheduled_from: from } = directory;
  if (schedule === null) return null;
  const due = nextDue({ directoryId: id, schedule, timeZone, spreadMinutes, from });
  const { quarantined_until: quarantine } = directory;
  return quarantine !== null && quarantine > due ? quarantine : due;
}

type ScheduleColumn = 'id' | 'schedule' | 'time_zone' | 'spread_minutes' | 'scheduled_from' | 'quarantined_until';

/** So that others go on where a source keeps its run waiting. */
const RUNS_AT_ONCE = 4;

/** Takes runs from the queue. */
export async function startSyncWorker(deps: RunDependencies): Promise<void> {
  await deps.jobs.work(
    'sync.run',
    async ({ organizationId, id }) => {
      try {
        if (await inTenant(deps.store.db, organizationId, CLOCK, (tx) => isQuarantined(tx, id), 'reader')) return;
        await runDirectory(deps, { organizationId, directoryId: id, origin: CLOCK, trigger: 'schedule', mode: 'run' });
      } catch (error) {
        // A bad feed stays bad however often it is read, and a run under way is what was wanted; both are told elsewhere.
        if (error instanceof Fault && error.code !== 'unavailable') deps.log.warn({ directory: id }, error.toLine());
        else throw error;
      }
    },
    RUNS_AT_ONCE,
  );
}

/**
 * Starts anew the runs whose runner was killed: they still stage, but nobody holds their lock. One that was only to be looked at ends: whoever
 * wanted to look is gone, and nobody has asked for more.
 */
export async function resumeInterrupted(deps: RunDependencies): Promise<void> {
  for (const organizationId of await locateOrganizations(deps.store.db)) {
    const rows = await inTenant(deps.store.db, organizationId, CLOCK, async (tx) => {
      const found = await sql<{ directoryId: string; mode: 'plan' | 'run' }>`
        SELECT DISTINCT r.directory_id AS "directoryId", r.mode FROM sync_runs r
        WHERE r.status = 'staging' AND r.directory_id IS NOT NULL
          AND pg_try_advisory_xact_lock(hashtextextended('runner ' || r.directory_id, 0))`.execute(tx.db);
      for (const { directoryId, mode } of found.rows) if (mode === 'plan') await endEarlierRuns(tx, directoryId);
      return found.rows.filter(({ mode }) => mode === 'run');
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
