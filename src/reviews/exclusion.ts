/** Exclusions: what no mapping rule gives to a person in a place, until somebody who may give it lifts that. */
import { sql } from 'kysely';
import { z } from 'zod';
import { type ActorId, actingRoles, permit } from '../access/acting.ts';
import { organizationModel } from '../access/organization-model.ts';
import { mayGrant } from '../access/rank.ts';
import type { Place } from '../access/scope.ts';
import { auditing, record } from '../audit/record.ts';
import type { ReconcileDependencies } from '../directory/reconcile/model.ts';
import { reconcilePeople } from '../directory/reconcile/people.ts';
import { Fault } from '../errors.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';

export const shownExclusion = z.object({
  id: z.uuid(),
  userId: z.uuid(),
  email: z.string(),
  scope: z.string(),
  place: z.string(),
  role: z.string(),
  reason: z.string(),
  excludedBy: z.string(),
  createdAt: z.date(),
});

export const exclusionQuery = z.object({
  user: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});

/** Exclusions, latest first. */
export async function listExclusions(tx: TenantTransaction, { user, limit }: z.output<typeof exclusionQuery>) {
  const { rows } = await sql<z.output<typeof shownExclusion>>`
    SELECT x.id, x.user_id AS "userId", u.email, x.scope_kind AS scope, concat_ws('/', w.slug, p.slug) AS place, x.role, x.reason,
      x.excluded_by AS "excludedBy", x.created_at AS "createdAt"
    FROM membership_exclusions x JOIN users u ON u.id = x.user_id
    LEFT JOIN workspaces w ON w.id = x.workspace_id LEFT JOIN products p ON p.id = x.product_id
    WHERE ${user ?? null}::uuid IS NULL OR x.user_id = ${user ?? null}::uuid ORDER BY x.created_at DESC, x.id LIMIT ${limit}`.execute(
    tx.db,
  );
  return rows;
}

/** Excludes people from roles in places; what rules gave of it goes with the reconcile that the caller runs next. */
export async function excludeAll(
  tx: TenantTransaction,
  items: readonly { readonly userId: string; readonly role: string; readonly place: Place }[],
  reason: string,
): Promise<void> {
  const rows = items.map(({ userId, role, place }) => ({ ...place, userId, role }));
  await sql`
    WITH made AS (
      INSERT INTO membership_exclusions (organization_id, user_id, scope_kind, workspace_id, product_id, role, reason, excluded_by)
      SELECT ${tx.organizationId}::uuid, r."userId", r.kind, r."workspaceId", r."productId", r.role, ${reason}, ${tx.origin.actor.label}
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        AS r("userId" uuid, kind text, "workspaceId" uuid, "productId" uuid, role text)
      ON CONFLICT DO NOTHING RETURNING user_id, scope_kind, scope_id, role
    )
    ${auditing(
      tx,
      sql`SELECT 'membership.excluded', 'user', user_id::text, ${reason}::text,
        jsonb_build_object('scope', scope_kind, 'scopeId', scope_id, 'role', role) FROM made`,
    )}`.execute(tx.db);
}

/** Lifts an exclusion, and has the person settled anew. It takes who may give the role. @throws Fault `not-found`, `forbidden` */
export async function liftExclusion(
  deps: ReconcileDependencies,
  tx: TenantTransaction,
  actor: ActorId,
  id: string,
): Promise<void> {
  const lifted = isId(id)
    ? await tx.db.deleteFrom('membership_exclusions').where('id', '=', id).returningAll().executeTakeFirst()
    : undefined;
  if (lifted === undefined) throw new Fault('not-found', 'There is no such exclusion.', { where: 'path' });
  const { user_id: userId, scope_kind: kind, scope_id: scopeId, role } = lifted;
  if (actor !== null) {
    const model = await organizationModel(deps.models, tx);
    const place = { kind, id: scopeId, workspaceId: lifted.workspace_id, productId: lifted.product_id };
    const recipient = { roles: [], self: actor === userId, otherHolders: 0 };
    permit(
      mayGrant(model, await actingRoles(tx, model, actor, place), { scopeKind: kind, role }, 'mapping', recipient),
    );
  }
  const detail = { scope: kind, scopeId, role };
  await record(tx, { action: 'membership.exclusion_lifted', resource: { type: 'user', id: userId }, detail });
  await reconcilePeople(deps, tx, { userIds: [userId] }, 'exclusion lifted');
}
