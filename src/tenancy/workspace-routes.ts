/** Workspaces and their products in the administration API. */
import { z } from 'zod';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, endpoint } from '../http/endpoint.ts';
import type { Store } from '../store/database.ts';
import { deleteProduct, findProduct, listProducts, productInput, putProduct } from './product.ts';
import type { ScopeInUse } from './scope-in-use.ts';
import { slug } from './slug.ts';
import { deleteWorkspace, findWorkspace, listWorkspaces, putWorkspace, workspaceInput } from './workspace.ts';

interface WorkspaceDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly inUse: ScopeInUse;
}

const workspaceAnswer = z.object({ id: z.string(), slug: z.string(), name: z.string(), environment: z.string() });
const productAnswer = z.object({
  id: z.string(),
  slug: z.string(),
  name: z.string(),
  subscriptionStatus: z.string(),
  subscriptionEndsAt: z.date().nullable(),
  seats: z.number().nullable(),
});

const workspacePath = z.object({ workspace: z.string() });
const productPath = z.object({ workspace: z.string(), product: z.string() });

/** Routes below an organization's. */
export function declareWorkspaces(api: ApiRouter, deps: WorkspaceDependencies): void {
  const area = 'organization';
  const params = workspacePath;
  const path = '/workspaces/:workspace';

  endpoint(
    api,
    {
      method: 'get',
      path: '/workspaces',
      summary: 'List workspaces',
      area,
      answer: z.object({ workspaces: z.array(workspaceAnswer) }),
    },
    (_, request) => withinTenant(deps.store.db, request, async (tx) => ({ workspaces: await listWorkspaces(tx) })),
  );
  endpoint(api, { method: 'get', path, summary: 'One workspace', area, params }, ({ params }, request) =>
    withinTenant(deps.store.db, request, (tx) => findWorkspace(tx, params.workspace)),
  );
  endpoint(
    api,
    {
      method: 'put',
      path,
      summary: 'Create or update a workspace',
      area,
      params: z.object({ workspace: slug }),
      body: workspaceInput.omit({ slug: true }),
    },
    ({ params, body }, request) =>
      withinTenant(deps.store.db, request, async (tx) => {
        const { action } = await putWorkspace(tx, { ...body, slug: params.workspace });
        return { ...(await findWorkspace(tx, params.workspace)), action };
      }),
  );
  endpoint(
    api,
    { method: 'delete', path, summary: 'Delete a workspace in which nobody has access', area, params },
    ({ params }, request) =>
      withinTenant(deps.store.db, request, (tx) => deleteWorkspace(tx, deps.inUse, params.workspace)),
  );
}

/** Routes below an organization's. */
export function declareProducts(api: ApiRouter, deps: WorkspaceDependencies): void {
  const area = 'organization';
  const params = productPath;
  const path = '/workspaces/:workspace/products/:product';

  endpoint(
    api,
    {
      method: 'get',
      path: '/workspaces/:workspace/products',
      summary: 'List the products of a workspace',
      area,
      params: workspacePath,
      answer: z.object({ products: z.array(productAnswer) }),
    },
    ({ params }, request) =>
      withinTenant(deps.store.db, request, async (tx) => ({ products: await listProducts(tx, params.workspace) })),
  );
  endpoint(api, { method: 'get', path, summary: 'One product', area, params }, ({ params }, request) =>
    withinTenant(deps.store.db, request, (tx) => findProduct(tx, params.workspace, params.product)),
  );
  endpoint(
    api,
    {
      method: 'put',
      path,
      summary: 'Create or update a product',
      area,
      params: z.object({ workspace: z.string(), product: slug }),
      body: productInput.omit({ workspace: true, slug: true }),
    },
    ({ params, body }, request) =>
      withinTenant(deps.store.db, request, async (tx) => {
        const { action } = await putProduct(tx, { ...body, workspace: params.workspace, slug: params.product });
        return { ...(await findProduct(tx, params.workspace, params.product)), action };
      }),
  );
  endpoint(
    api,
    { method: 'delete', path, summary: 'Delete a product that nobody has access to', area, params },
    ({ params }, request) =>
      withinTenant(deps.store.db, request, (tx) => deleteProduct(tx, deps.inUse, params.workspace, params.product)),
  );
}
