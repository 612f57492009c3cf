/** Organizations, domains, workspaces and products in the administration API. */
import type { Request } from 'express';
import { z } from 'zod';
import { attempting } from '../audit/attempt.ts';
import { Fault } from '../errors.ts';
import { type Caller, callerOf, tenantOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import { originOf } from '../http/request-context.ts';
import type { Store } from '../store/database.ts';
import { locateOrganizations } from '../store/locate.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import {
  deleteDomain,
  domainInput,
  domainName,
  findDomain,
  listDomains,
  putDomain,
  shownDomain,
  verifyByOperator,
} from './domain.ts';
import { proveDomain, type ResolveTxt } from './domain-proof.ts';
import {
  createOrganization,
  type OrganizationRules,
  organizationInput,
  organizationPatch,
  patchOrganization,
  readOrganization,
} from './organization.ts';
import { deleteProduct, findProduct, listProducts, productInput, putProduct } from './product.ts';
import type { ScopeInUse } from './scope-in-use.ts';
import { slug } from './slug.ts';
import { deleteWorkspace, findWorkspace, listWorkspaces, putWorkspace, workspaceInput } from './workspace.ts';

export interface TenancyDependencies extends OrganizationRules {
  readonly store: Pick<Store, 'db'>;
  readonly inUse: ScopeInUse;
  readonly resolveTxt: ResolveTxt;
  /** Refuses a default role that the caller may not give. @throws Fault `forbidden` */
  readonly permitDefaultRole: (tx: TenantTransaction, caller: Caller, role: string) => Promise<void>;
}

const organizationAnswer = z.object({
  id: z.string(),
  slug: z.string(),
  name: z.string(),
  model: z.string(),
  defaultRole: z.string().nullable(),
  justInTime: z.boolean(),
  groupsFrom: z.string(),
  enforceSso: z.boolean(),
  sessionIdleMinutes: z.number(),
  sessionAbsoluteMinutes: z.number(),
  timeZone: z.string(),
  region: z.string().nullable(),
  createdAt: z.date(),
});
const domainAnswer = z.object({
  name: z.string(),
  verifiedAt: z.date().nullable(),
  verifiedHow: z.string().nullable(),
  failingSince: z.date().nullable(),
  graceEndsAt: z.date().nullable(),
  /** The DNS record that proves it. */
  proof: z.object({ type: z.string(), name: z.string(), value: z.string() }),
});

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
const domainPath = z.object({ domain: domainName });

/** Routes below `/api/v1` that are of no one organization; only the operator may use them. */
export function installationRoutes(deps: TenancyDependencies): ApiRouter {
  const api = apiRouter('/api/v1');
  const { db } = deps.store;

  endpoint(
    api,
    {
      method: 'post',
      path: '/organizations',
      summary: 'Create an organization',
      body: organizationInput,
      status: 201,
    },
    async ({ body }, request, response) => {
      const origin = operatorOrigin(request);
      const id = await createOrganization(deps, origin, body);
      response.set('Location', `/api/v1/organizations/${body.slug}`);
      return inTenant(db, id, origin, readOrganization);
    },
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/organizations',
      summary: 'List organizations, a page at a time',
      query: z.object({ cursor: z.uuid().optional(), limit: z.coerce.number().int().min(1).max(200).default(50) }),
    },
    async ({ query }, request) => {
      const origin = operatorOrigin(request);
      const ids = (await locateOrganizations(db))
        .sort()
        .filter((id) => query.cursor === undefined || id > query.cursor);
      const page = ids.slice(0, query.limit);
      const organizations = [];
      for (const id of page) organizations.push(await inTenant(db, id, origin, readOrganization, 'reader'));
      return { organizations, next: ids.length > page.length ? page.at(-1) : null };
    },
  );
  return api;
}

