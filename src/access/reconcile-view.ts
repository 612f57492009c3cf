/** What of a model the reconcile's SQL needs, flat. */
import type { ScopeKind } from '../store/tables.ts';
import type { AccessModel } from './model.ts';

export interface ReconcileRole {
  readonly role: string;
  readonly scopeKind: ScopeKind;
  readonly rank: number;
  readonly administrative: boolean;
  /** Whether a mapping rule may give it. */
  readonly mappable: boolean;
}

/** Every role of the model. */
export function rolesForReconcile(model: AccessModel): ReconcileRole[] {
  return [...model.roles.values()].map(({ role, scopeKind, rank, administrative, sources }) => {
    return { role, scopeKind, rank, administrative, mappable: sources.includes('mapping') };
  });
}

/** Whether a product's role takes a membership of its workspace (access-models, atomyx). */
export function layerRequires(model: AccessModel): boolean {
  return model.layers.includes('workspace');
}

/** Names of the roles whose last holder is never removed. */
export function ownerRoles(model: AccessModel): string[] {
  const names = [...model.roles.values()].filter(({ owner }) => owner).map(({ role }) => role);
  return [...new Set(names)];
}
