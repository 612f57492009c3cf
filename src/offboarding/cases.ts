/** Offboarding cases as they are read: who, why, each access that existed and how it ended, each step elsewhere with its proof. */
import { sql } from 'kysely';
import { auditing } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import { prepared } from '../store/prepared.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';

export interface CaseStep {
  readonly id: string;
  readonly kind: string;
  /** The OAuth provider's or webhook endpoint's slug, or who is told by mail. */
  readonly target: string | null;
  readonly state: string;
  readonly attempts: number;
  readonly nextAttemptAt: string | null;
  readonly lastError: string | null;
  readonly proof: Readonly<Record<string, unknown>> | null;
  readonly finishedAt: string | null;
}

export interface Case {
  readonly id: string;
  readonly userId: string;
  readonly email: string;
  readonly trigger: string;
  readonly reason: string;
  readonly runId: string | null;
  readonly ended: {
    readonly sessions: number;
    readonly grants: number;
    readonly oauthTokens: number;
    /** That they made, or that were for them. */
    readonly invitations: number;
    /** The platform's apps that were signed in to, by client_id. */
    readonly apps: readonly string[];
    readonly apiKeys: readonly { id: string; display: string; kind: string; end: string }[];
    readonly memberships: readonly { scope: string; scopeId: string; role: string; source: string }[];
  };
  /** When the reason arose; `openedAt`: when access here ended. */
  readonly triggeredAt: Date;
  readonly openedAt: Date;
  readonly closedAt: Date | null;
  /** When the person came back, if they have. */
  readonly rehiredAt: Date | null;
  /** From the trigger to the last proof from elsewhere; null while the case is open. */
  readonly totalSeconds: number | null;
  readonly steps: readonly CaseStep[];
}

const CASE = sql<Case>`
  c.id, c.user_id AS "userId", u.email, c.trigger, c.reason, c.run_id AS "runId", c.ended, c.triggered_at AS "triggeredAt",
  c.opened_at AS "openedAt",
  c.closed_at AS "closedAt", c.rehired_at AS "rehiredAt", extract(epoch FROM c.closed_at - c.triggered_at)::float8 AS "totalSeconds",
  (SELECT coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'kind', s.kind, 'target', coalesce(p.slug, w.slug, CASE s.kind WHEN 'mail' THEN 'manager or owners' END), 'state', s.state,
      'attempts', s.attempts, 'nextAttemptAt', CASE WHEN s.finished_at IS NULL THEN s.next_attempt_at END, 'lastError', s.last_error,
      'proof', s.proof, 'finishedAt', s.finished_at) ORDER BY s.kind, p.slug, w.slug, s.id), '[]')
    FROM offboarding_steps s
    LEFT JOIN oauth_tokens t ON t.id = s.oauth_token_id LEFT JOIN oauth_providers p ON p.id = coalesce(t.provider_id, s.oauth_provider_id)
    LEFT JOIN webhook_endpoints w ON w.id = s.webhook_endpoint_id
    WHERE s.case_id = c.id) AS steps
  FROM offboarding_cases c JOIN users u ON u.id = c.user_id`;

/** Cases, latest first: of one person, or all. */
export async function listCases(
  tx: TenantTransaction,
  filter: { readonly userId?: string | undefined } = {},
): Promise<Case[]> {
  const { rows } = await sql<Case>`
    SELECT ${CASE} WHERE ${filter.userId ?? null}::uuid IS NULL OR c.user_id = ${filter.userId ?? null}::uuid
    ORDER BY c.opened_at DESC, c.id LIMIT 200`.execute(tx.db);
  return rows;
}

/** One case. @throws Fault `not-found` */
export async function findCase(tx: TenantTransaction, id: string): Promise<Case> {
  const { rows } = isId(id) ? await sql<Case>`SELECT ${CASE} WHERE c.id = ${id}`.execute(tx.db) : { rows: [] };
  const [found] = rows;
  if (found === undefined) throw new Fault('not-found', 'There is no such offboarding case.', { where: 'path' });
  return found;
}

/** Closes those of the cases whose every step is proven, and audits that. */
export async function closeProven(tx: TenantTransaction, caseIds: readonly string[]): Promise<void> {
  const ids = caseIds as string[];
  // Of two last steps that finish at once, the second waits here and then sees the first one's.
  await prepared(sql`SELECT id FROM offboarding_cases WHERE id = ANY(${ids}::uuid[]) ORDER BY id FOR UPDATE`).execute(
    tx.db,
  );
  await prepared(sql`
    WITH closed AS (
      UPDATE offboarding_cases c SET closed_at = clock_timestamp() WHERE c.id = ANY(${ids}::uuid[]) AND c.closed_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM offboarding_steps s WHERE s.case_id = c.id AND s.state IN ('waiting', 'retry', 'needs_human'))
      RETURNING id, user_id)
    ${auditing(
      tx,
      sql`SELECT 'offboarding.case_closed', 'offboarding_case', id::text, 'every step is proven', jsonb_build_object('user', user_id)
        FROM closed`,
    )}`).execute(tx.db);
}

/** A case as lines for a terminal. */
export function caseLines(found: Case): string[] {
  const { ended } = found;
  const keys = ended.apiKeys.map((key) => `${key.display} (${key.kind}: ${KEY_END[key.end] ?? key.end})`);
  return [
    `${found.email} left: ${found.reason} (${found.trigger}, case ${found.id})`,
    `  ended here at ${found.openedAt.toISOString()}: ${counted(ended.sessions, 'session')}, ${counted(ended.grants, 'access token')}, ` +
      `${counted(ended.memberships.length, 'membership')}; locked: ${counted(ended.oauthTokens, 'kept OAuth token')}`,
    ...(ended.apps.length === 0 ? [] : [`  apps signed in to: ${ended.apps.join(', ')}`]),
    ...(keys.length === 0 ? [] : [`  API keys: ${keys.join(', ')}`]),
    ...found.steps.map(stepLine),
    found.closedAt === null
      ? '  open: not everything elsewhere is proven yet'
      : `  closed at ${found.closedAt.toISOString()}, ${(found.totalSeconds ?? 0).toFixed(1)} s after it began`,
  ];
}

const KEY_END: Record<string, string> = { revoke: 'revoked', keep: 'kept', 'keep-and-flag': 'kept and flagged' };

function stepLine(step: CaseStep): string {
  const tries = step.attempts === 1 ? '1 try' : `${step.attempts} tries`;
  const why = step.lastError === null ? '' : `, last error: ${step.lastError}`;
  const next = step.nextAttemptAt === null || step.state === 'needs_human' ? '' : `, next try ${step.nextAttemptAt}`;
  return `  ${step.kind} at ${step.target ?? 'a removed target'}: ${step.state} (${tries}${next}${why})`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
