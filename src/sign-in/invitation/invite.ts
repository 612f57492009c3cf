/** Inviting somebody: made, sent again, revoked. Who may is decided by the ranks of the access model. */
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import { type ActorId, actingRoles, heldRoles, permit } from '../../access/acting.ts';
import { requireReason } from '../../access/granting.ts';
import { holdActive } from '../../access/holders.ts';
import { type InvitedRole, invitedPlaces, invitedRoles, permitInvited } from '../../access/inviting.ts';
import type { AccessModel } from '../../access/model.ts';
import type { Models } from '../../access/model-file.ts';
import { organizationModel } from '../../access/organization-model.ts';
import { mayInvite, mayManage } from '../../access/rank.ts';
import { record } from '../../audit/record.ts';
import { hashOf, randomSecret } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import { cancelMail, type PostDependencies, postMail } from '../../mail/outbox.ts';
import { haveTombstone } from '../../offboarding/tombstone.ts';
import type { Settings } from '../../settings.ts';
import type { Tables } from '../../store/tables.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { emailAddress } from '../attributes.ts';
import { endInvitation, type OpenInvitation, pendingInvitation } from './invitation.ts';
import { letterOf } from './letter.ts';

export interface InvitingDependencies extends PostDependencies {
  readonly store: { readonly db: Kysely<Tables> };
  readonly settings: Pick<Settings, 'http' | 'mail' | 'secrets'>;
  readonly models: Models;
}

const days = z.int().min(1).max(30).default(7);

export const invitationInput = z.strictObject({
  email: z.string().transform((text, context) => {
    const email = emailAddress(text);
    if (email === null) context.addIssue({ code: 'custom', message: 'is not an e-mail address' });
    return email ?? z.NEVER;
  }),
  /** How the account is called at first. */
  name: z.string().trim().max(200).default(''),
  roles: invitedRoles,
  reason: z.string().trim().max(500).default(''),
  expiresInDays: days,
});

export const resendInput = z.strictObject({ expiresInDays: days });

/** How the invitation leaves: by mail; or, where the settings name no mail server, as a link to hand over, shown this once. */
export const delivered = z.object({
  id: z.uuid(),
  email: z.string(),
  expiresAt: z.date(),
  delivery: z.enum(['mail', 'link']),
  url: z.url().optional(),
});
export type Delivered = z.output<typeof delivered>;

/**
 * Invites somebody.
 * @throws Fault `conflict` where they have left, are suspended, hold the roles already or have an open invitation, `forbidden`,
 * `invalid-input`, `not-found`
 */
export async function invite(
  deps: InvitingDependencies,
  tx: TenantTransaction,
  actor: ActorId,
  input: z.output<typeof invitationInput>,
): Promise<Delivered> {
  const model = await organizationModel(deps.models, tx);
  if (actor !== null) {
    await holdActive(tx, actor);
    permit(mayInvite(model, await heldRoles(tx, model, actor)));
  }
  const roles = await invitedPlaces(tx, input.roles);
  await refuseErased(deps, tx, input.email);
  await permitInvited(tx, model, actor, roles, await inviteeOf(tx, input.email));
  requireReason(model, input.reason);
  await endExpired(tx, input.email);
  const token = randomSecret();
  const made = await insert(tx, actor, input, roles, token);
  await record(tx, {
    action: 'invitation.made',
    resource: { type: 'invitation', id: made.id },
    reason: input.reason,
    detail: { email: input.email, roles: shownRoles(roles), expiresAt: made.expiresAt },
  });
  return deliver(deps, tx, { ...made, token });
}

/** Which invitation, and whose it must be; null: anybody's. */
export interface Wanted {
  readonly id: string;
  readonly ownOf: string | null;
}

/**
 * Sends an invitation again, with a new link and a new term; the former link is void. The sender must be able to make it, for the link
 * may come back to them.
 */
export async function resend(
  deps: InvitingDependencies,
  tx: TenantTransaction,
  actor: ActorId,
  { id, ownOf }: Wanted,
  { expiresInDays }: z.output<typeof resendInput>,
): Promise<Delivered> {
  const invitation = await pendingInvitation(tx, id, ownOf);
  const model = await organizationModel(deps.models, tx);
  await permitInvited(tx, model, actor, invitation.roles, await inviteeOf(tx, invitation.email));
  const token = randomSecret();
  const { rows } = await sql<{ expiresAt: Date }>`
    UPDATE invitations SET token_hash = ${hashOf(token)}, expires_at = now() + ${expiresInDays} * interval '1 day'
    WHERE id = ${id} AND accepted_at IS NULL AND revoked_at IS NULL RETURNING expires_at AS "expiresAt"`.execute(tx.db);
  const [renewed] = rows;
  if (renewed === undefined) throw new Fault('conflict', 'This invitation was used or withdrawn at this moment.');
  await cancelMail(tx, [id]);
  const detail = { email: invitation.email, expiresAt: renewed.expiresAt };
  await record(tx, { action: 'invitation.resent', resource: { type: 'invitation', id }, detail });
  return deliver(deps, tx, { ...invitation, ...renewed, token });
}

