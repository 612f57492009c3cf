/** The end of a review, by a person or by the clock; and the reminders before it. */
import { sql } from 'kysely';
import { organizationModel } from '../access/organization-model.ts';
import { ownerRoles } from '../access/reconcile-view.ts';
import { record } from '../audit/record.ts';
import type { Log } from '../log.ts';
import { cancelMail } from '../mail/outbox.ts';
import { dueReviews } from '../store/locate.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { holdOpen, settleUndecided } from './decide.ts';
import { nextMoment, type ReviewDependencies, remind } from './remind.ts';
import { findReview, type ShownReview } from './review.ts';
import { ownersByScope } from './start.ts';

const CLOCK: Origin = { actor: { kind: 'system', id: 'reviews', label: 'reviews' } };

/** Closes a review: what nobody decided is kept or revoked as it was set. @throws Fault `not-found`, `conflict` where it is over */
export async function closeReview(deps: ReviewDependencies, tx: TenantTransaction, id: string): Promise<ShownReview> {
  const { ifUndecided, undecided } = await findReview(tx, id, null);
  const starter = await holdOpen(tx, id);
  await settleUndecided(deps, tx, id, ifUndecided, starter);
  return end(tx, id, 'closed', { undecided, ifUndecided });
}

/** Ends a review without deciding anything more. @throws Fault `not-found`, `conflict` where it is over */
export async function cancelReview(tx: TenantTransaction, id: string): Promise<ShownReview> {
  await findReview(tx, id, null);
  await holdOpen(tx, id);
  return end(tx, id, 'cancelled', {});
}

async function end(
  tx: TenantTransaction,
  id: string,
  state: 'closed' | 'cancelled',
  detail: Readonly<Record<string, unknown>>,
): Promise<ShownReview> {
  await tx.db
    .updateTable('reviews')
    .set({ state, ended_at: sql`now()`, ended_by: tx.origin.actor.label })
    .where('id', '=', id)
    .execute();
  await cancelMail(tx, [id]);
  await record(tx, { action: `review.${state}`, resource: { type: 'review', id }, detail });
  return findReview(tx, id, null);
}

/** Ends the reviews whose time has come, and reminds the reviewers of those whose time comes soon. */
export async function sweepReviews(deps: ReviewDependencies & { readonly log: Log }): Promise<void> {
  for (const organizationId of await dueReviews(deps.store.db)) {
    const due = await inTenant(deps.store.db, organizationId, CLOCK, dueIn, 'reader');
    for (const id of due) {
      const work = (tx: TenantTransaction) => attend(deps, tx, id);
      await inTenant(deps.store.db, organizationId, CLOCK, work).catch((error: unknown) =>
        deps.log.error({ error, organizationId, review: id }, 'a review could not be attended to'),
      );
    }
  }
}

async function dueIn({ db }: TenantTransaction): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM reviews WHERE state = 'open' AND next_at <= now() ORDER BY next_at`.execute(db);
  return rows.map(({ id }) => id);
}

/** Of several instances that come at once, one does it: the others find nothing due any more. */
async function attend(deps: ReviewDependencies, tx: TenantTransaction, id: string): Promise<void> {
  const { rows } = await sql`
    SELECT 1 FROM reviews WHERE id = ${id} AND state = 'open' AND next_at <= now() FOR UPDATE SKIP LOCKED`.execute(
    tx.db,
  );
  if (rows.length === 0) return;
  const review = await findReview(tx, id, null);
  const now = new Date();
  if (review.dueAt.getTime() <= now.getTime()) {
    await closeReview(deps, tx, id);
    return;
  }
  await replaceLeavers(deps, tx, id);
  await remind(deps, tx, review);
  await tx.db
    .updateTable('reviews')
    .set({ next_at: nextMoment(review.dueAt, now) })
    .where('id', '=', id)
    .execute();
}

/** Where none of an item's reviewers is here any more, the present owners of the organization or the place are asked. */
async function replaceLeavers({ models }: ReviewDependencies, tx: TenantTransaction, id: string): Promise<void> {
  const owners = ownersByScope(ownerRoles(await organizationModel(models, tx)));
  await sql`
    WITH owners AS MATERIALIZED (${owners})
    UPDATE review_items i SET reviewers = array_remove(o.people, i.user_id) FROM owners o
    WHERE i.review_id = ${id} AND i.decision IS NULL
      AND o.scope_id = (SELECT w.scope_id FROM owners w WHERE w.scope_id IN (i.scope_id, i.workspace_id, i.organization_id)
        AND array_remove(w.people, i.user_id) <> '{}'
        ORDER BY w.scope_id = i.scope_id DESC, w.scope_id = i.workspace_id DESC LIMIT 1)
      AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = ANY(i.reviewers) AND u.status = 'active')`.execute(tx.db);
}
