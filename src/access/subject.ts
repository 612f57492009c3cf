/** Who asks and of what: a person's account with its memberships, a place in an organization, and which of them meet. */
import type { ScopeKind } from '../store/tables.ts';
import { type AccessModel, covers, findRole, type Role } from './model.ts';

export interface HeldMembership {
  readonly scopeKind: ScopeKind;
  /** Of the product, workspace or organization; a membership of the platform reaches every organization, whatever it says. */
  readonly scopeId: string;
  /** The workspace itself, or the one that the product is in. */
  readonly workspaceId: string | null;
  readonly role: string;
  readonly expiresAt: Date | null;
}

export interface Subject {
  readonly status: 'active' | 'suspended' | 'deprovisioned';
  readonly memberships: readonly HeldMembership[];
}

export interface Resource {
  readonly organizationId: string;
  readonly workspaceId: string | null;
  readonly product: {
    readonly id: string;
    readonly subscription: { readonly status: string; readonly endsAt: Date | null };
  } | null;
}

/** A membership whose role the model knows. */
export interface HeldRole {
  readonly role: Role;
  readonly membership: HeldMembership;
}

/** The roles that a person holds now, widest scope and highest rank first. What has expired or is not of the model is left out. */
export function liveRoles(model: AccessModel, subject: Subject, now: Date): HeldRole[] {
  const held: HeldRole[] = [];
  for (const membership of subject.memberships) {
    const role = findRole(model, membership);
    if (role !== undefined && isLive(membership, now)) held.push({ role, membership });
  }
  return held.sort((one, other) => {
    if (one.role.scopeKind !== other.role.scopeKind) return covers(one.role.scopeKind, other.role.scopeKind) ? -1 : 1;
    return other.role.rank - one.role.rank;
  });
}

/** Whether a membership is of the scope of this kind in which the resource lies. */
export function isAt(
  { scopeKind, scopeId, workspaceId }: HeldMembership,
  kind: ScopeKind,
  resource: Resource,
): boolean {
  if (scopeKind !== kind) return false;
  switch (kind) {
    case 'platform':
      return true;
    case 'organization':
      return scopeId === resource.organizationId;
    case 'workspace':
      return scopeId === resource.workspaceId;
    case 'product':
      return scopeId === resource.product?.id && (workspaceId === null || workspaceId === resource.workspaceId);
  }
}

/**
 * Whether a held role counts at the scope of this kind in which the resource lies: it is of that scope or of one around it, and
 * its own reach goes that far.
 * @param held all roles that the person holds now
 */
export function reaches(
  { role, membership }: HeldRole,
  kind: ScopeKind,
  resource: Resource,
  held: readonly HeldRole[],
): boolean {
  if (!covers(role.scopeKind, kind) || !isAt(membership, role.scopeKind, resource)) return false;
  if (kind === role.scopeKind || role.reach === 'everything') return true;
  return role.reach === 'assigned' && held.some((each) => isAt(each.membership, 'workspace', resource));
}

/** The kind of the innermost scope that a resource names. */
export function scopeOf(resource: Resource): ScopeKind {
  if (resource.workspaceId === null) return 'organization';
  return resource.product === null ? 'workspace' : 'product';
}

function isLive({ expiresAt }: HeldMembership, now: Date): boolean {
  return expiresAt === null || expiresAt.getTime() > now.getTime();
}
