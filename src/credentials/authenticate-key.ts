/** An API key as a caller of the administration API: it may what its scopes, its kind and, where it acts as one, its creator may. */
import type { Kysely } from 'kysely';
import { mayAdminister } from '../access/administration.ts';
import { decideKey } from '../access/decide-key.ts';
import { subjectOf } from '../access/membership.ts';
import type { AccessModel } from '../access/model.ts';
import type { Models } from '../access/model-file.ts';
import { organizationModel } from '../access/organization-model.ts';
import type { Subject } from '../access/subject.ts';
import { ADMIN_AREAS, type AdminArea, type Authenticate, type Caller } from '../http/caller.ts';
import { bearerOf } from '../http/operator.ts';
import { locateApiKey } from '../store/locate.ts';
import type { Tables } from '../store/tables.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import type { StoredKey } from './api-key.ts';
import { isKey } from './api-key-format.ts';
import { liveKey, touchKey } from './introspection.ts';
import { hashOf } from './sealing.ts';

const KEYS: Origin = { actor: { kind: 'system', id: 'api keys', label: 'api keys' } };
/** Recognises a caller by `Authorization: Bearer <API key>`. */
export function authenticateApiKey(deps: {
  readonly store: { readonly db: Kysely<Tables> };
  readonly models: Models;
}): Authenticate {
  return async (request) => {
    const presented = bearerOf(request);
    if (presented === undefined || !isKey(presented)) return undefined;
    const hash = hashOf(presented);
    const organizationId = await locateApiKey(deps.store.db, hash);
    if (organizationId === undefined) return undefined;
    return inTenant(deps.store.db, organizationId, KEYS, async (tx) => {
      const key = await liveKey(deps.models, tx, hash);
      if (key === undefined) return undefined;
      await touchKey(tx, key.id);
      return callerOfKey(tx, await organizationModel(deps.models, tx), key);
    });
  };
}

async function callerOfKey(tx: TenantTransaction, model: AccessModel, key: StoredKey): Promise<Caller> {
  const creator = key.creator_id === null ? null : await subjectOf(tx, key.creator_id);
  const workspaces = await tx.db.selectFrom('workspaces').select('id').execute();
  const organization = { id: tx.organizationId, workspaceIds: workspaces.map(({ id }) => id) };
  const now = new Date();
  const areas = new Set(ADMIN_AREAS.filter((area) => keyAdministers(model, key, creator, area, organization, now)));
  return {
    actor: { kind: 'api_key', id: key.id, label: `${key.name} (${key.display})` },
    organizationId: tx.organizationId,
    // A key that acts as a person has that person's rank where it gives or takes roles.
    userId: model.apiKeys[key.kind]?.actsAs === 'creator' ? key.creator_id : null,
    mayAdminister: (area) => areas.has(area),
    hasScope: (scope) => key.scopes.includes(scope),
  };
}

/** Only a key of the whole organization administers it, and only what its own scopes and its creator reach in every workspace. */
function keyAdministers(
  model: AccessModel,
  key: StoredKey,
  creator: Subject | null,
  area: AdminArea,
  organization: { readonly id: string; readonly workspaceIds: readonly string[] },
  now: Date,
): boolean {
  const action = model.administration[area];
  if (key.workspace_id !== null || !key.scopes.includes(action)) return false;
  if (model.apiKeys[key.kind]?.actsAs === 'creator') {
    return creator !== null && mayAdminister(model, creator, area, organization, now).decision;
  }
  const asked = {
    kind: key.kind,
    organizationId: key.organization_id,
    workspaceId: null,
    productId: null,
    environment: key.environment,
    scopes: key.scopes,
    expiresAt: key.expires_at,
    revokedAt: key.revoked_at,
  };
  const places = organization.workspaceIds.length > 0 ? organization.workspaceIds : [null];
  return places.every(
    (workspaceId) =>
      decideKey(model, asked, null, action, { organizationId: organization.id, workspaceId, product: null }, now)
        .decision,
  );
}
