/**
 * Claims due steps. A claim is a lease in the row itself: whoever claims moves the next try into the near future and counts the
 * attempt; a process that is killed meanwhile leaves a step that comes due again by itself.
 */
import { sql } from 'kysely';
import type { SealedSecrets } from '../signals/webhook-secret.ts';
import type { Json } from '../store/tables.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import type { StepKind } from './next-step.ts';
import type { RevokerKindName } from './revokers/open.ts';
import type { PersonToEnd } from './revokers/revoker.ts';

/** Longer than any executor may take, in seconds. */
export const LEASE_SECONDS = 30;

/** A step `s` that is not finished; said without its state, so that it is looked up by its key and not among all that are due. */
export const UNFINISHED = sql`s.finished_at IS NULL AND s.state <> 'needs_human'`;

export interface ClaimedStep {
  readonly id: string;
  readonly caseId: string;
  readonly kind: StepKind;
  readonly attempts: number;
  readonly user: { readonly id: string; readonly email: string; readonly displayName: string };
  readonly openedAt: string;
  readonly reason: string;
  readonly trigger: string;
  readonly ended: Readonly<Record<string, unknown>>;
  /** As providers know them. */
  readonly person: PersonToEnd;
  readonly provider: {
    readonly id: string;
    readonly revoker: RevokerKindName;
    readonly sealed_secrets: string | null;
    readonly config: Json;
  } | null;
  /** Null where not one token is to end, but whatever the person has at the provider. */
  readonly token: {
    readonly id: string;
    readonly user_id: string;
    readonly sealed_token: string | null;
    readonly token_kind: 'access_token' | 'refresh_token';
  } | null;
  readonly webhook: (SealedSecrets & { readonly id: string; readonly url: string }) | null;
}

/** Where steps of this organization are due: providers and endpoints. */
export async function dueTargets({ db }: TenantTransaction): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    SELECT DISTINCT target_id AS id FROM offboarding_steps WHERE state IN ('waiting', 'retry') AND next_attempt_at <= now()`.execute(
    db,
  );
  return rows.map(({ id }) => id);
}

/** Nobody answers there: what is due waits a little, each for another while, and without a try being counted. */
export async function postpone({ db }: TenantTransaction, targetId: string): Promise<void> {
  await sql`
    UPDATE offboarding_steps SET next_attempt_at = now() + (30 + 30 * random()) * interval '1 second'
    WHERE target_id = ${targetId} AND state IN ('waiting', 'retry') AND next_attempt_at <= now()`.execute(db);
}

/**
 * Claims up to `limit` due steps at a target, those that wait longest first. In the index's own order and no finer: the steps of ten
 * thousand leavers are due at the same instant, and would all be sorted for each claim.
 */
export async function claimDueSteps(tx: TenantTransaction, targetId: string, limit: number): Promise<ClaimedStep[]> {
  const { rows } = await sql<ClaimedStep>`
    WITH due AS (
      SELECT case_id, id FROM offboarding_steps WHERE target_id = ${targetId} AND state IN ('waiting', 'retry') AND next_attempt_at <= now()
      ORDER BY next_attempt_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
    ), claimed AS (
      UPDATE offboarding_steps s SET attempts = s.attempts + 1, next_attempt_at = now() + ${LEASE_SECONDS} * interval '1 second'
      FROM due WHERE s.case_id = due.case_id AND s.id = due.id RETURNING s.*
    )
    SELECT s.id, s.case_id AS "caseId", s.kind, s.attempts, c.opened_at AS "openedAt", c.reason, c.trigger, c.ended,
      jsonb_build_object('id', u.id, 'email', u.email, 'displayName', u.display_name) AS user,
      jsonb_build_object('id', u.id, 'email', u.email, 'externalId', (SELECT f.external_id FROM directory_users f
        JOIN directories d ON d.id = f.directory_id AND d.slug = p.config->>'directory' WHERE f.user_id = u.id
        ORDER BY f.deleted_at DESC NULLS FIRST LIMIT 1)) AS person,
      CASE WHEN p.id IS NOT NULL THEN to_jsonb(p) END AS provider, CASE WHEN t.id IS NOT NULL THEN to_jsonb(t) END AS token,
      CASE WHEN w.id IS NOT NULL THEN to_jsonb(w) END AS webhook
    FROM claimed s
    JOIN offboarding_cases c ON c.id = s.case_id JOIN users u ON u.id = c.user_id
    LEFT JOIN oauth_tokens t ON t.id = s.oauth_token_id LEFT JOIN oauth_providers p ON p.id = coalesce(t.provider_id, s.oauth_provider_id)
    LEFT JOIN webhook_endpoints w ON w.id = s.webhook_endpoint_id`.execute(tx.db);
  return rows;
}

/** Gives back what was claimed and not begun: it is due again, and the try isn't counted. */
export async function giveBack({ db }: TenantTransaction, steps: readonly ClaimedStep[]): Promise<void> {
  const given = JSON.stringify(steps.map(({ caseId, id, attempts }) => ({ case_id: caseId, id, attempts })));
  await sql`
    UPDATE offboarding_steps s SET attempts = s.attempts - 1, next_attempt_at = now()
    FROM jsonb_to_recordset(${given}::jsonb) AS g(case_id uuid, id uuid, attempts int)
    WHERE s.case_id = g.case_id AND s.id = g.id AND s.attempts = g.attempts AND s.case_id = ANY(${steps.map(({ caseId }) => caseId)}::uuid[])
      AND ${UNFINISHED}`.execute(db);
}

/** When this organization's next unfinished step comes due; null where none waits. */
export async function nextDue(tx: TenantTransaction): Promise<Date | null> {
  const row = await tx.db
    .selectFrom('offboarding_steps')
    .select((select) => select.fn.min('next_attempt_at').as('at'))
    .where('state', 'in', ['waiting', 'retry'])
    .executeTakeFirst();
  return row?.at ?? null;
}
