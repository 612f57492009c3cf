/** Domains in the administration API. */
import { z } from 'zod';
import { tenantOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, endpoint } from '../http/endpoint.ts';
import type { Store } from '../store/database.ts';
import type { TenantTransaction } from '../store/tenant.ts';
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

interface DomainDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly resolveTxt: ResolveTxt;
}

const domainAnswer = z.object({
  name: z.string(),
  verifiedAt: z.date().nullable(),
  verifiedHow: z.string().nullable(),
  failingSince: z.date().nullable(),
  graceEndsAt: z.date().nullable(),
  /** The DNS record that proves it. */
  proof: z.object({ type: z.string(), name: z.string(), value: z.string() }),
});
const domainPath = z.object({ domain: domainName });

/** Routes below an organization's. */
export function declareDomains(api: ApiRouter, deps: DomainDependencies): void {
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
