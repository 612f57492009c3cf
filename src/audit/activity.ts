/** How much happened in the last day, hour by hour: for a glance, from the latest events alone. */
import { sql } from 'kysely';
import { z } from 'zod';
import type { TenantTransaction } from '../store/tenant.ts';

/** More than these are not looked at: a glance must cost little, however busy an organization is. */
const LATEST = 20_000;

export const activityAnswer = z.object({
  /** Oldest first; the last is the hour that runs. */
  hours: z.array(z.object({ from: z.date(), signIns: z.number(), changes: z.number() })),
});

/** Sign-ins and changes of the last 24 hours, at most the latest 20,000 events of them. */
export async function lastDay(tx: TenantTransaction): Promise<z.input<typeof activityAnswer>> {
  const { rows } = await sql<{ from: Date; signIns: number; changes: number }>`
    WITH hours AS (SELECT h FROM generate_series(date_trunc('hour', now()) - interval '23 hours', date_trunc('hour', now()), '1 hour') h),
    latest AS (SELECT at, action, outcome FROM audit_events ORDER BY id DESC LIMIT ${LATEST})
    SELECT h AS "from", count(*) FILTER (WHERE action = 'session.started')::int AS "signIns",
      count(*) FILTER (WHERE action <> 'session.started' AND outcome = 'success')::int AS changes
    FROM hours LEFT JOIN latest ON at >= h AND at < h + interval '1 hour' GROUP BY h ORDER BY h`.execute(tx.db);
  return { hours: rows };
}
