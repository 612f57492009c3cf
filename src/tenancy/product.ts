/** Products in a workspace, and their subscriptions: without an active one, nobody has the product. */
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { type Put, putRow } from './put.ts';
import { refuseWhileInUse, type ScopeInUse } from './scope-in-use.ts';
import { displayName, slug } from './slug.ts';
import { findWorkspace } from './workspace.ts';

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

/** What an administrator says of a product; `workspace` is the slug of the one it is in. */
export const productInput = z.strictObject({
  workspace: z.string().min(1),
  slug,
  name: displayName.optional(),
  subscriptionStatus: z.enum(['active', 'inactive', 'expired']).default('active'),
  /** The subscription counts until then, whatever its status says. */
  subscriptionEndsAt: time.nullable().default(null),
  seats: z.number().int().min(0).max(2_147_483_647).nullable().default(null),
});
export type ProductInput = z.output<typeof productInput>;

const SHOWN = ['id', 'slug', 'name', 'subscription_status', 'subscription_ends_at', 'seats'] as const;

/** Creates or updates a product. @throws Fault `not-found` where there is no such workspace */
export async function putProduct(tx: TenantTransaction, input: ProductInput): Promise<Put> {
  const workspace = await findWorkspace(tx, input.workspace);
  const key = { workspace_id: workspace.id, slug: input.slug };
  return putRow(tx, 'products', 'product', key, {
    name: input.name ?? input.slug,
    subscription_status: input.subscriptionStatus,
    subscription_ends_at: input.subscriptionEndsAt,
    seats: input.seats,
  });
}

/** Finds a product of a workspace, each by slug or id. @throws Fault `not-found` */
export async function findProduct(tx: TenantTransaction, workspace: string, slugOrId: string) {
  const { id: workspaceId } = await findWorkspace(tx, workspace);
  const product = await tx.db
    .selectFrom('products')
    .select(SHOWN)
    .where('workspace_id', '=', workspaceId)
    .where((is) => is.or([is('slug', '=', slugOrId), is(is.cast<string>('id', 'text'), '=', slugOrId)]))
    .executeTakeFirst();
  if (product !== undefined) return { ...shownProduct(product), workspaceId };
  throw new Fault('not-found', `There is no product "${slugOrId}" in this workspace.`, { where: 'product' });
}

/** Every product of a workspace, by slug. @throws Fault `not-found` where there is no such workspace */
export async function listProducts(tx: TenantTransaction, workspace: string) {
  const { id } = await findWorkspace(tx, workspace);
  const rows = await tx.db
    .selectFrom('products')
    .select(SHOWN)
    .where('workspace_id', '=', id)
    .orderBy('slug')
    .execute();
  return rows.map(shownProduct);
}

/** Deletes a product. @throws Fault `not-found`, `conflict` while access is given to it */
export async function deleteProduct(
  tx: TenantTransaction,
  inUse: ScopeInUse,
  workspace: string,
  slugOrId: string,
): Promise<void> {
  const { id, slug, workspaceId } = await findProduct(tx, workspace, slugOrId);
  // Held first, so that nobody is given access in it between the question and the deed.
  await tx.db.selectFrom('products').select('id').where('id', '=', id).forUpdate().execute();
  await refuseWhileInUse(tx, inUse, { workspaceId, productId: id }, `The product "${slug}"`);
  await tx.db.deleteFrom('products').where('id', '=', id).execute();
  await record(tx, { action: 'product.deleted', resource: { type: 'product', id }, detail: { slug, workspaceId } });
}

function shownProduct(row: {
  id: string;
  slug: string;
  name: string;
  subscription_status: string;
  subscription_ends_at: Date | null;
  seats: number | null;
}) {
  const { id, slug, name, seats } = row;
  const subscription = { subscriptionStatus: row.subscription_status, subscriptionEndsAt: row.subscription_ends_at };
  return { id, slug, name, ...subscription, seats };
}
