/** What has run, what waits, and what a plan says: for the API, the command line and the console. */
import { sql } from 'kysely';
import { Fault } from '../errors.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';
import type { ChangeKind } from './reconcile/changes.ts';

export interface RunSummary {
  readonly id: string;
  readonly directory: string | null;
  readonly trigger: string;
  readonly status: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly guards: readonly { guard: string; reason: string }[];
  readonly error: string | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  /** Only while it runs. */
  readonly progress: RunProgress | null;
}

export interface RunProgress {
  readonly phase: 'reading' | 'planning' | 'applying';
  /** When this phase began. */
  readonly since: string;
  /** People read so far, and how many there were last time. */
  readonly records: number;
  readonly expected: number;
}

export interface PlannedChange {
  readonly kind: ChangeKind;
  readonly userId: string | null;
  readonly email: string | null;
  readonly scope: string | null;
  readonly role: string | null;
  readonly oldRole: string | null;
  readonly rule: string | null;
  readonly reason: string;
}

const SUMMARY = sql<RunSummary>`
  r.id, d.slug AS directory, r.trigger, r.status, r.counts, r.guards, r.error, r.started_at AS "startedAt", r.finished_at AS "finishedAt",
  (SELECT jsonb_build_object('phase', p.phase, 'since', p.since, 'records', p.records, 'expected', p.expected)
    FROM sync_progress p WHERE p.run_id = r.id AND r.status = 'staging') AS progress`;
const RUNS = sql`sync_runs r LEFT JOIN directories d ON d.id = r.directory_id`;

export interface RunFilter {
  readonly directoryId?: string | undefined;
  readonly status?: string | undefined;
  readonly limit?: number | undefined;
  /** The id of the last run of the page before. */
  readonly after?: string | undefined;
}

/** A page of runs, of one directory or all; newest first. `next` is what the next page comes after. */
export async function listRuns(
  tx: TenantTransaction,
  { directoryId = '', status = '', limit = 50, after }: RunFilter,
): Promise<{ runs: RunSummary[]; next: string | null }> {
  if (after !== undefined) await findRun(tx, after);
  const { rows } = await sql<RunSummary>`
    SELECT ${SUMMARY} FROM ${RUNS}
    WHERE ${directoryId === '' ? sql`true` : sql`r.directory_id = ${directoryId}::uuid`}
      AND ${status === '' ? sql`true` : sql`r.status = ${status}`}
      AND ${after === undefined ? sql`true` : sql`(r.started_at, r.id) < (SELECT started_at, id FROM sync_runs WHERE id = ${after})`}
    ORDER BY r.started_at DESC, r.id DESC LIMIT ${limit + 1}`.execute(tx.db);
  const runs = rows.slice(0, limit);
  return { runs, next: rows.length > limit ? (runs.at(-1)?.id ?? null) : null };
}

/** The latest run of each directory that has had one, or of one directory. */
export async function lastRuns(tx: TenantTransaction, directoryId?: string): Promise<RunSummary[]> {
  const { rows } = await sql<RunSummary>`
    SELECT ${SUMMARY} FROM directories d
    CROSS JOIN LATERAL (SELECT * FROM sync_runs WHERE directory_id = d.id ORDER BY started_at DESC LIMIT 1) r
    WHERE ${directoryId === undefined ? sql`true` : sql`d.id = ${directoryId}`}`.execute(tx.db);
  return rows;
}

/** One run. @throws Fault `not-found` */
export async function findRun(tx: TenantTransaction, runId: string): Promise<RunSummary> {
  const { rows } = isId(runId)
    ? await sql<RunSummary>`SELECT ${SUMMARY} FROM ${RUNS} WHERE r.id = ${runId}`.execute(tx.db)
    : { rows: [] };
  if (rows[0] === undefined) throw new Fault('not-found', `There is no run "${runId}".`);
  return rows[0];
}

/** A page of a run's plan, in the order in which it reads best: people first, then memberships. */
export async function listChanges(
  tx: TenantTransaction,
  runId: string,
  page: { after?: number | undefined; limit?: number | undefined; kind?: string | undefined } = {},
): Promise<{ changes: PlannedChange[]; next: number | null }> {
  const limit = page.limit ?? 200;
  const { rows } = await sql<PlannedChange & { seq: number }>`
    SELECT c.seq, c.kind, c.user_id AS "userId", coalesce(c.email, made.email) AS email,
      CASE c.scope_kind WHEN 'organization' THEN 'organization' WHEN 'workspace' THEN w.slug WHEN 'product' THEN w.slug || '/' || p.slug
        END AS scope, c.role, c.old_role AS "oldRole", m.slug AS rule, c.reason
    FROM sync_changes c
    LEFT JOIN workspaces w ON w.id = c.workspace_id
    LEFT JOIN products p ON p.id = c.product_id
    LEFT JOIN mapping_rules m ON m.id = c.rule_id
    LEFT JOIN sync_changes made ON made.run_id = c.run_id AND made.kind = 'user.create' AND made.user_id = c.user_id
    WHERE c.run_id = ${runId} AND c.seq > ${page.after ?? 0} AND (${page.kind ?? null}::text IS NULL OR c.kind = ${page.kind ?? null})
    ORDER BY c.seq LIMIT ${limit + 1}`.execute(tx.db);
  const changes = rows.slice(0, limit);
  const next = rows.length > limit ? (changes.at(-1)?.seq ?? null) : null;
  return { changes: changes.map(({ seq: _, ...change }) => change), next };
}