/** Routes below `/api/v1/organizations/:organization`. */
export function tenancyRoutes(deps: TenancyDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  declareOrganization(api, deps);
  declareDomains(api, deps);
  declareWorkspaces(api, deps);
  declareProducts(api, deps);
  return api;
}

function declareOrganization(api: ApiRouter, deps: TenancyDependencies): void {
  const area = 'organization';
  endpoint(
    api,
    { method: 'get', path: '/', summary: 'The organization and its settings', area, answer: organizationAnswer },
    (_, request) => withinTenant(deps.store.db, request, readOrganization),
  );
  endpoint(
    api,
    {
      method: 'patch',
      path: '/',
      summary: "Change some of the organization's settings",
      area,
      body: organizationPatch,
      answer: organizationAnswer,
    },
    ({ body }, request) => {
      const { defaultRole = null } = body;
      const resource = { type: 'organization', id: tenantOf(request).organizationId };
      const attempt = { action: 'organization.refused', resource, detail: { defaultRole } };
      return attempting(deps.store.db, request, attempt, async (tx) => {
        const before = await readOrganization(tx);
        const isNew = defaultRole !== null && defaultRole !== before.defaultRole;
        if (isNew) await deps.permitDefaultRole(tx, callerOf(request), defaultRole);
        await patchOrganization(tx, deps, body);
        return readOrganization(tx);
      });
    },
  );
}

function declareDomains(api: ApiRouter, deps: TenancyDependencies): void {
  const area = 'organization';
  const params = domainPath;
  const path = '/domains/:domain';
  const shown = async (tx: TenantTransaction, name: string) => shownDomain(await findDomain(tx, name));

  endpoint(
    api,
    {
      method: 'get',
      path: '/domains',
      summary: 'List claimed domains',
      area,
      answer: z.object({ domains: z.array(domainAnswer) }),
    },
    (_, request) =>
      withinTenant(deps.store.db, request, async (tx) => ({ domains: (await listDomains(tx)).map(shownDomain) })),
  );
  endpoint(
    api,
    {
      method: 'get',
      path,
      summary: 'One domain, with the DNS record that proves it',
      area,
      params,
      answer: domainAnswer,
    },
    ({ params }, request) => withinTenant(deps.store.db, request, (tx) => shown(tx, params.domain)),
  );
  endpoint(
    api,
    { method: 'put', path, summary: 'Claim a domain', area, params, body: domainInput.omit({ name: true }) },
    ({ params, body }, request) =>
      withinTenant(deps.store.db, request, async (tx) => {
        const { action } = await putDomain(tx, { ...body, name: params.domain });
        return { ...(await shown(tx, params.domain)), action };
      }),
  );
  endpoint(
    api,
    {
      method: 'post',
      path: '/domains/:domain/verify',
      summary: "Prove a domain by its DNS record, or on the operator's word",
      area,
      params,
      body: z.strictObject({ how: z.enum(['dns', 'operator']).default('dns') }),
      answer: domainAnswer,
    },
    async ({ params, body }, request) => {
      const { organizationId, origin } = tenantOf(request);
      if (body.how === 'dns') await proveDomain(deps, organizationId, origin, params.domain);
      else await withinTenant(deps.store.db, request, (tx) => verifyByOperator(tx, params.domain));
      return withinTenant(deps.store.db, request, (tx) => shown(tx, params.domain));
    },
  );
  endpoint(api, { method: 'delete', path, summary: 'Give a domain up', area, params }, ({ params }, request) =>
    withinTenant(deps.store.db, request, (tx) => deleteDomain(tx, params.domain)),
  );
}

function declareWorkspaces(api: ApiRouter, deps: TenancyDependencies): void {
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

function declareProducts(api: ApiRouter, deps: TenancyDependencies): void {
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

function operatorOrigin(request: Request): Origin {
  const { actor } = callerOf(request);
  if (actor.kind !== 'operator') throw new Fault('forbidden', 'Only the operator of this installation may do this.');
  return originOf(request, actor);
}
