/** Who may say which role newcomers get at their first sign-in. */
import type { Caller } from '../http/caller.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { listWorkspaces } from '../tenancy/workspace.ts';
import { actingRoles, actorOf, permit } from './acting.ts';
import type { Models } from './model-file.ts';
import { organizationModel } from './organization-model.ts';
import { mayGrant } from './rank.ts';
import type { Place } from './scope.ts';

/**
 * Refuses a default role that the caller may not give by hand: letting newcomers have it would be a way round one's own rank. Where
 * newcomers' roles are of workspaces, the caller must be able to give it in every one.
 * @throws Fault `forbidden`
 */
export async function permitDefaultRole(
  models: Models,
  tx: TenantTransaction,
  caller: Caller,
  role: string,
): Promise<void> {
  const actor = actorOf(caller);
  if (actor === null) return;
  const model = await organizationModel(models, tx);
  const ref = { scopeKind: model.defaultRole.scope, role };
  const places = ref.scopeKind === 'workspace' ? await workspacesOf(tx) : [organizationOf(tx)];
  for (const place of places) permit(mayGrant(model, await actingRoles(tx, model, actor, place), ref, 'jit'));
}

function organizationOf({ organizationId }: TenantTransaction): Place {
  return { kind: 'organization', id: organizationId, workspaceId: null, productId: null };
}

async function workspacesOf(tx: TenantTransaction): Promise<Place[]> {
  return (await listWorkspaces(tx)).map(({ id }) => ({ kind: 'workspace', id, workspaceId: id, productId: null }));
}
