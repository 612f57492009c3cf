/** The check of a captured SAML response in the administration API. */
import { z } from 'zod';
import { tenantOf, withinTenant } from '../../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../../http/endpoint.ts';
import type { SignInDependencies } from '../door.ts';
import { samlConnection } from './administration.ts';
import { checkResponse, responseToCheck } from './check-response.ts';

/** Routes below `/api/v1/organizations/:organization`. */
export function checkResponseRoutes(deps: SignInDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  endpoint(
    api,
    {
      method: 'post',
      path: '/connections/:connection/check-response',
      summary: 'Judge a captured SAML response check by check; nobody is let in by it and nothing is kept',
      area: 'connections',
      params: z.object({ connection: z.string() }),
      body: responseToCheck,
    },
    async ({ params, body }, request, response) => {
      const find = (tx: Parameters<typeof samlConnection>[0]) => samlConnection(tx, params.connection);
      const connection = await withinTenant(deps.store.db, request, find, 'reader');
      response.set('Cache-Control', 'no-store');
      return checkResponse(deps, connection, tenantOf(request).origin, body);
    },
  );
  return api;
}
