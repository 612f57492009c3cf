/** Offboarding in the administration API, below `/api/v1/organizations/:organization`. */
import { type ApiRouter, apiRouter } from '../http/endpoint.ts';
import { declareCases } from './case-routes.ts';
import { declareDepartures } from './departure-routes.ts';
import { declareEvidence } from './evidence-routes.ts';
import { declareLeaving } from './person-routes.ts';
import { declareProviders } from './provider-routes.ts';
import { declareResidualAccess } from './residual-routes.ts';
import type { OffboardingRouteDependencies } from './route-dependencies.ts';

/** All of it. */
export function offboardingRoutes(deps: OffboardingRouteDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  declareLeaving(api, deps);
  declareDepartures(api, deps);
  declareCases(api, deps);
  declareEvidence(api, deps);
  declareResidualAccess(api, deps);
  declareProviders(api, deps);
  return api;
}
