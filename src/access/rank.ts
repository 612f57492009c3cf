/**
 * Who may give, change and take which role: ranks, ways of giving, predecessors, single holders and hand-over
 * (access-models; offboarding, Roles). Nobody gives a role above their own, none to themselves, and nobody touches a peer's.
 */
import { type AccessModel, covers, findRole, type Role, type RoleRef, scopeLabel } from './model.ts';
import type { Source } from './model-schema.ts';

export interface Ruling {
  readonly allowed: boolean;
  /** For people to read. */
  readonly reason: string;
}

/** Whom a role is given to. */
export interface Recipient {
  /** What they hold already in the scope of the role. */
  readonly roles: readonly RoleRef[];
  /** Whether they are the giver. */
  readonly self: boolean;
  /** How many others hold the role in its scope. */
  readonly otherHolders: number;
}

const NOBODY_YET: Recipient = { roles: [], self: false, otherHolders: 0 };
const ALLOWED: Ruling = { allowed: true, reason: '' };

/**
 * Whether somebody may give a role: by hand, by invitation, as a default at sign-in, or by writing a mapping rule.
 * @param actorRoles what the giver holds in the role's scope or around it (`rolesAt`)
 * @param how the source that the membership will have; `ownership` is refused here, see `mayTransfer`
 */
export function mayGrant(
  model: AccessModel,
  actorRoles: readonly RoleRef[],
  ref: RoleRef,
  how: Source,
  recipient: Recipient = NOBODY_YET,
): Ruling {
  const possible = mayBeGiven(model, ref, how, recipient);
  const role = findRole(model, ref);
  if (!possible.allowed || role === undefined) return possible;
  if (how === 'ownership') return refused(`The role "${role.label}" is handed over by whoever holds it.`);
  if (recipient.self) return refused('Nobody gives a role to themselves.');

  const needed = permissionsToGive(model, role, how);
  const giving = rolesOf(model, actorRoles).filter(
    (each) => covers(each.scopeKind, ref.scopeKind) && holdsAny(each, needed),
  );
  if (giving.length === 0) return refused(`Giving the role "${role.label}" takes ${either(needed)}.`);
  const within = giving.filter((each) => isWithin(model.hierarchy.mayGive, each, role));
  if (within.length === 0) return refused(`The role "${role.label}" is not below the giver's own.`);

  const excess = excessOver(model, actorRoles, role);
  const fromOutside = within.some((each) => each.scopeKind !== role.scopeKind);
  if (excess === undefined || fromOutside) return ALLOWED;
  return refused(`The role "${role.label}" includes "${excess}", which the giver doesn't have.`);
}

/**
 * What holds whoever gives a role, also for the operator and for a rule that gives it: it exists, may come about in this way, is
 * free if it has one holder only, and what it requires is there.
 */
export function mayBeGiven(model: AccessModel, ref: RoleRef, how: Source, recipient: Recipient = NOBODY_YET): Ruling {
  const role = findRole(model, ref);
  if (role === undefined) {
    return refused(`There is no role "${ref.role}" of the ${scopeLabel(model, ref.scopeKind)} in this access model.`);
  }
  if (!role.sources.includes(how)) return refused(`The role "${role.label}" ${NEVER[how]}.`);
  if (role.holders === 'one' && recipient.otherHolders > 0 && how !== 'ownership') {
    return refused(`The role "${role.label}" has exactly one holder.`);
  }
  const { requires } = role;
  if (requires !== undefined && !holds(recipient.roles, { scopeKind: ref.scopeKind, role: requires })) {
    const before = findRole(model, { scopeKind: ref.scopeKind, role: requires })?.label ?? requires;
    return refused(`Only who holds the role "${before}" already can be given "${role.label}".`);
  }
  return ALLOWED;
}

/** Whether somebody may invite anybody at all, asked before they learn who and what there is. @param held all that they hold */
export function mayInvite(model: AccessModel, held: readonly RoleRef[]): Ruling {
  const needed = new Set([...model.roles.values()].flatMap((role) => permissionsToGive(model, role, 'invitation')));
  if (rolesOf(model, held).some((role) => holdsAny(role, [...needed]))) return ALLOWED;
  return refused(`Inviting takes ${either([...needed])}.`);
}

/**
 * Whether somebody may change or take away a role that another person holds.
 * @param actorRoles what the actor holds in the role's scope or around it (`rolesAt`)
 */
