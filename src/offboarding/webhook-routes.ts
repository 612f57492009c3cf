/** Where the platform hears of leavers. */
import { z } from 'zod';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, endpoint } from '../http/endpoint.ts';
import type { OffboardingRouteDependencies } from './route-dependencies.ts';
import { listWebhookEndpoints, putWebhookEndpoint, webhookEndpointInput } from './webhook-endpoint.ts';

/** Adds them to a router. */
export function declareWebhooks(api: ApiRouter, { settings, store }: OffboardingRouteDependencies): void {
  endpoint(
    api,
    { method: 'get', path: '/webhook-endpoints', summary: 'Where the platform hears of leavers', area: 'organization' },
    async (_, request) => {
      return withinTenant(
        store.db,
        request,
        async (tx) => ({ webhookEndpoints: await listWebhookEndpoints(tx) }),
        'reader',
      );
    },
  );

  endpoint(
    api,
    {
      method: 'put',
      path: '/webhook-endpoints/:endpoint',
      summary: 'Create or update a webhook endpoint; a secret that is made now is shown this once',
      area: 'organization',
      params: z.object({ endpoint: z.string() }),
      body: z.record(z.string(), z.unknown()),
    },
    async ({ params, body }, request) => {
      const input = webhookEndpointInput.parse({ ...body, slug: params.endpoint });
      return withinTenant(store.db, request, (tx) => putWebhookEndpoint(tx, settings.secrets.sealingKeys, input));
    },
  );
}
