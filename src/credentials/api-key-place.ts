/** Where a key belongs: the organization, a workspace with its environment, or a product in it. */
import type { Resource } from '../access/subject.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';

export interface PlaceInput {
  readonly workspace?: string | undefined;
  readonly product?: string | undefined;
  readonly environment?: string | undefined;
}

interface Place {
  readonly resource: Resource;
  readonly environment: 'development' | 'staging' | 'production' | null;
}

/** Finds where a key is to belong. @throws Fault `not-found` where workspace or product are not there, `invalid-input` */
export async function keyPlace(tx: TenantTransaction, input: PlaceInput): Promise<Place> {
  const { organizationId } = tx;
  if (input.workspace === undefined) {
    if (input.product !== undefined)
      throw new Fault('invalid-input', 'A product is in a workspace; name that too.', { where: 'workspace' });
    return { resource: { organizationId, workspaceId: null, product: null }, environment: null };
  }
  const workspace = await tx.db
    .selectFrom('workspaces')
    .select(['id', 'environment'])
    .where('slug', '=', input.workspace)
    .executeTakeFirst();
  if (workspace === undefined)
    throw new Fault('not-found', `There is no workspace "${input.workspace}".`, { where: 'workspace' });
  if (input.environment !== undefined && input.environment !== workspace.environment) {
    throw new Fault(
      'invalid-input',
      `The workspace "${input.workspace}" is ${workspace.environment}, not ${input.environment}.`,
      { where: 'environment' },
    );
  }
  const product = await productIn(tx, workspace.id, input.product);
  return { resource: { organizationId, workspaceId: workspace.id, product }, environment: workspace.environment };
}

async function productIn(
  tx: TenantTransaction,
  workspaceId: string,
  slug: string | undefined,
): Promise<Resource['product']> {
  if (slug === undefined) return null;
  const row = await tx.db
    .selectFrom('products')
    .select(['id', 'subscription_status as status', 'subscription_ends_at as endsAt'])
    .where('workspace_id', '=', workspaceId)
    .where('slug', '=', slug)
    .executeTakeFirst();
  if (row === undefined)
    throw new Fault('not-found', `There is no product "${slug}" in this workspace.`, { where: 'product' });
  return { id: row.id, subscription: { status: row.status, endsAt: row.endsAt } };
}
