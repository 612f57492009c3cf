/** An access model as the rules use it: the file's settings, with its roles and permissions ready to be looked up. */
import type { ScopeKind } from '../store/tables.ts';
import { type ModelFile, SCOPE_KINDS, type Source } from './model-schema.ts';

/** Names a role. Roles of different scopes may share a name. */
export interface RoleRef {
  readonly scopeKind: ScopeKind;
  readonly role: string;
}

type RoleInFile = NonNullable<ModelFile['roles'][ScopeKind]>[string];

export interface Role extends Omit<RoleInFile, 'label' | 'sources'>, RoleRef {
  readonly label: string;
  readonly sources: readonly Source[];
  readonly permissions: ReadonlySet<string>;
  /** Made by an organization; the model's own roles are fixed. */
  readonly custom: boolean;
}

export interface Permission {
  readonly name: string;
  readonly category: string;
  /** The kinds of scope of which it may be asked, outermost first. */
  readonly at: readonly ScopeKind[];
}

export interface AccessModel extends Omit<ModelFile, 'roles' | 'permissions'> {
  /** By `roleKey`. */
  readonly roles: ReadonlyMap<string, Role>;
  readonly permissions: ReadonlyMap<string, Permission>;
}

/** Indexes a file of the right shape. */
export function buildModel(file: ModelFile): AccessModel {
  const roles = new Map<string, Role>();
  for (const scopeKind of SCOPE_KINDS) {
    for (const [name, role] of Object.entries(file.roles[scopeKind] ?? {})) {
      const permissions = permissionsOf(file, scopeKind, name);
      const described = { ...role, label: role.label ?? labelOf(name) };
      roles.set(roleKey(scopeKind, name), { ...described, scopeKind, role: name, permissions, custom: false });
    }
  }
  return { ...file, roles, permissions: permissionsByName(file) };
}

/** The key of a role in `AccessModel.roles`. */
export function roleKey(scopeKind: ScopeKind, role: string): string {
  return `${scopeKind}/${role}`;
}

/** The role that a reference names, if the model has it. */
export function findRole(model: AccessModel, ref: RoleRef): Role | undefined {
  return model.roles.get(roleKey(ref.scopeKind, ref.role));
}

/** How this model calls a kind of scope in a sentence, e.g. "project" for a workspace. */
export function scopeLabel(model: AccessModel, kind: ScopeKind): string {
  return (model.scopes[kind]?.label ?? kind).toLowerCase();
}

/** Whether a scope of one kind can contain scopes of the other, or is of the same kind. */
export function covers(outer: ScopeKind, inner: ScopeKind): boolean {
  return SCOPE_KINDS.indexOf(outer) <= SCOPE_KINDS.indexOf(inner);
}

function permissionsOf(file: ModelFile, scopeKind: ScopeKind, role: string): Set<string> {
  const rankOf = (name: string) => file.roles[scopeKind]?.[name]?.rank ?? Number.POSITIVE_INFINITY;
  const holds = (holder: string) => holder === role || (file.hierarchy.inherits && rankOf(holder) < rankOf(role));
  const held = Object.entries(file.permissions).filter(([, each]) => each.roles[scopeKind]?.some(holds));
  return new Set(held.map(([name]) => name));
}

function permissionsByName(file: ModelFile): Map<string, Permission> {
  return new Map(
    Object.entries(file.permissions).map(([name, { at, category }]) => {
      const kinds = new Set<ScopeKind>([at].flat());
      const area = name.slice(0, name.indexOf('.'));
      return [name, { name, category: category ?? area, at: SCOPE_KINDS.filter((kind) => kinds.has(kind)) }];
    }),
  );
}

function labelOf(name: string): string {
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
