/** Whether a person's access may be ended by hand: not a protected account's, not a last owner's, and not above one's own rank. */
import { sql } from 'kysely';
import { rolesAt } from '../access/decide.ts';
import { subjectOf } from '../access/membership.ts';
import { findRole } from '../access/model.ts';
import type { Models } from '../access/model-file.ts';
import { organizationModel } from '../access/organization-model.ts';
import { mayManage } from '../access/rank.ts';
import { ownerRoles } from '../access/reconcile-view.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';

/**
 * Holds the person's row from here on.
 * @param by who orders it, whose rank must be above every role that the person holds; null for operator and machines
 * @throws Fault `conflict` where the person has left already, is protected or a last owner, `forbidden`
 */
export async function requireMayGo(
  models: Models,
  tx: TenantTransaction,
  userId: string,
  by: string | null,
): Promise<void> {
  await refuseIfNeeded(tx, userId);
  await requireRank(models, tx, by, userId);
  await refuseLastOwner(models, tx, userId);
}

/** @throws Fault `forbidden` where `by` is a person who is not above every role of the other */
export async function requireRank(
  models: Models,
  tx: TenantTransaction,
  by: string | null,
  userId: string,
): Promise<void> {
  if (by === null) return;
  if (by === userId)
    throw new Fault('forbidden', 'Nobody does this to themselves.', { remedy: 'Ask another administrator.' });
  const model = await organizationModel(models, tx);
  const actor = await subjectOf(tx, by);
  const leaver = await subjectOf(tx, userId);
  const now = new Date();
  for (const held of leaver.memberships) {
    const product =
      held.scopeKind === 'product' ? { id: held.scopeId, subscription: { status: 'active', endsAt: null } } : null;
    const place = { organizationId: tx.organizationId, workspaceId: held.workspaceId, product };
    const ruling = mayManage(model, rolesAt(model, actor, place, now), held);
    if (ruling.allowed) continue;
    const label = findRole(model, held)?.label ?? held.role;
    throw new Fault('forbidden', `This person has the role "${label}": ${ruling.reason}`);
  }
}

async function refuseIfNeeded(tx: TenantTransaction, userId: string): Promise<void> {
  const user = await tx.db
    .selectFrom('users')
    .select(['status', 'protected'])
    .where('id', '=', userId)
    .forUpdate()
    .executeTakeFirstOrThrow();
  if (user.status === 'deprovisioned') {
    throw new Fault('conflict', 'This person has left already.', {
      remedy: 'See the earlier case with: drawbridge offboard show.',
    });
  }
  if (user.protected) {
    throw new Fault('conflict', 'This is a protected account.', {
      remedy: 'Lift the protection first, if this person really leaves.',
    });
  }
}

async function refuseLastOwner(models: Models, tx: TenantTransaction, userId: string): Promise<void> {
  const owners = ownerRoles(await organizationModel(models, tx));
  const { rows } = await sql<{ role: string; scope: string }>`
    SELECT m.role, coalesce(w.slug, o.slug) AS scope FROM memberships m
    JOIN organizations o ON o.id = m.organization_id LEFT JOIN workspaces w ON w.id = m.workspace_id
    WHERE m.user_id = ${userId} AND m.role = ANY(${owners}::text[]) AND NOT EXISTS (
      SELECT 1 FROM memberships n JOIN users u ON u.id = n.user_id AND u.status = 'active'
      WHERE n.scope_kind = m.scope_kind AND n.scope_id = m.scope_id AND n.role = m.role AND n.user_id <> m.user_id
        AND coalesce(n.expires_at > now(), true))`.execute(tx.db);
  const [last] = rows;
  if (last === undefined) return;
  throw new Fault('conflict', `This person is the last ${last.role} of ${last.scope}.`, {
    remedy: 'Hand the role over to somebody who stays, then let the person go.',
  });
}
