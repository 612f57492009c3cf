/** What a review is, as it is shown. */
import { sql } from 'kysely';
import { z } from 'zod';
import { Fault } from '../errors.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';

const STATES = ['open', 'closed', 'cancelled'] as const;

export const shownReview = z.object({
  id: z.uuid(),
  name: z.string(),
  /** What was asked for: `scope`, `roles`, and who reviews. */
  subject: z.record(z.string(), z.unknown()),
  ifUndecided: z.enum(['keep', 'revoke']),
  dueAt: z.date(),
  state: z.enum(STATES),
  startedBy: z.string(),
  startedAt: z.date(),
  endedBy: z.string().nullable(),
  endedAt: z.date().nullable(),
  items: z.number(),
  undecided: z.number(),
  revoked: z.number(),
  withheld: z.number(),
});
export type ShownReview = z.output<typeof shownReview>;

export const shownItem = z.object({
  id: z.uuid(),
  userId: z.uuid(),
  email: z.string(),
  scope: z.string(),
  place: z.string(),
  role: z.string(),
  source: z.string(),
  grantedBy: z.string(),
  grantedReason: z.string(),
  grantedAt: z.date(),
  expiresAt: z.date().nullable(),
  /** Ids of who may decide; where it is nobody, whoever administers people. */
  reviewers: z.array(z.uuid()),
  decision: z.enum(['keep', 'revoke']).nullable(),
  decidedBy: z.string().nullable(),
  decidedAt: z.date().nullable(),
  decisionReason: z.string().nullable(),
  /** `gone`: there was nothing left to take; `withheld`: it may not be taken. */
  outcome: z.enum(['kept', 'revoked', 'gone', 'withheld']).nullable(),
  outcomeReason: z.string().nullable(),
});
export type ShownItem = z.output<typeof shownItem>;

export const reviewQuery = z.object({ state: z.enum(STATES).optional() });

export const itemQuery = z.object({
  undecided: z.stringbool().default(false),
  /** `next` of the page before. */
  cursor: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});

const REVIEW = sql`
  r.id, r.name, r.subject, r.if_undecided AS "ifUndecided", r.due_at AS "dueAt", r.state, r.started_by AS "startedBy",
  r.started_at AS "startedAt", r.ended_by AS "endedBy", r.ended_at AS "endedAt", c.items, c.undecided, c.revoked, c.withheld
  FROM reviews r CROSS JOIN LATERAL (
    SELECT count(*)::int AS items, count(*) FILTER (WHERE i.decision IS NULL)::int AS undecided,
      count(*) FILTER (WHERE i.outcome = 'revoked')::int AS revoked, count(*) FILTER (WHERE i.outcome = 'withheld')::int AS withheld
    FROM review_items i WHERE i.review_id = r.id) c`;

const ITEM = sql`
  i.id, i.user_id AS "userId", i.email, i.scope_kind AS scope, i.place, i.role, i.source, i.granted_by AS "grantedBy",
  i.granted_reason AS "grantedReason", i.granted_at AS "grantedAt", i.expires_at AS "expiresAt", i.reviewers, i.decision,
  i.decided_by AS "decidedBy", i.decided_at AS "decidedAt", i.decision_reason AS "decisionReason", i.outcome,
  i.outcome_reason AS "outcomeReason"`;

/** Reviews, latest first. @param reviewer only those with items of theirs; null: all */
export async function listReviews(
  tx: TenantTransaction,
  { state }: z.output<typeof reviewQuery>,
  reviewer: string | null,
): Promise<ShownReview[]> {
  const { rows } = await sql<ShownReview>`
    SELECT ${REVIEW} WHERE (${state ?? null}::text IS NULL OR r.state = ${state ?? null})
      AND (${reviewer}::uuid IS NULL
        OR EXISTS (SELECT 1 FROM review_items o WHERE o.review_id = r.id AND ${reviewer}::uuid = ANY(o.reviewers)))
    ORDER BY r.started_at DESC, r.id LIMIT 500`.execute(tx.db);
  return rows;
}

/** One review. @param reviewer as of `listReviews` @throws Fault `not-found` */
export async function findReview(tx: TenantTransaction, id: string, reviewer: string | null): Promise<ShownReview> {
  const { rows } = isId(id)
    ? await sql<ShownReview>`
        SELECT ${REVIEW} WHERE r.id = ${id} AND (${reviewer}::uuid IS NULL
          OR EXISTS (SELECT 1 FROM review_items o WHERE o.review_id = r.id AND ${reviewer}::uuid = ANY(o.reviewers)))`.execute(
        tx.db,
      )
    : { rows: [] };
  const [found] = rows;
  if (found === undefined) throw new Fault('not-found', 'There is no such review.', { where: 'path' });
  return found;
}

/** A page of a review's items, by id. @param reviewer only theirs; null: all */
export async function listItems(
  tx: TenantTransaction,
  reviewId: string,
  { undecided, cursor, limit }: z.output<typeof itemQuery>,
  reviewer: string | null,
): Promise<{ items: ShownItem[]; next: string | null }> {
  const { rows } = await sql<ShownItem>`
    SELECT ${ITEM} FROM review_items i WHERE i.review_id = ${reviewId} AND (NOT ${undecided}::boolean OR i.decision IS NULL)
      AND (${reviewer}::uuid IS NULL OR ${reviewer}::uuid = ANY(i.reviewers))
      AND (${cursor ?? null}::uuid IS NULL OR i.id > ${cursor ?? null}::uuid)
    ORDER BY i.id LIMIT ${limit + 1}`.execute(tx.db);
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}
