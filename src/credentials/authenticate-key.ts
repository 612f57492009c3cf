/** An API key as a caller of the administration API: it may what its scopes, its kind and, where it acts as one, its creator may. */
import type { Request } from 'express';
import { mayAdminister } from '../access/administration.ts';
import { decideKey } from '../access/decide-key.ts';
import type { AdminArea, Authenticate, Caller } from '../http/caller.ts';
import { bearerOf } from '../http/operator.ts';
import type { NoteUse } from './key-uses.ts';
import { actorOfKey, type FindKey, type KnownKey, liveScopes, ruledKey } from './known-keys.ts';

/** Recognises a caller by `Authorization: Bearer <API key>`. */
export function authenticateApiKey(deps: { readonly findKey: FindKey; readonly noteUse: NoteUse }): Authenticate {
  return async (request) => {
    const presented = bearerOf(request);
    const known = presented === undefined ? undefined : await deps.findKey(presented);
    const scopes = known && liveScopes(known, new Date());
    if (known === undefined || scopes === undefined) return undefined;
    deps.noteUse(known, { endpoint: endpointOf(request), address: request.ip });
    return callerOf(known, scopes);
  };
}

function endpointOf({ method, baseUrl, path }: Request): string {
  return `${method} ${baseUrl}${path}`.slice(0, 200);
}

function callerOf(known: KnownKey, scopes: readonly string[]): Caller {
  const { key, model } = known;
  return {
    actor: actorOfKey(key),
    organizationId: key.organization_id,
    // A key that acts as a person has that person's rank where it gives or takes roles.
    userId: model.apiKeys[key.kind]?.actsAs === 'creator' ? key.creator_id : null,
    mayAdminister: (area) => keyAdministers(known, area, new Date()),
    hasScope: (scope) => scopes.includes(scope),
  };
}

/** Only a key of the whole organization administers it, and only what its own scopes and its creator reach in every workspace. */
function keyAdministers({ key, model, creator, workspaceIds }: KnownKey, area: AdminArea, now: Date): boolean {
  const action = model.administration[area];
  const organization = { id: key.organization_id, workspaceIds };
  if (key.workspace_id !== null || !key.scopes.includes(action)) return false;
  if (model.apiKeys[key.kind]?.actsAs === 'creator') {
    return creator !== null && mayAdminister(model, creator, area, organization, now).decision;
  }
  const places = workspaceIds.length > 0 ? workspaceIds : [null];
  return places.every(
    (workspaceId) =>
      decideKey(
        model,
        ruledKey(key),
        null,
        action,
        { organizationId: organization.id, workspaceId, product: null },
        now,
      ).decision,
  );
}
