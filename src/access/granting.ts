/** Giving, changing and taking roles by hand. Who may is decided by `rank.ts`; here it is asked, done and audited. */
import { sql } from 'kysely';
import { z } from 'zod';
import { Fault } from '../errors.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';
import { unlessTaken } from '../tenancy/put.ts';
import { type ActorId, actingRoles, permit } from './acting.ts';
import { holdActive, lockPlace, otherHolders, recordRole, rolesIn } from './holders.ts';
import { type AccessModel, findRole, type RoleRef } from './model.ts';
import type { Source } from './model-schema.ts';
import { holdIfCustom } from './organization-roles.ts';
import { findPerson, personInput } from './people.ts';
import { mayBeGiven, mayGrant, mayLose, mayManage, type Recipient } from './rank.ts';
import { type Place, placeOf, scopeInput } from './scope.ts';

const end = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .refine((time) => time.getTime() > Date.now(), 'is in the past')
  .nullable();

export const grantInput = z.strictObject({
  /** Id or e-mail. */
  user: personInput,
  scope: scopeInput,
  role: z.string().min(1).max(100),
  reason: z.string().trim().max(500).default(''),
  expiresAt: end.default(null),
});
export type GrantInput = z.output<typeof grantInput>;

export const changeInput = z.strictObject({
  role: z.string().min(1).max(100).optional(),
  /** Null: for good. Left out: as it is. */
  expiresAt: end.optional(),
  reason: z.string().trim().max(500).default(''),
});

/**
 * Gives a role by hand.
 * @returns the membership's id
 * @throws Fault `forbidden` where the actor's rank doesn't allow it, `invalid-input` where the role can't be given there or so,
 * `conflict` where the person holds one there by hand already or is not active
 */
export async function grantMembership(
  tx: TenantTransaction,
  model: AccessModel,
  actor: ActorId,
  input: GrantInput,
): Promise<string> {
  const place = await placeOf(tx, input.scope);
  await lockPlace(tx, place.id);
  const person = await findPerson(tx, input.user);
  await holdActive(tx, person.id);
  const ref = { scopeKind: place.kind, role: input.role };
  const source = (await isFounding(tx, model, actor, ref, place)) ? 'ownership' : 'manual';
  await requireGrant(tx, model, actor, ref, place, source, person.id);
  requireReason(model, input.reason);
  requireLasting(model, ref, input.expiresAt);
  await requireLayers(tx, model, person.id, place);
  const { rows } = await sql<{ id: string }>`
    INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, product_id, role, source, granted_by, reason, expires_at)
    VALUES (${tx.organizationId}, ${person.id}, ${place.kind}, ${place.workspaceId}, ${place.productId}, ${input.role}, ${source},
      ${tx.origin.actor.label}, ${input.reason}, ${input.expiresAt})
    ON CONFLICT (organization_id, user_id, scope_kind, scope_id, source) DO NOTHING RETURNING id`.execute(tx.db);
  const [made] = rows;
  if (made === undefined) throw heldByHand();
  await recordRole(tx, 'membership.granted', person.id, place, { role: input.role, source }, input.reason);
  return made.id;
}

/** Changes the role or the end of a membership that was given by hand. @throws Fault as `grantMembership` and `revokeMembership` */
export async function changeMembership(
  tx: TenantTransaction,
  model: AccessModel,
  actor: ActorId,
  id: string,
  change: z.output<typeof changeInput>,
): Promise<void> {
  const held = await heldMembership(tx, id);
  const { role = held.role, expiresAt = held.expiresAt, reason } = change;
  if (role === held.role && expiresAt?.getTime() === held.expiresAt?.getTime()) return;
  const { place, userId } = held;
  const ref = { scopeKind: place.kind, role };
  await requireTaking(tx, model, actor, held);
  await requireGrant(tx, model, actor, ref, place, 'manual', userId);
  requireReason(model, reason);
  requireLasting(model, ref, expiresAt);
  const changed = {
    role,
    expires_at: expiresAt,
    source: 'manual',
    granted_by: tx.origin.actor.label,
    reason,
  } as const;
  const changing = tx.db.updateTable('memberships').set(changed).where('id', '=', id);
  await unlessTaken(() => changing.execute(), heldByHand());
  await recordRole(tx, 'membership.changed', userId, place, { role, oldRole: held.role, expiresAt }, reason);
}

/**
 * Takes a role away. What a mapping rule gave is taken by changing the rule or the directory.
 * @throws Fault `not-found`, `forbidden`, `conflict` for a last owner or a derived membership
 */
export async function revokeMembership(
  tx: TenantTransaction,
  model: AccessModel,
  actor: ActorId,
  id: string,
  reason: string,
): Promise<void> {
  const held = await heldMembership(tx, id);
  await requireTaking(tx, model, actor, held);
  requireReason(model, reason);
  await tx.db.deleteFrom('memberships').where('id', '=', id).execute();
  await recordRole(tx, 'membership.removed', held.userId, held.place, { role: held.role, source: held.source }, reason);
}

