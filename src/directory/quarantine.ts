/**
 * A source that fails again and again is left alone by its schedule: for an hour after the third time, then twice as long each time, a
 * day at most. A person may run it whenever they like; a run that reads it ends the quarantine.
 */
import { sql } from 'kysely';
import { record } from '../audit/record.ts';
import type { TenantTransaction } from '../store/tenant.ts';

const TOLERATED = 2;
const LONGEST_HOURS = 24;

/** Counts a run that failed. @returns until when the directory is left alone, where it is */
export async function countFailure(tx: TenantTransaction, directoryId: string, reason: string): Promise<Date | null> {
  const { rows } = await sql<{ failures: number; until: Date | null }>`
    UPDATE directories SET failures = failures + 1, quarantined_until = CASE WHEN failures >= ${TOLERATED}
      THEN now() + least(${LONGEST_HOURS}, 2 ^ least(failures - ${TOLERATED}, 10)) * interval '1 hour' END
    WHERE id = ${directoryId} RETURNING failures, quarantined_until AS until`.execute(tx.db);
  const { failures = 0, until = null } = rows[0] ?? {};
  if (until === null) return null;
  await record(tx, {
    action: 'directory.quarantined',
    resource: { type: 'directory', id: directoryId },
    outcome: 'failure',
    reason,
    detail: { failures, until },
  });
  return until;
}

/** Because the source answers again, or a person says so. */
export async function endQuarantine(tx: TenantTransaction, directoryId: string, reason: string): Promise<void> {
  const { rows } = await sql<{ was: Date | null }>`
    UPDATE directories d SET failures = 0, quarantined_until = NULL FROM (SELECT id, quarantined_until AS was FROM directories) former
    WHERE d.id = ${directoryId} AND former.id = d.id AND d.failures > 0 RETURNING former.was`.execute(tx.db);
  if (rows[0]?.was == null) return;
  await record(tx, { action: 'directory.quarantine_ended', resource: { type: 'directory', id: directoryId }, reason });
}

/** Whether the schedule leaves a directory alone now. */
export async function isQuarantined(tx: TenantTransaction, directoryId: string): Promise<boolean> {
  const { rows } = await sql`SELECT FROM directories WHERE id = ${directoryId} AND quarantined_until > now()`.execute(
    tx.db,
  );
  return rows.length > 0;
}