/** Revokes an invitation: one's own, or one to roles that one may manage. @throws Fault `not-found`, `conflict`, `forbidden` */
export async function revokeInvitation(
  deps: InvitingDependencies,
  tx: TenantTransaction,
  actor: ActorId,
  { id, ownOf }: Wanted,
  reason: string,
): Promise<void> {
  const invitation = await pendingInvitation(tx, id, ownOf);
  if (actor !== null && actor !== invitation.inviterId) {
    await requireManaging(tx, await organizationModel(deps.models, tx), actor, invitation);
  }
  if (!(await endInvitation(tx, id, reason))) throw new Fault('conflict', 'This invitation was used at this moment.');
  await cancelMail(tx, [id]);
  const detail = { email: invitation.email };
  await record(tx, { action: 'invitation.revoked', resource: { type: 'invitation', id }, reason, detail });
}

async function requireManaging(
  tx: TenantTransaction,
  model: AccessModel,
  actor: string,
  { roles }: OpenInvitation,
): Promise<void> {
  for (const { place, role } of roles) {
    permit(mayManage(model, await actingRoles(tx, model, actor, place), { scopeKind: place.kind, role }));
  }
}

async function refuseErased({ settings }: InvitingDependencies, tx: TenantTransaction, email: string): Promise<void> {
  if (await haveTombstone(tx, settings.secrets.sealingKeys, [{ email }])) throw hasLeft();
}

function hasLeft(): Fault {
  return new Fault('conflict', 'Whoever had this address has left.', {
    where: 'email',
    remedy: 'A directory or a rehire brings them back, not an invitation.',
  });
}

/** The account that an address has; null where it has none yet. @throws Fault `conflict` where they have left or are suspended */
export async function inviteeOf(tx: TenantTransaction, email: string): Promise<string | null> {
  const { rows } = await sql<{ id: string; status: string }>`
    SELECT id, status FROM users WHERE email = ${email} ORDER BY status = 'deprovisioned', deprovisioned_at DESC LIMIT 1`.execute(
    tx.db,
  );
  const [found] = rows;
  if (found === undefined) return null;
  if (found.status === 'active') return found.id;
  if (found.status === 'deprovisioned') throw hasLeft();
  throw new Fault('conflict', 'This person is suspended.', { where: 'email', remedy: 'End the suspension first.' });
}

/** One that has expired stands in the way of no new one. */
async function endExpired(tx: TenantTransaction, email: string): Promise<void> {
  await sql`
    UPDATE invitations SET revoked_at = now(), revoked_by = ${tx.origin.actor.label}, revoked_reason = 'expired'
    WHERE email = ${email} AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at <= now()`.execute(tx.db);
}

async function insert(
  tx: TenantTransaction,
  actor: ActorId,
  input: z.output<typeof invitationInput>,
  roles: readonly InvitedRole[],
  token: string,
) {
  const { email, name, reason, expiresInDays } = input;
  const { label } = tx.origin.actor;
  const { rows } = await sql<{ id: string; expiresAt: Date }>`
    WITH made AS (
      INSERT INTO invitations (organization_id, email, name, token_hash, reason, inviter_id, invited_by, expires_at)
      VALUES (${tx.organizationId}, ${email}, ${name}, ${hashOf(token)}, ${reason}, ${actor}, ${label},
        now() + ${expiresInDays} * interval '1 day')
      ON CONFLICT (organization_id, email) WHERE accepted_at IS NULL AND revoked_at IS NULL DO NOTHING
      RETURNING organization_id, id, expires_at
    ), roles AS (
      INSERT INTO invitation_roles (organization_id, invitation_id, scope_kind, workspace_id, product_id, role)
      SELECT made.organization_id, made.id, r.kind, r."workspaceId", r."productId", r.role FROM made, jsonb_to_recordset(
        ${JSON.stringify(roles.map(({ place, role }) => ({ ...place, role })))}::jsonb)
        AS r(kind text, "workspaceId" uuid, "productId" uuid, role text)
    ) SELECT id, expires_at AS "expiresAt" FROM made`.execute(tx.db);
  const [made] = rows;
  if (made !== undefined) return { ...made, email, reason, invitedBy: label };
  throw new Fault('conflict', 'There is an open invitation for this address.', {
    where: 'email',
    remedy: 'Send it again, or revoke it first.',
  });
}

async function deliver(
  deps: InvitingDependencies,
  tx: TenantTransaction,
  invitation: Pick<OpenInvitation, 'id' | 'email' | 'reason' | 'invitedBy' | 'expiresAt'> & { readonly token: string },
): Promise<Delivered> {
  const { id, email, expiresAt, token } = invitation;
  const url = `${deps.settings.http.baseUrl}/sign-in/invitation/${token}`;
  const organization = await tx.db.selectFrom('organizations').select('name').executeTakeFirstOrThrow();
  const letter = letterOf({ ...invitation, organization: organization.name, url });
  const posted = await postMail(deps, tx, { kind: 'invitation', about: id, recipient: email, ...letter });
  return { id, email, expiresAt, ...(posted ? { delivery: 'mail' } : { delivery: 'link', url }) };
}

function shownRoles(roles: readonly InvitedRole[]) {
  return roles.map(({ place, role }) => ({ scope: place.kind, scopeId: place.id, role }));
}
