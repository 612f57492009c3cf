/**
 * What an API key may do: never more than its own scopes, its kind's limits and, where it acts as its creator, what the creator
 * may do at that moment (access-models; offboarding, API keys). Pure: no database, no clock.
 */
import { askedOf, type Decision, decide, refuse, subscriptionRefusal } from './decide.ts';
import { type AccessModel, covers } from './model.ts';
import { isKeyKind } from './model-schema.ts';
import type { Resource, Subject } from './subject.ts';

export interface ApiKey {
  readonly kind: string;
  readonly organizationId: string;
  /** Where it belongs; null where it is of the organization. */
  readonly workspaceId: string | null;
  readonly productId: string | null;
  readonly environment: string;
  /** Permissions. */
  readonly scopes: readonly string[];
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

/** A resource, and the environment of its workspace where that is known. */
export interface KeyResource extends Resource {
  readonly environment?: string;
}

/**
 * Decides whether an API key may do something.
 * @param creator who made it; null where nobody is known. Counts only where keys of this kind act as their creator
 */
export function decideKey(
  model: AccessModel,
  key: ApiKey,
  creator: Subject | null,
  action: string,
  resource: KeyResource,
  now: Date,
): Decision {
  const kind = kindOf(model, key.kind);
  const refusal = endOfKey(model, key, now) ?? outsideOf(key, resource);
  if (refusal !== null) return refusal;
  if (!mayCarry(model, key.kind, action)) {
    return refuse('permission', `Keys of this kind can't do "${action}".`);
  }
  if (!key.scopes.includes(action)) return refuse('permission', `The key's scopes don't include "${action}".`);

  if (kind?.actsAs === 'itself') return asItself(model, action, resource, now);
  if (creator === null) return refuse('account', 'The key acts as its creator, and there is none.');
  return decide(model, creator, action, resource, now);
}

/** Why a key counts for nothing any more, wherever it is used; null where it still may. A kind that the model doesn't know gives nothing. */
export function endOfKey(
  model: AccessModel,
  { kind, revokedAt, expiresAt }: Pick<ApiKey, 'kind' | 'revokedAt' | 'expiresAt'>,
  now: Date,
): Decision | null {
  if (kindOf(model, kind) === undefined) return refuse('account', `The access model has no keys of kind "${kind}".`);
  if (revokedAt !== null) return refuse('account', 'The key is revoked.');
  return isAfter(expiresAt, now) ? null : refuse('account', 'The key has expired.');
}

/**
 * Whether a person may make a key of this kind with these scopes here: none beyond the kind's limits, none beyond the maker's own.
 * @param resource where the key will belong
 */
export function mayCreateKey(
  model: AccessModel,
  maker: Subject,
  wanted: { readonly kind: string; readonly scopes: readonly string[] },
  resource: Resource,
  now: Date,
): Decision {
  const kind = kindOf(model, wanted.kind);
  if (kind === undefined) return refuse('permission', `The access model has no keys of kind "${wanted.kind}".`);
  if (wanted.scopes.length === 0) return refuse('permission', 'A key needs at least one scope.');
  const excessive = wanted.scopes.find((scope) => !mayCarry(model, wanted.kind, scope));
  if (excessive !== undefined) return refuse('permission', `Keys of this kind can't carry "${excessive}".`);
  const needed = kind.createdWith === undefined ? wanted.scopes : [kind.createdWith, ...wanted.scopes];
  const decisions = needed.map((action) => decide(model, maker, action, resource, now));
  const refusal = decisions.find(({ decision }) => !decision);
  return refusal ?? { decision: true, reason: 'The maker has every permission of the key.', missing: null };
}

/** Whether keys of a kind can carry a permission at all. */
export function mayCarry(model: AccessModel, kindName: string, permission: string): boolean {
  const limit = kindOf(model, kindName)?.permissions;
  if (limit === undefined || !model.permissions.has(permission)) return false;
  return limit === 'all' || limit.includes(permission);
}

function asItself(model: AccessModel, action: string, resource: Resource, now: Date): Decision {
  const asked = askedOf(model, action, resource);
  if ('refusal' in asked) return asked.refusal;
  const isOfProduct = covers('product', asked.kind) && model.layers.includes('subscription');
  const refusal = isOfProduct ? subscriptionRefusal(resource, now) : null;
  return refusal ?? { decision: true, reason: `The key's scopes include "${action}".`, missing: null };
}

function outsideOf(key: ApiKey, resource: KeyResource): Decision | null {
  if (key.organizationId !== resource.organizationId) return refuse('account', 'The key is of another organization.');
  if (key.workspaceId !== null && key.workspaceId !== resource.workspaceId) {
    return refuse('workspace', 'The key belongs elsewhere.');
  }
  if (key.productId !== null && key.productId !== resource.product?.id) {
    return refuse('product', 'The key belongs to another product.');
  }
  if (resource.environment !== undefined && resource.environment !== key.environment) {
    return refuse('workspace', `The key is for ${key.environment}, not for ${resource.environment}.`);
  }
  return null;
}

function kindOf(model: AccessModel, name: string) {
  return isKeyKind(name) ? model.apiKeys[name] : undefined;
}

function isAfter(end: Date | null, now: Date): boolean {
  return end === null || end.getTime() > now.getTime();
}
