/**
 * The decision: may this person do this here, now? Layer by layer, in the model's order, and no unless everything says yes
 * (access-models; offboarding, Decisions). Pure: no database, no clock.
 */
import type { ScopeKind } from '../store/tables.ts';
import { type AccessModel, covers, type Permission, type RoleRef, scopeLabel } from './model.ts';
import type { Layer } from './model-schema.ts';
import { type HeldRole, isAt, liveRoles, type Resource, reaches, type Subject, scopeOf } from './subject.ts';

export interface Decision {
  readonly decision: boolean;
  /** For people to read. */
  readonly reason: string;
  /** What is lacking, first of all; null where it is allowed. */
  readonly missing: Layer | 'permission' | null;
  /** The membership that allows it. */
  readonly via?: RoleRef & { readonly scopeId: string };
}

interface Question {
  readonly model: AccessModel;
  readonly permission: Permission;
  /** The kind of scope of which it is asked. */
  readonly kind: ScopeKind;
  readonly resource: Resource;
  readonly held: readonly HeldRole[];
  readonly now: Date;
}

/**
 * Decides whether a person may do something.
 * @param action a permission of the model
 * @param resource where; what it names beyond the scopes of which the permission is asked is ignored
 */
export function decide(model: AccessModel, subject: Subject, action: string, resource: Resource, now: Date): Decision {
  if (subject.status !== 'active') return refuse('account', `The account is ${subject.status}.`);
  const asked = askedOf(model, action, resource);
  if ('refusal' in asked) return asked.refusal;

  const question: Question = { model, ...asked, resource, now, held: liveRoles(model, subject, now) };
  for (const layer of model.layers) {
    const refusal = LAYER_CHECKS[layer](question);
    if (refusal !== null) return refusal;
  }
  return throughRole(question);
}

/** Every permission of the model that the person has here, now. */
export function permittedActions(model: AccessModel, subject: Subject, resource: Resource, now: Date): string[] {
  return [...model.permissions.keys()].filter((action) => decide(model, subject, action, resource, now).decision);
}

/**
 * The roles with which a person acts on who has which role here: those that count here, and those of a scope around it that
 * reach containers only. Nobody but an active person has any.
 */
export function rolesAt(model: AccessModel, subject: Subject, resource: Resource, now: Date): RoleRef[] {
  if (subject.status !== 'active') return [];
  const held = liveRoles(model, subject, now);
  const counts = (each: HeldRole) =>
    each.role.reach === 'containers'
      ? isAt(each.membership, each.role.scopeKind, resource)
      : reaches(each, scopeOf(resource), resource, held);
  return held.filter(counts).map(({ role }) => ({ scopeKind: role.scopeKind, role: role.role }));
}

/** The permission, and the kind of scope of which it is asked here: the innermost that both know. Or why it can't be asked. */
export function askedOf(
  model: AccessModel,
  action: string,
  resource: Resource,
): { permission: Permission; kind: ScopeKind } | { refusal: Decision } {
  const permission = model.permissions.get(action);
  if (permission === undefined) {
    return { refusal: refuse('permission', `The access model ${model.name} knows no action "${action}".`) };
  }
  const kind = permission.at.findLast((each) => covers(each, scopeOf(resource)));
  if (kind !== undefined) return { permission, kind };
  const needed = permission.at[0] === 'product' && resource.workspaceId !== null ? 'product' : 'workspace';
  return { refusal: refuse(needed, `"${action}" is asked of a ${scopeLabel(model, needed)}, and none is named.`) };
}

/** Whether a product's subscription is active now; without one, why not. */
export function subscriptionRefusal({ product }: Resource, now: Date): Decision | null {
  const { status, endsAt } = product?.subscription ?? { status: 'missing', endsAt: null };
  if (status !== 'active') return refuse('subscription', `The product's subscription is ${status}.`);
  if (endsAt === null || endsAt.getTime() > now.getTime()) return null;
  return refuse('subscription', "The product's subscription has ended.");
}

/** A decision that says no. */
export function refuse(missing: NonNullable<Decision['missing']>, reason: string): Decision {
  return { decision: false, reason, missing };
}

const LAYER_CHECKS: Record<Layer, (question: Question) => Decision | null> = {
  // Asked before all else, of every model.
  account: () => null,
  workspace: (question) => membershipRefusal(question, 'workspace'),
  product: (question) => membershipRefusal(question, 'product'),
  subscription: ({ kind, resource, now }) => (kind === 'product' ? subscriptionRefusal(resource, now) : null),
  role: ({ model, kind, resource, held }) => {
    if (held.some((each) => reaches(each, kind, resource, held))) return null;
    const unassigned = held.some(
      ({ role, membership }) => role.reach === 'assigned' && isAt(membership, role.scopeKind, resource),
    );
    const label = scopeLabel(model, 'workspace');
    if (unassigned && covers('workspace', kind))
      return refuse('workspace', `The person is not assigned to this ${label}.`);
    return refuse('role', `The person holds no role that counts in this ${scopeLabel(model, kind)}.`);
  },
};

function membershipRefusal({ model, kind, resource, held }: Question, layer: 'workspace' | 'product'): Decision | null {
  if (!covers(layer, kind) || held.some(({ membership }) => isAt(membership, layer, resource))) return null;
  return refuse(layer, `The person is not a member of this ${scopeLabel(model, layer)}.`);
}

function throughRole({ model, permission, kind, resource, held }: Question): Decision {
  const reaching = held.filter((each) => reaches(each, kind, resource, held));
  const giving = reaching.find(({ role }) => role.permissions.has(permission.name));
  const names = (roles: readonly HeldRole[]) => [...new Set(roles.map(({ role }) => `"${role.label}"`))].join(', ');
  if (giving === undefined) {
    return refuse('permission', `The person's role here, ${names(reaching)}, doesn't include "${permission.name}".`);
  }
  const { role, membership } = giving;
  return {
    decision: true,
    reason: `The role ${names([giving])} of the ${scopeLabel(model, role.scopeKind)} includes "${permission.name}".`,
    missing: null,
    via: { scopeKind: role.scopeKind, role: role.role, scopeId: membership.scopeId },
  };
}
