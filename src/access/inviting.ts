/** The roles of an invitation: asked for when it is made, and again when it is accepted, for much may have changed in between. */
import { sql } from 'kysely';
import { z } from 'zod';
import { auditing } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import type { ActorId } from './acting.ts';
import { requireGrant, requireLayers } from './granting.ts';
import { lockPlace } from './holders.ts';
import type { AccessModel } from './model.ts';
import { type Place, placeOf, scopeInput } from './scope.ts';

export const invitedRoles = z
  .array(z.strictObject({ scope: scopeInput, role: z.string().min(1).max(100) }))
  .min(1)
  .max(50);

export interface InvitedRole {
  readonly place: Place;
  readonly role: string;
}

/** Whom a role is asked for who has no account yet. */
const NOBODY_YET = '00000000-0000-0000-0000-000000000000';

/** Finds the places of invited roles. @throws Fault `not-found`, `invalid-input` where one place is named twice */
export async function invitedPlaces(
  tx: TenantTransaction,
  wanted: z.output<typeof invitedRoles>,
): Promise<InvitedRole[]> {
  const roles: InvitedRole[] = [];
  for (const { scope, role } of wanted) roles.push({ place: await placeOf(tx, scope), role });
  if (new Set(roles.map(({ place }) => place.id)).size < roles.length) {
    throw new Fault('invalid-input', 'One role is given in each place.', { where: 'roles' });
  }
  return roles;
}

/**
 * Asks whether somebody may be invited to these roles.
 * @param actor whose rank counts: the inviter's, also when the invitation is accepted
 * @param userId of the invited person, null where they have no account yet
 * @throws Fault `invalid-input`, `forbidden`, `conflict`
 */
export async function permitInvited(
  tx: TenantTransaction,
  model: AccessModel,
  actor: ActorId,
  roles: readonly InvitedRole[],
  userId: string | null,
): Promise<void> {
  const who = userId ?? NOBODY_YET;
  const workspaces = roles.filter(({ place }) => place.kind === 'workspace').map(({ place }) => place.id);
  for (const { place, role } of roles) {
    await requireGrant(tx, model, actor, { scopeKind: place.kind, role }, place, 'invitation', who);
    const comesAlong = place.workspaceId !== null && workspaces.includes(place.workspaceId);
    if (!comesAlong) await requireLayers(tx, model, who, place);
  }
}

/** Lets one change by hand at a time happen in these places. */
export async function lockInvited(tx: TenantTransaction, roles: readonly InvitedRole[]): Promise<void> {
  for (const id of roles.map(({ place }) => place.id).sort()) await lockPlace(tx, id);
}

/** Gives invited roles, in one statement. Somebody who came by an invitation before keeps what that gave. */
export async function giveInvited(
  tx: TenantTransaction,
  userId: string,
  roles: readonly InvitedRole[],
  { invitedBy, reason }: { readonly invitedBy: string; readonly reason: string },
): Promise<void> {
  const rows = roles.map(({ place, role }) => ({ ...place, role }));
  await sql`
    WITH given AS (
      INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, product_id, role, source, granted_by, reason)
      SELECT ${tx.organizationId}::uuid, ${userId}::uuid, r.kind, r."workspaceId", r."productId", r.role, 'invitation', ${invitedBy}, ${reason}
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS r(kind text, "workspaceId" uuid, "productId" uuid, role text)
      ON CONFLICT (organization_id, user_id, scope_kind, scope_id, source) DO NOTHING
      RETURNING user_id, scope_kind, scope_id, role, source
    )
    ${auditing(
      tx,
      sql`SELECT 'membership.granted', 'user', user_id::text, ${reason}::text,
        jsonb_build_object('scope', scope_kind, 'scopeId', scope_id, 'role', role, 'source', source) FROM given`,
    )}`.execute(tx.db);
}
