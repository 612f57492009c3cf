/** Keep or revoke: what a reviewer says of items, and, at the end, what was set for those of which nobody said anything. */
import { sql } from 'kysely';
import { z } from 'zod';
import type { ActorId } from '../access/acting.ts';
import { organizationModel } from '../access/organization-model.ts';
import { auditing } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import type { ReviewDependencies } from './remind.ts';
import { type Takeable, takeAll } from './take.ts';

export const decisionInput = z
  .strictObject({
    items: z.array(z.uuid()).min(1).max(500),
    decision: z.enum(['keep', 'revoke']),
    reason: z.string().trim().max(500).default(''),
  })
  .refine(({ decision, reason }) => decision === 'keep' || reason !== '', {
    message: 'is asked for where something is revoked',
    path: ['reason'],
  });
export type DecisionInput = z.output<typeof decisionInput>;

export const decided = z.object({
  items: z.array(z.object({ id: z.uuid(), outcome: z.enum(['kept', 'revoked', 'gone', 'withheld']), why: z.string() })),
});

interface Item extends Takeable {
  readonly decision: 'keep' | 'revoke' | null;
  readonly reviewers: readonly string[];
}

/** Who decides: the reviewer's own items, or, for who administers people, anybody's. */
export interface Decider {
  readonly actor: ActorId;
  readonly mayAll: boolean;
}

/**
 * Decides on items of an open review, at once.
 * @throws Fault `not-found` for an item that is not theirs, `forbidden` for one about themselves, `conflict` where the review is over or
 * the item is revoked already
 */
export async function decide(
  deps: ReviewDependencies,
  tx: TenantTransaction,
  reviewId: string,
  decider: Decider,
  input: DecisionInput,
): Promise<z.output<typeof decided>> {
  const starter = await holdOpen(tx, reviewId);
  const items = await itemsOf(tx, reviewId, input.items);
  for (const id of input.items) requireTheirs(items.get(id), decider);
  const chosen = [...items.values()];
  const authorities = [decider.actor, starter];
  return { items: await settle(deps, tx, reviewId, chosen, input, authorities) };
}

/** Settles what nobody decided as the review has it set. @param starter whose rank counts */
export async function settleUndecided(
  deps: ReviewDependencies,
  tx: TenantTransaction,
  reviewId: string,
  decision: 'keep' | 'revoke',
  starter: ActorId,
): Promise<void> {
  const left = [...(await itemsOf(tx, reviewId, null)).values()].filter((item) => item.decision === null);
  await settle(deps, tx, reviewId, left, { decision, reason: 'nobody decided in time' }, [starter]);
}

/** Holds a review open until the transaction ends. @returns who started it @throws Fault `not-found`, `conflict` where it is over */
export async function holdOpen(tx: TenantTransaction, reviewId: string): Promise<ActorId> {
  const found = await tx.db
    .selectFrom('reviews')
    .select(['state', 'starter_id'])
    .where('id', '=', reviewId)
    .forUpdate()
    .executeTakeFirst();
  if (found === undefined) throw new Fault('not-found', 'There is no such review.', { where: 'path' });
  if (found.state !== 'open') throw new Fault('conflict', `This review is ${found.state}.`);
  return found.starter_id;
}

/** Another reviewer's item is not there for this one; nobody decides on themselves. */
function requireTheirs(item: Item | undefined, { actor, mayAll }: Decider): asserts item is Item {
  if (item === undefined || !(mayAll || item.reviewers.includes(actor ?? ''))) {
    throw new Fault('not-found', 'There is no such item for you to decide.', { where: 'items' });
  }
  if (item.userId === actor) throw new Fault('forbidden', 'Nobody decides on what they hold themselves.');
  if (item.decision === 'revoke') throw new Fault('conflict', 'What was revoked is gone; give it anew instead.');
}

async function settle(
  deps: ReviewDependencies,
  tx: TenantTransaction,
  reviewId: string,
  items: readonly Item[],
  { decision, reason }: Pick<DecisionInput, 'decision' | 'reason'>,
  authorities: readonly ActorId[],
): Promise<z.output<typeof decided>['items']> {
  const model = await organizationModel(deps.models, tx);
  const settled =
    decision === 'keep'
      ? items.map(({ id }) => ({ id, outcome: 'kept' as const, why: '' }))
      : await takeAll(deps, tx, model, items, authorities, reason);
  await sql`
    WITH settled AS (
      UPDATE review_items i SET decision = ${decision}, decided_by = ${tx.origin.actor.label}, decided_at = now(),
        decision_reason = ${reason}, outcome = s.outcome, outcome_reason = s.why
      FROM jsonb_to_recordset(${JSON.stringify(settled)}::jsonb) AS s(id uuid, outcome text, why text)
      WHERE i.review_id = ${reviewId} AND i.id = s.id RETURNING i.*
    )
    ${auditing(
      tx,
      sql`SELECT 'review.decided', 'review_item', id::text, decision_reason, jsonb_build_object('review', review_id, 'user', user_id,
        'place', place, 'role', role, 'decision', decision, 'came to', outcome, 'why', outcome_reason) FROM settled`,
    )}`.execute(tx.db);
  return settled;
}

async function itemsOf(
  tx: TenantTransaction,
  reviewId: string,
  ids: readonly string[] | null,
): Promise<Map<string, Item>> {
  const { rows } = await sql<Item>`
    SELECT i.id, i.membership_id AS "membershipId", i.user_id AS "userId", i.role, i.source, i.decision, i.reviewers,
      jsonb_build_object('kind', i.scope_kind, 'id', i.scope_id, 'workspaceId', i.workspace_id, 'productId', i.product_id) AS place
    FROM review_items i WHERE i.review_id = ${reviewId} AND (${ids === null}::boolean OR i.id = ANY(${(ids ?? []) as string[]}::uuid[]))
    ORDER BY i.scope_id, i.id`.execute(tx.db);
  return new Map(rows.map((row) => [row.id, row]));
}
