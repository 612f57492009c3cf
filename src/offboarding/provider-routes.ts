/** Where people have tokens and accounts elsewhere. */
import { z } from 'zod';
import { tenantOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, endpoint } from '../http/endpoint.ts';
import { endToken } from './end-token.ts';
import { listProviders, providerInput, putProvider } from './provider.ts';
import type { OffboardingRouteDependencies } from './route-dependencies.ts';

/** Adds them to a router. */
export function declareProviders(api: ApiRouter, { settings, store }: OffboardingRouteDependencies): void {
  endpoint(
    api,
    {
      method: 'get',
      path: '/oauth-providers',
      summary: 'Providers where tokens and accounts of people end when they leave',
      area: 'connections',
    },
    async (_, request) => {
      return withinTenant(store.db, request, async (tx) => ({ oauthProviders: await listProviders(tx) }), 'reader');
    },
  );

  endpoint(
    api,
    {
      method: 'put',
      path: '/oauth-providers/:provider',
      summary: 'Create or update a provider: its revoker, and what that revoker takes',
      area: 'connections',
      params: z.object({ provider: z.string() }),
      body: z.record(z.string(), z.unknown()),
    },
    async ({ params, body }, request) => {
      const input = providerInput.parse({ ...body, slug: params.provider });
      return withinTenant(store.db, request, (tx) => putProvider(tx, settings.secrets.sealingKeys, input));
    },
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/oauth-tokens/:token/revoke',
      summary: 'End a kept token and what was got with it, now; it is locked whatever the provider answers',
      area: 'keys',
      params: z.object({ token: z.string() }),
      body: z.strictObject({ reason: z.string().trim().min(1).max(500) }),
    },
    async ({ params, body }, request) => {
      const { organizationId, origin } = tenantOf(request);
      const order = { id: params.token, reason: body.reason };
      return { ended: await endToken({ settings, store }, organizationId, origin, order) };
    },
  );
}