interface Held {
  readonly userId: string;
  readonly role: string;
  readonly source: Source;
  readonly expiresAt: Date | null;
  readonly place: Place;
}

async function heldMembership(tx: TenantTransaction, id: string): Promise<Held> {
  const none = new Fault('not-found', 'There is no such membership.', { where: 'path' });
  if (!isId(id)) throw none;
  const find = tx.db.selectFrom('memberships').selectAll().where('id', '=', id);
  const seen = await find.executeTakeFirst();
  if (seen !== undefined) await lockPlace(tx, seen.scope_id);
  const row = await find.forUpdate().executeTakeFirst();
  if (row === undefined || row.scope_kind === 'platform') throw none;
  if (row.source === 'mapping') {
    throw new Fault('conflict', 'This membership is derived by a mapping rule.', {
      remedy: 'Change the rule, or what the directory says of this person.',
    });
  }
  const place: Place = {
    kind: row.scope_kind,
    id: row.scope_id,
    workspaceId: row.workspace_id,
    productId: row.product_id,
  };
  return { userId: row.user_id, role: row.role, source: row.source, expiresAt: row.expires_at, place };
}

/**
 * Asks whether a role may be given to somebody here.
 * @throws Fault `invalid-input` where it can't be given there or so, `forbidden` where the actor's rank doesn't allow it
 */
export async function requireGrant(
  tx: TenantTransaction,
  model: AccessModel,
  actor: ActorId,
  ref: RoleRef,
  place: Place,
  how: Source,
  userId: string,
): Promise<void> {
  const recipient: Recipient = {
    roles: await rolesIn(tx, userId, place),
    self: actor === userId,
    otherHolders: await otherHolders(tx, userId, place, ref.role),
  };
  const possible = mayBeGiven(model, ref, how, recipient);
  if (!possible.allowed) throw new Fault('invalid-input', possible.reason, { where: 'role' });
  await holdIfCustom(tx, model, ref);
  if (actor !== null) permit(mayGrant(model, await actingRoles(tx, model, actor, place), ref, how, recipient));
}

/** The operator names a scope's first owner; from then on the role is only handed over. */
async function isFounding(
  tx: TenantTransaction,
  model: AccessModel,
  actor: ActorId,
  ref: RoleRef,
  place: Place,
): Promise<boolean> {
  const role = findRole(model, ref);
  if (actor !== null || role === undefined || !role.owner || role.sources.includes('manual')) return false;
  const { rows } = await sql`
    SELECT 1 FROM memberships WHERE scope_kind = ${place.kind} AND scope_id = ${place.id} AND role = ${ref.role} LIMIT 1`.execute(
    tx.db,
  );
  return rows.length === 0;
}

async function requireTaking(tx: TenantTransaction, model: AccessModel, actor: ActorId, held: Held): Promise<void> {
  const ref = { scopeKind: held.place.kind, role: held.role };
  if (actor !== null) permit(mayManage(model, await actingRoles(tx, model, actor, held.place), ref));
  const ruling = mayLose(model, ref, await otherHolders(tx, held.userId, held.place, held.role));
  if (!ruling.allowed) throw new Fault('conflict', ruling.reason, { remedy: 'Hand the role over first.' });
}

/** A product's role counts for nothing without what the model asks for before it, so it is not given without. @throws Fault `conflict` */
export async function requireLayers(
  tx: TenantTransaction,
  model: AccessModel,
  userId: string,
  place: Place,
): Promise<void> {
  if (place.kind !== 'product' || place.workspaceId === null || !model.layers.includes('workspace')) return;
  const workspace: Place = {
    kind: 'workspace',
    id: place.workspaceId,
    workspaceId: place.workspaceId,
    productId: null,
  };
  if ((await rolesIn(tx, userId, workspace)).length > 0) return;
  throw new Fault('conflict', 'This person is not a member of the workspace that the product is in.', {
    remedy: 'Make them a member of the workspace first.',
  });
}

/** An owner for a while would be counted as one who stays, and one day there would be none. */
function requireLasting(model: AccessModel, ref: RoleRef, expiresAt: Date | null): void {
  const role = findRole(model, ref);
  if (expiresAt === null || !role?.owner) return;
  throw new Fault('invalid-input', `The role "${role.label}" is not given for a limited time.`, { where: 'expiresAt' });
}

/** @throws Fault `invalid-input` where the model asks for a reason and there is none */
export function requireReason(model: AccessModel, reason: string): void {
  if (!model.hierarchy.reasonRequired || reason !== '') return;
  throw new Fault('invalid-input', 'This access model asks for a reason.', { where: 'reason' });
}

function heldByHand(): Fault {
  return new Fault('conflict', 'This person holds a role here by hand already.', {
    remedy: 'Change that membership instead.',
  });
}
