/** A review begins: its items are the memberships as they are, its reviewers the owners of each place or named people. */
import { type RawBuilder, sql } from 'kysely';
import { z } from 'zod';
import type { ActorId } from '../access/acting.ts';
import type { Models } from '../access/model-file.ts';
import { organizationModel } from '../access/organization-model.ts';
import { findPerson, personInput } from '../access/people.ts';
import { ownerRoles } from '../access/reconcile-view.ts';
import { type Place, placeOf, scopeInput } from '../access/scope.ts';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { nextMoment, type ReviewDependencies, remind } from './remind.ts';
import { findReview, type ShownReview } from './review.ts';

export const reviewInput = z.strictObject({
  name: z.string().trim().min(1).max(200),
  /** With all that is in it; left out: the whole organization. */
  scope: scopeInput.default('organization'),
  /** Left out: every role. */
  roles: z.array(z.string().min(1).max(100)).min(1).max(100).optional(),
  /** The owners of each place, or these people. */
  reviewers: z.union([z.literal('owners'), z.array(personInput).min(1).max(50)]).default('owners'),
  dueAt: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text))
    .refine((time) => time.getTime() > Date.now(), 'is in the past'),
  /** What becomes of what nobody has decided in time. */
  ifUndecided: z.enum(['keep', 'revoke']).default('keep'),
});
export type ReviewInput = z.output<typeof reviewInput>;

/** Starts one and tells its reviewers. @throws Fault `not-found`, `invalid-input` where there is nothing to review */
export async function startReview(
  deps: ReviewDependencies,
  tx: TenantTransaction,
  actor: ActorId,
  input: ReviewInput,
): Promise<ShownReview> {
  const place = await placeOf(tx, input.scope);
  const reviewers = await reviewersOf(deps.models, tx, input);
  const { name, dueAt, ifUndecided, scope, roles } = input;
  const { rows } = await sql<{ id: string; items: number }>`
    WITH review AS (
      INSERT INTO reviews (organization_id, name, subject, if_undecided, due_at, next_at, starter_id, started_by)
      VALUES (${tx.organizationId}, ${name}, ${JSON.stringify({ scope, roles: roles ?? null, reviewers: reviewers.shown })}::jsonb,
        ${ifUndecided}, ${dueAt}, ${nextMoment(dueAt, new Date())}, ${actor}, ${tx.origin.actor.label}) RETURNING id
    ), owners AS MATERIALIZED (${reviewers.owners}), items AS (
      INSERT INTO review_items (organization_id, review_id, membership_id, user_id, email, scope_kind, workspace_id, product_id, scope_id,
        place, role, source, granted_by, granted_reason, granted_at, expires_at, reviewers)
      SELECT m.organization_id, review.id, m.id, u.id, u.email, m.scope_kind, m.workspace_id, m.product_id, m.scope_id,
        concat_ws('/', w.slug, p.slug), m.role, m.source, m.granted_by, m.reason, m.created_at, m.expires_at, ${reviewers.ofItem}
      FROM review, memberships m JOIN users u ON u.id = m.user_id AND u.status <> 'deprovisioned'
      LEFT JOIN workspaces w ON w.id = m.workspace_id LEFT JOIN products p ON p.id = m.product_id
      LEFT JOIN owners here ON here.scope_id = m.scope_id
      LEFT JOIN owners around ON around.scope_id = m.workspace_id
      LEFT JOIN owners above ON above.scope_id = m.organization_id
      WHERE m.scope_kind <> 'platform' AND coalesce(m.expires_at > now(), true) AND ${isWithin(place)}
        AND ${roles === undefined ? sql`true` : sql`m.role = ANY(${roles}::text[])`}
      RETURNING id
    ) SELECT review.id, (SELECT count(*)::int FROM items) AS items FROM review`.execute(tx.db);
  const [made] = rows;
  if (made === undefined || made.items === 0) {
    throw new Fault('invalid-input', 'Nobody holds what this review asks for.', { where: 'scope' });
  }
  const resource = { type: 'review', id: made.id };
  const detail = { scope, roles: roles ?? null, items: made.items, dueAt, ifUndecided };
  await record(tx, { action: 'review.started', resource, reason: name, detail });
  const review = await findReview(tx, made.id, null);
  await remind(deps, tx, review);
  return review;
}

interface Reviewers {
  /** `owners`, or ids: an address would outlive its person's erasure. */
  readonly shown: 'owners' | readonly string[];
  /** `scope_id, people` of the owners of each place; none where people are named. */
  readonly owners: RawBuilder<unknown>;
  /** The reviewers of an item of the membership `m`. */
  readonly ofItem: RawBuilder<unknown>;
}

async function reviewersOf(models: Models, tx: TenantTransaction, { reviewers }: ReviewInput): Promise<Reviewers> {
  if (reviewers === 'owners') {
    const owners = ownersByScope(ownerRoles(await organizationModel(models, tx)));
    const others = (of: 'here' | 'around' | 'above') =>
      sql`nullif(array_remove(coalesce(${sql.ref(`${of}.people`)}, '{}'), m.user_id), '{}')`;
    return {
      shown: 'owners',
      owners,
      ofItem: sql`coalesce(${others('here')}, ${others('around')}, ${others('above')}, '{}')`,
    };
  }
  const ids: string[] = [];
  for (const each of reviewers) ids.push((await findPerson(tx, each)).id);
  return {
    shown: ids,
    owners: sql`SELECT NULL::uuid AS scope_id, '{}'::uuid[] AS people WHERE false`,
    ofItem: sql`array_remove(${ids}::uuid[], m.user_id)`,
  };
}

/** Who owns each place now. */
export function ownersByScope(roles: readonly string[]): RawBuilder<unknown> {
  return sql`
    SELECT o.scope_id, array_agg(DISTINCT o.user_id) AS people FROM memberships o
    JOIN users ou ON ou.id = o.user_id AND ou.status = 'active'
    WHERE o.role = ANY(${roles as string[]}::text[]) AND coalesce(o.expires_at > now(), true) GROUP BY o.scope_id`;
}

function isWithin({ kind, id }: Place): RawBuilder<unknown> {
  if (kind === 'organization') return sql`true`;
  return kind === 'workspace' ? sql`m.workspace_id = ${id}` : sql`m.product_id = ${id}`;
}