export function mayManage(model: AccessModel, actorRoles: readonly RoleRef[], target: RoleRef): Ruling {
  // A role that the model no longer has ranks below all: whoever manages people may tidy it away.
  const role = findRole(model, target);
  const needed = role === undefined ? permissionsOfScope(model, target) : permissionsToGive(model, role, 'manual');
  const managing = rolesOf(model, actorRoles).filter(
    (each) => covers(each.scopeKind, target.scopeKind) && holdsAny(each, needed),
  );
  const name = role?.label ?? target.role;
  if (managing.length === 0) return refused(`Managing the role "${name}" takes ${either(needed)}.`);
  if (role === undefined || managing.some((each) => isWithin(model.hierarchy.mayManage, each, role))) return ALLOWED;
  return refused(`The role "${name}" is not below the actor's own.`);
}

/** Whether somebody may manage a person, for example suspend them: only if they may manage every role that the person holds. */
export function mayManagePerson(
  model: AccessModel,
  actorRoles: readonly RoleRef[],
  targetRoles: readonly RoleRef[],
): Ruling {
  const rulings = targetRoles.map((target) => mayManage(model, actorRoles, target));
  return rulings.find((ruling) => !ruling.allowed) ?? ALLOWED;
}

/**
 * Whether a role may be handed over, and what its former holder then becomes.
 * @param fromRoles what the giver holds in the role's scope
 * @param toRoles what the receiver holds in the role's scope
 */
export function mayTransfer(
  model: AccessModel,
  ref: RoleRef,
  fromRoles: readonly RoleRef[],
  toRoles: readonly RoleRef[],
): Ruling & { readonly formerHolderBecomes?: RoleRef } {
  const role = findRole(model, ref);
  const transfer = role?.transfer;
  if (role === undefined || transfer === undefined || !role.sources.includes('ownership')) {
    return refused(`The role "${role?.label ?? ref.role}" is not handed over.`);
  }
  if (!holds(fromRoles, ref)) return refused(`Only who holds the role "${role.label}" can hand it over.`);
  if (!transfer.to.some((to) => holds(toRoles, { scopeKind: ref.scopeKind, role: to }))) {
    return refused(`The role "${role.label}" can be handed over only to ${either(transfer.to)}.`);
  }
  return { ...ALLOWED, formerHolderBecomes: { scopeKind: ref.scopeKind, role: transfer.leaves } };
}

/** Whether a holder may lose a role: the last owner of a scope never. */
export function mayLose(model: AccessModel, ref: RoleRef, otherHolders: number): Ruling {
  const role = findRole(model, ref);
  if (role === undefined || !role.owner || otherHolders > 0) return ALLOWED;
  return refused(`This is the last holder of "${role.label}"; somebody else must hold it first.`);
}

const NEVER: Record<Source, string> = {
  manual: 'is never given by hand',
  invitation: 'is never given by invitation',
  jit: 'is never given at sign-in',
  mapping: 'is never given by a mapping rule',
  ownership: 'is never handed over',
};

function permissionsToGive(model: AccessModel, role: Role, how: Source): readonly string[] {
  if (role.givenWith !== undefined) return role.givenWith;
  const invite = how === 'invitation' ? model.hierarchy.invitePermission[role.scopeKind] : undefined;
  return invite === undefined ? permissionsOfScope(model, role) : [invite];
}

function permissionsOfScope(model: AccessModel, { scopeKind }: RoleRef): readonly string[] {
  const permission = model.hierarchy.permission[scopeKind];
  return permission === undefined ? [] : [permission];
}

/** A permission of the role that the actor's own roles of the same scope lack, if any. */
function excessOver(model: AccessModel, actorRoles: readonly RoleRef[], role: Role): string | undefined {
  const own = rolesOf(model, actorRoles).filter((each) => each.scopeKind === role.scopeKind);
  return [...role.permissions].find((permission) => !own.some((each) => each.permissions.has(permission)));
}

function isWithin(limit: 'below-own' | 'up-to-own', own: Role, other: Role): boolean {
  return limit === 'up-to-own' ? other.rank <= own.rank : other.rank < own.rank;
}

function rolesOf(model: AccessModel, refs: readonly RoleRef[]): Role[] {
  return refs.map((ref) => findRole(model, ref)).filter((role) => role !== undefined);
}

function holds(roles: readonly RoleRef[], { scopeKind, role }: RoleRef): boolean {
  return roles.some((each) => each.scopeKind === scopeKind && each.role === role);
}

function holdsAny(role: Role, permissions: readonly string[]): boolean {
  return permissions.some((permission) => role.permissions.has(permission));
}

function either(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(' or ') || 'the operator';
}

function refused(reason: string): Ruling {
  return { allowed: false, reason };
}
