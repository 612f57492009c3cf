/** What an auditor samples from: every case of a period, the slowest first, with the measured times. */
import { sql } from 'kysely';
import { z } from 'zod';
import { csvLine } from '../audit/csv.ts';
import type { TenantTransaction } from '../store/tenant.ts';

const time = z.iso.datetime({ offset: true });
export const period = z.object({ from: time, to: time });

export interface PeriodCase {
  readonly case: string;
  readonly person: string;
  readonly trigger: string;
  readonly reason: string;
  readonly triggeredAt: string;
  readonly accessEndedAt: string;
  readonly closedAt: string | null;
  readonly secondsToAccessEnd: number;
  readonly secondsToLastProof: number | null;
  readonly steps: number;
  readonly unproven: number;
  readonly needsHuman: number;
}

export interface PeriodEvidence {
  readonly kind: 'offboarding-period';
  readonly issuer: string;
  readonly organization: { readonly id: string; readonly slug: string; readonly name: string };
  readonly madeAt: string;
  readonly from: string;
  readonly to: string;
  readonly summary: {
    readonly cases: number;
    readonly open: number;
    /** Of the closed ones, in seconds from the trigger to the last proof. */
    readonly median: number | null;
    readonly percentile95: number | null;
    readonly slowest: number | null;
  };
  readonly cases: readonly PeriodCase[];
}

const MOST = 20_000;

/** Reads the cases that were opened in a period. */
export async function periodEvidence(
  tx: TenantTransaction,
  issuer: string,
  { from, to }: z.output<typeof period>,
): Promise<PeriodEvidence> {
  const { rows } = await sql<PeriodCase>`
    SELECT c.id AS case, u.email AS person, c.trigger, c.reason, c.triggered_at AS "triggeredAt", c.opened_at AS "accessEndedAt",
      c.closed_at AS "closedAt", extract(epoch FROM c.opened_at - c.triggered_at)::float8 AS "secondsToAccessEnd",
      extract(epoch FROM c.closed_at - c.triggered_at)::float8 AS "secondsToLastProof",
      count(s.id)::int AS steps, count(s.id) FILTER (WHERE s.finished_at IS NULL)::int AS unproven,
      count(s.id) FILTER (WHERE s.state = 'needs_human')::int AS "needsHuman"
    FROM offboarding_cases c JOIN users u ON u.id = c.user_id LEFT JOIN offboarding_steps s ON s.case_id = c.id
    WHERE c.opened_at >= ${from}::timestamptz AND c.opened_at < ${to}::timestamptz
    GROUP BY c.organization_id, c.id, u.email
    ORDER BY (c.closed_at IS NULL) DESC, c.closed_at - c.triggered_at DESC, c.triggered_at, c.id LIMIT ${MOST}`.execute(
    tx.db,
  );
  const organization = await tx.db.selectFrom('organizations').select(['id', 'slug', 'name']).executeTakeFirstOrThrow();
  const read = {
    kind: 'offboarding-period',
    issuer,
    organization,
    madeAt: new Date(),
    from,
    to,
    summary: summaryOf(rows),
    cases: rows,
  };
  return JSON.parse(JSON.stringify(read)) as PeriodEvidence;
}

function summaryOf(cases: readonly PeriodCase[]): PeriodEvidence['summary'] {
  const closed = cases.flatMap(({ secondsToLastProof: took }) => (took === null ? [] : [took])).sort((a, b) => a - b);
  const at = (share: number) => closed[Math.min(closed.length - 1, Math.floor(closed.length * share))] ?? null;
  return {
    cases: cases.length,
    open: cases.length - closed.length,
    median: at(0.5),
    percentile95: at(0.95),
    slowest: at(1),
  };
}

const COLUMNS = [
  ...(['case', 'person', 'trigger', 'reason', 'triggeredAt', 'accessEndedAt', 'closedAt'] as const),
  ...(['secondsToAccessEnd', 'secondsToLastProof', 'steps', 'unproven', 'needsHuman'] as const),
] satisfies readonly (keyof PeriodCase)[];

/** The cases as CSV that a spreadsheet reads as text and numbers. */
export function periodCsv({ cases }: PeriodEvidence): string {
  return [csvLine(COLUMNS), ...cases.map((each) => csvLine(COLUMNS.map((column) => each[column])))].join('');
}
