/** An organization's own roles: made, duplicated, changed, deleted. What may be in them is decided by `custom-roles.ts`. */
import { sql } from 'kysely';
import { z } from 'zod';
import { auditing, record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { listWorkspaces } from '../tenancy/workspace.ts';
import type { ActorId } from './acting.ts';
import { type CustomRole, customRoleProblems, duplicateRole, withCustomRoles } from './custom-roles.ts';
import { permittedActions } from './decide.ts';
import { subjectOf } from './membership.ts';
import { type AccessModel, findRole } from './model.ts';
import type { Models } from './model-file.ts';
import { modelFrom, modelNamed, storedModel } from './organization-model.ts';
import { effectOn, type RoleEffect, without } from './role-effect.ts';
import { resourceAt } from './scope.ts';

const label = z.string().trim().min(1).max(100);
const name = z.string().min(1).max(100);
const permissions = z.array(z.string().max(200)).max(1000);

/** From scratch, or like a role that there is already. */
export const roleInput = z.union([
  z.strictObject({ role: name, label, permissions }),
  z.strictObject({ role: name, label, like: name }),
]);

export const roleChange = z.strictObject({ label: label.optional(), permissions: permissions.optional() });

interface Stage {
  readonly base: AccessModel;
  readonly model: AccessModel;
  readonly roles: readonly CustomRole[];
}

/** Makes a role. @throws Fault `invalid-input`, `forbidden` where it exceeds its maker, `conflict` where there is one of that name */
export async function makeRole(
  models: Models,
  tx: TenantTransaction,
  actor: ActorId,
  input: z.output<typeof roleInput>,
): Promise<CustomRole> {
  const { base, model, roles } = await stageOf(models, tx);
  const wanted = 'like' in input ? likeOf(model, input) : input;
  await requireMakeable(tx, model, actor, wanted);
  if (roles.some(({ role }) => role === wanted.role)) throw taken(wanted.role);
  const { numInsertedOrUpdatedRows } = await tx.db
    .insertInto('custom_roles')
    .values({ organization_id: tx.organizationId, ...written(base, wanted), made_by: tx.origin.actor.label })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 0n) throw taken(wanted.role);
  await recordRole(tx, 'role.made', wanted, { permissions: wanted.permissions });
  return wanted;
}

/**
 * Changes a role.
 * @returns what that means to its holders
 * @throws Fault `not-found`, `forbidden` where it exceeds the maker before or after, `invalid-input`
 */
export async function changeRole(
  models: Models,
  tx: TenantTransaction,
  actor: ActorId,
  role: string,
  change: z.output<typeof roleChange>,
): Promise<RoleEffect> {
  const { base, model, roles } = await stageOf(models, tx);
  const before = await holdRole(tx, model, role);
  const after = {
    ...before,
    ...(change.label === undefined ? {} : { label: change.label }),
    ...(change.permissions === undefined ? {} : { permissions: change.permissions }),
  };
  await requireMakeable(tx, model, actor, before);
  await requireMakeable(tx, model, actor, after);
  const changed = withCustomRoles(base, [...roles.filter((each) => each.role !== role), after]);
  const effect = await effectOn(tx, model, changed, role);
  const { label: shown, permissions: held } = written(base, after);
  await tx.db.updateTable('custom_roles').set({ label: shown, permissions: held }).where('role', '=', role).execute();
  await recordRole(tx, 'role.changed', after, {
    added: without(held, before.permissions),
    removed: without(before.permissions, held),
  });
  return effect;
}

/**
 * Deletes a role, and with it every membership that was given by hand or invitation.
 * @returns who loses what
 * @throws Fault `not-found`, `forbidden`, `conflict` where something would go on giving it
 */
export async function deleteRole(
  models: Models,
  tx: TenantTransaction,
  actor: ActorId,
  role: string,
): Promise<RoleEffect> {
  const { base, model, roles } = await stageOf(models, tx);
  const before = await holdRole(tx, model, role);
  await requireMakeable(tx, model, actor, before);
  await refuseGiven(tx, role);
  const after = withCustomRoles(
    base,
    roles.filter((each) => each.role !== role),
  );
  const effect = await effectOn(tx, model, after, role);
  await sql`
    WITH gone AS (DELETE FROM memberships WHERE role = ${role} AND scope_kind = ${base.customRoles?.scope ?? ''}
      RETURNING user_id, scope_kind, scope_id, role, source)
    ${auditing(
      tx,
      sql`SELECT 'membership.removed', 'user', user_id::text, 'the role was deleted',
        jsonb_build_object('scope', scope_kind, 'scopeId', scope_id, 'role', role, 'source', source) FROM gone`,
    )}`.execute(tx.db);
  await tx.db.deleteFrom('custom_roles').where('role', '=', role).execute();
  await recordRole(tx, 'role.deleted', before, { holders: effect.holders });
  return effect;
}

/** An organization's own roles, none of which is deleted or changed before the transaction ends. */
export async function heldCustomRoles({ db }: TenantTransaction): Promise<CustomRole[]> {
  return db.selectFrom('custom_roles').select(['role', 'label', 'permissions']).forShare().execute();
}

