/** Workspaces: the boundary below the organization, each for one environment. */
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { type Put, putRow } from './put.ts';
import { refuseWhileInUse, type ScopeInUse } from './scope-in-use.ts';
import { displayName, slug } from './slug.ts';

/** What an administrator says of a workspace. */
export const workspaceInput = z.strictObject({
  slug,
  name: displayName.optional(),
  environment: z.enum(['development', 'staging', 'production']).default('production'),
});
export type WorkspaceInput = z.output<typeof workspaceInput>;

/** Creates or updates a workspace. */
export function putWorkspace(tx: TenantTransaction, input: WorkspaceInput): Promise<Put> {
  const { slug, name = slug, environment } = input;
  return putRow(tx, 'workspaces', 'workspace', { slug }, { name, environment });
}

/** Finds a workspace by slug or id. @throws Fault `not-found` */
export async function findWorkspace(tx: TenantTransaction, slugOrId: string) {
  const workspace = await tx.db
    .selectFrom('workspaces')
    .select(['id', 'slug', 'name', 'environment'])
    .where((is) => is.or([is('slug', '=', slugOrId), is(is.cast<string>('id', 'text'), '=', slugOrId)]))
    .executeTakeFirst();
  if (workspace !== undefined) return workspace;
  throw new Fault('not-found', `There is no workspace "${slugOrId}".`, { where: 'workspace' });
}

/** Every workspace of the organization, by slug. */
export function listWorkspaces(tx: TenantTransaction) {
  return tx.db.selectFrom('workspaces').select(['id', 'slug', 'name', 'environment']).orderBy('slug').execute();
}

/** Deletes a workspace with its products. @throws Fault `not-found`, `conflict` while access is given in it */
export async function deleteWorkspace(tx: TenantTransaction, inUse: ScopeInUse, slugOrId: string): Promise<void> {
  const { id, slug } = await findWorkspace(tx, slugOrId);
  // Held first, so that nobody is given access in it between the question and the deed.
  await tx.db.selectFrom('workspaces').select('id').where('id', '=', id).forUpdate().execute();
  await refuseWhileInUse(tx, inUse, { workspaceId: id }, `The workspace "${slug}"`);
  await tx.db.deleteFrom('workspaces').where('id', '=', id).execute();
  await record(tx, { action: 'workspace.deleted', resource: { type: 'workspace', id }, detail: { slug } });
}
