/**
 * Roles that an organization makes itself, from the model's own permissions (access-models, fastn). The model's roles are fixed; a
 * custom role ranks with the lowest of them that could do all it can, so managing it never takes less.
 */
import type { ScopeKind } from '../store/tables.ts';
import { type AccessModel, findRole, type Role, type RoleRef, roleKey } from './model.ts';
import { USUAL_SOURCES } from './model-schema.ts';

export interface CustomRole {
  readonly role: string;
  readonly label: string;
  readonly permissions: readonly string[];
}

export interface RoleProblem {
  /** For people to read. */
  readonly reason: string;
  /** Whether it is the maker who may not, rather than the role that can't be. */
  readonly beyondMaker: boolean;
}

/**
 * What is wrong with a custom role that somebody wants to make or change; nothing if it may be.
 * @param makerPermissions what the maker may do in the scope of custom roles
 */
export function customRoleProblems(
  model: AccessModel,
  wanted: CustomRole,
  makerPermissions: ReadonlySet<string>,
): RoleProblem[] {
  const settings = model.customRoles;
  if (settings === undefined) return [unfit(`The access model ${model.name} allows no custom roles.`)];
  const problems: RoleProblem[] = [];
  if (!makerPermissions.has(settings.permission)) problems.push(beyond(`Making roles takes "${settings.permission}".`));
  if (!/^[a-z][a-z0-9_]*$/.test(wanted.role)) {
    problems.push(unfit('The name must be lower case letters, digits and underscores.'));
  }
  const taken = findRole(model, { scopeKind: settings.scope, role: wanted.role });
  if (taken !== undefined && !taken.custom)
    problems.push(unfit(`"${wanted.role}" is a role of the model, and those are fixed.`));
  if (wanted.permissions.length === 0) problems.push(unfit('A role needs at least one permission.'));
  for (const permission of wanted.permissions) {
    if (!isHeldAt(model, permission, settings.scope))
      problems.push(unfit(`No role of this scope can hold "${permission}".`));
    else if (!makerPermissions.has(permission)) problems.push(beyond(`The maker doesn't have "${permission}".`));
  }
  return problems;
}

function unfit(reason: string): RoleProblem {
  return { reason, beyondMaker: false };
}

function beyond(reason: string): RoleProblem {
  return { reason, beyondMaker: true };
}

/** A custom role like one that exists, under another name. Undefined where there is no such role, or no custom roles. */
export function duplicateRole(
  model: AccessModel,
  from: RoleRef,
  as: { role: string; label: string },
): CustomRole | undefined {
  const role = findRole(model, from);
  if (role === undefined || model.customRoles?.scope !== from.scopeKind) return undefined;
  return { ...as, permissions: [...role.permissions] };
}

/**
 * The model with an organization's custom roles in it, for every other rule to use. What the model no longer allows is left out:
 * a custom role never replaces a fixed one, nor holds a permission that there isn't.
 */
export function withCustomRoles(model: AccessModel, customRoles: readonly CustomRole[]): AccessModel {
  const scopeKind = model.customRoles?.scope;
  if (scopeKind === undefined || customRoles.length === 0) return model;
  const roles = new Map(model.roles);
  for (const custom of customRoles) {
    const key = roleKey(scopeKind, custom.role);
    if (model.roles.get(key)?.custom !== false) roles.set(key, asRole(model, custom, scopeKind));
  }
  return { ...model, roles };
}

function asRole(model: AccessModel, { role, label, permissions }: CustomRole, scopeKind: ScopeKind): Role {
  const held = new Set(permissions.filter((permission) => isHeldAt(model, permission, scopeKind)));
  const fixed = fixedRoles(model, scopeKind).sort((one, other) => one.rank - other.rank);
  const peer = fixed.find((each) => [...held].every((permission) => each.permissions.has(permission))) ?? fixed.at(-1);
  return {
    role,
    label,
    scopeKind,
    permissions: held,
    rank: peer?.rank ?? 0,
    administrative: peer?.administrative ?? true,
    owner: false,
    holders: 'several',
    sources: USUAL_SOURCES,
    reach: 'everything',
    custom: true,
  };
}

function isHeldAt(model: AccessModel, permission: string, scopeKind: ScopeKind): boolean {
  return fixedRoles(model, scopeKind).some((role) => role.permissions.has(permission));
}

function fixedRoles(model: AccessModel, scopeKind: ScopeKind): Role[] {
  return [...model.roles.values()].filter((role) => role.scopeKind === scopeKind && !role.custom);
}