/** Keeps an organization's own role from being deleted while it is given. @throws Fault `invalid-input` where it has gone */
export async function holdIfCustom(
  tx: TenantTransaction,
  model: AccessModel,
  ref: Parameters<typeof findRole>[1],
): Promise<void> {
  if (!findRole(model, ref)?.custom) return;
  const held = await tx.db
    .selectFrom('custom_roles')
    .select('role')
    .where('role', '=', ref.role)
    .forShare()
    .executeTakeFirst();
  if (held === undefined)
    throw new Fault('invalid-input', `The role "${ref.role}" was deleted at this moment.`, { where: 'role' });
}

async function stageOf(models: Models, tx: TenantTransaction): Promise<Stage> {
  const stored = await storedModel(tx);
  return { base: modelNamed(models, stored.name), model: modelFrom(models, stored), roles: stored.customRoles ?? [] };
}

function likeOf(
  model: AccessModel,
  { role, label: shown, like }: { role: string; label: string; like: string },
): CustomRole {
  const scopeKind = model.customRoles?.scope ?? 'organization';
  const copy = duplicateRole(model, { scopeKind, role: like }, { role, label: shown });
  if (copy !== undefined) return copy;
  throw new Fault('invalid-input', `There is no role "${like}" to make another like it.`, { where: 'like' });
}

/** The role of this name, held still. @throws Fault `not-found`, `conflict` for a role of the model */
async function holdRole(tx: TenantTransaction, model: AccessModel, role: string): Promise<CustomRole> {
  const row = await tx.db
    .selectFrom('custom_roles')
    .select(['role', 'label', 'permissions'])
    .where('role', '=', role)
    .forUpdate()
    .executeTakeFirst();
  if (row !== undefined) return row;
  const fixed = [...model.roles.values()].some((each) => each.role === role && !each.custom);
  if (fixed) throw new Fault('conflict', `"${role}" is a role of the access model, and those are fixed.`);
  throw new Fault('not-found', `There is no role "${role}".`, { where: 'path' });
}

async function requireMakeable(
  tx: TenantTransaction,
  model: AccessModel,
  actor: ActorId,
  wanted: CustomRole,
): Promise<void> {
  const problems = customRoleProblems(model, wanted, await makerPermissions(tx, model, actor));
  const beyond = problems.filter((each) => each.beyondMaker);
  if (beyond.length > 0) throw new Fault('forbidden', beyond.map(({ reason }) => reason).join(' '));
  if (problems.length > 0) {
    throw new Fault('invalid-input', problems.map(({ reason }) => reason).join(' '), { where: 'permissions' });
  }
}

/** What the maker may do wherever a role of the organization's own can be given; the operator everything. */
async function makerPermissions(
  tx: TenantTransaction,
  model: AccessModel,
  actor: ActorId,
): Promise<ReadonlySet<string>> {
  if (actor === null) return new Set(model.permissions.keys());
  const subject = await subjectOf(tx, actor);
  const now = new Date();
  const places =
    model.customRoles?.scope === 'workspace'
      ? (await listWorkspaces(tx)).map(({ id }) => ({ workspaceId: id, productId: null }))
      : [{ workspaceId: null, productId: null }];
  const [first = [], ...others] = places.map((place) =>
    permittedActions(model, subject, resourceAt(tx.organizationId, place), now),
  );
  return new Set(first.filter((permission) => others.every((each) => each.includes(permission))));
}

/** @throws Fault `conflict` naming what would go on giving the role */
async function refuseGiven(tx: TenantTransaction, role: string): Promise<void> {
  const { rows } = await sql<{ by: string }>`
    SELECT 'the mapping rule ' || slug AS by FROM mapping_rules WHERE role = ${role}
    UNION ALL SELECT 'the connection ' || slug FROM connections WHERE default_role = ${role}
    UNION ALL SELECT 'the settings, as default role' FROM organizations WHERE default_role = ${role}
    UNION ALL SELECT 'the invitation of ' || i.email FROM invitations i JOIN invitation_roles r ON r.invitation_id = i.id
      WHERE r.role = ${role} AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now()
    LIMIT 5`.execute(tx.db);
  if (rows.length === 0) return;
  throw new Fault('conflict', `The role is given by ${rows.map(({ by }) => by).join(', ')}.`, {
    remedy: 'Change that first.',
  });
}

/** As a row: each permission once, in the model's order. */
function written(base: AccessModel, { role, label: shown, permissions: wanted }: CustomRole) {
  const held = new Set(wanted);
  return { role, label: shown, permissions: [...base.permissions.keys()].filter((each) => held.has(each)) };
}

async function recordRole(
  tx: TenantTransaction,
  action: string,
  { role, label: shown }: CustomRole,
  detail: Readonly<Record<string, unknown>>,
): Promise<void> {
  await record(tx, { action, resource: { type: 'role', id: role }, detail: { label: shown, ...detail } });
}

function taken(role: string): Fault {
  return new Fault('conflict', `There is a role "${role}" already.`, { where: 'role', remedy: 'Choose another name.' });
}
