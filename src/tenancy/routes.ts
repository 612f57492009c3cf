/** Organizations in the administration API, with what belongs to each: domains, workspaces and products. */
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
import type { ResolveTxt } from './domain-proof.ts';
import { declareDomains } from './domain-routes.ts';
import {
  createOrganization,
  type OrganizationRules,
  organizationInput,
  organizationPatch,
  patchOrganization,
  readOrganization,
} from './organization.ts';
import type { ScopeInUse } from './scope-in-use.ts';
import { declareProducts, declareWorkspaces } from './workspace-routes.ts';

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
  eraseAfterDays: z.number().nullable(),
  tellOfLeavers: z.boolean(),
  timeZone: z.string(),
  region: z.string().nullable(),
  createdAt: z.date(),
});

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

function operatorOrigin(request: Request): Origin {
  const { actor } = callerOf(request);
  if (actor.kind !== 'operator') throw new Fault('forbidden', 'Only the operator of this installation may do this.');
  return originOf(request, actor);
}
