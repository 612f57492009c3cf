/** Whether anybody who has left still holds anything. */
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, endpoint } from '../http/endpoint.ts';
import { residualAccess, tellResidualAccess } from './residual-access.ts';
import type { OffboardingRouteDependencies } from './route-dependencies.ts';

/** Adds it to a router. */
export function declareResidualAccess(api: ApiRouter, deps: OffboardingRouteDependencies): void {
  endpoint(
    api,
    {
      method: 'get',
      path: '/residual-access',
      summary: 'What people still hold who have left; by rights nothing',
      area: 'audit',
    },
    async (_, request) =>
      withinTenant(
        deps.store.db,
        request,
        async (tx) => ({ residualAccess: await residualAccess(deps.models, tx) }),
        'reader',
      ),
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/residual-access/checks',
      summary: 'Look for residual access now, as every night; what is found is audited',
      area: 'audit',
    },
    async (_, request) =>
      withinTenant(deps.store.db, request, async (tx) => ({ found: await tellResidualAccess(deps, tx) })),
  );
}
