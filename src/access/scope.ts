/** A scope as people write it, and as rows keep it. */
import { z } from 'zod';
import type { TenantTransaction } from '../store/tenant.ts';
import { findProduct } from '../tenancy/product.ts';
import { findWorkspace } from '../tenancy/workspace.ts';
import type { Resource } from './subject.ts';

/** The organization itself, a workspace by slug, or a product by its workspace's and its own slug. */
export const scopeInput = z.union(
  [
    z.literal('organization'),
    z.strictObject({ workspace: z.string().min(1) }),
    z.strictObject({ product: z.string().regex(/^[^/]+\/[^/]+$/) }),
  ],
  { error: 'must be "organization", {workspace: slug} or {product: workspace-slug/product-slug}' },
);
export type ScopeInput = z.output<typeof scopeInput>;

export interface Place {
  readonly kind: 'organization' | 'workspace' | 'product';
  readonly id: string;
  readonly workspaceId: string | null;
  readonly productId: string | null;
}

/** Finds where a scope is. @throws Fault `not-found` where workspace or product are not there */
export async function placeOf(tx: TenantTransaction, scope: ScopeInput): Promise<Place> {
  if (scope === 'organization') {
    return { kind: 'organization', id: tx.organizationId, workspaceId: null, productId: null };
  }
  if ('workspace' in scope) {
    const { id } = await findWorkspace(tx, scope.workspace);
    return { kind: 'workspace', id, workspaceId: id, productId: null };
  }
  const [workspace = '', product = ''] = scope.product.split('/');
  const { id, workspaceId } = await findProduct(tx, workspace, product);
  return { kind: 'product', id, workspaceId, productId: id };
}

/** A place as rules about roles ask for it. Who gives a role doesn't need the product, so its subscription doesn't count here. */
export function resourceAt(organizationId: string, place: Pick<Place, 'workspaceId' | 'productId'>): Resource {
  const product =
    place.productId === null ? null : { id: place.productId, subscription: { status: 'active', endsAt: null } };
  return { organizationId, workspaceId: place.workspaceId, product };
}
