/** Where the platform hears of what happens, what it was sent, and the rotation of its secrets. */
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { tenantOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { addMessage } from './delivery.ts';
import { listDeliveries, retryDelivery } from './delivery-log.ts';
import {
  deleteWebhookEndpoint,
  findWebhookEndpoint,
  listWebhookEndpoints,
  putWebhookEndpoint,
  rotateWebhookSecret,
  webhookEndpointInput,
} from './webhook-endpoint.ts';
import { webhookSecretInput } from './webhook-secret.ts';

interface Dependencies {
  readonly settings: Pick<Settings, 'secrets'>;
  readonly store: Pick<Store, 'db'>;
  readonly jobs: JobQueue;
}

const BASE = '/webhook-endpoints/:endpoint';
const params = z.object({ endpoint: z.string() });
const area = 'organization';

/** Routes below `/api/v1/organizations/:organization`. */
export function webhookRoutes(deps: Dependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  declareEndpoints(api, deps);
  declareSecrets(api, deps);
  declareDeliveries(api, deps);
  return api;
}

function declareEndpoints(api: ApiRouter, { settings, store }: Dependencies): void {
  endpoint(
    api,
    { method: 'get', path: '/webhook-endpoints', summary: 'Where the platform hears of what happens', area },
    async (_, request) => {
      const list = async (tx: TenantTransaction) => ({ webhookEndpoints: await listWebhookEndpoints(tx) });
      return withinTenant(store.db, request, list, 'reader');
    },
  );

  endpoint(
    api,
    {
      method: 'put',
      path: BASE,
      summary: 'Create or update a webhook endpoint; a secret that is made now is shown this once',
      area,
      params,
      body: z.record(z.string(), z.unknown()),
    },
    async ({ params, body }, request) => {
      const input = webhookEndpointInput.parse({ ...body, slug: params.endpoint });
      return withinTenant(store.db, request, (tx) => putWebhookEndpoint(tx, settings.secrets.sealingKeys, input));
    },
  );

  endpoint(
    api,
    { method: 'delete', path: BASE, summary: 'Remove a webhook endpoint', area, params },
    async ({ params }, request) => withinTenant(store.db, request, (tx) => deleteWebhookEndpoint(tx, params.endpoint)),
  );
}

function declareSecrets(api: ApiRouter, { settings, store }: Dependencies): void {
  endpoint(
    api,
    {
      method: 'post',
      path: `${BASE}/rotate-secret`,
      summary: 'Replace the signing secret; messages are signed by both until the overlap is over',
      area,
      params,
      body: z.strictObject({
        secret: webhookSecretInput.optional(),
        overlapHours: z.number().min(0).max(720).default(24),
      }),
    },
    async ({ params, body }, request) => {
      const { sealingKeys } = settings.secrets;
      return withinTenant(store.db, request, (tx) => rotateWebhookSecret(tx, sealingKeys, params.endpoint, body));
    },
  );
}

function declareDeliveries(api: ApiRouter, deps: Dependencies): void {
  const { db } = deps.store;
  endpoint(
    api,
    {
      method: 'get',
      path: `${BASE}/deliveries`,
      summary: 'What the endpoint was sent in the last 30 days, and what came of it',
      area,
      params,
      query: z.object({
        state: z.enum(['waiting', 'retry', 'delivered', 'failed', 'needs_human']).optional(),
        before: z.coerce.date().optional(),
        limit: z.coerce.number().int().min(1).max(500).default(50),
      }),
    },
    async ({ params, query }, request) => {
      const list = async (tx: TenantTransaction) => ({
        deliveries: await listDeliveries(tx, await findWebhookEndpoint(tx, params.endpoint), query),
      });
      return withinTenant(db, request, list, 'reader');
    },
  );

  endpoint(
    api,
    {
      method: 'post',
      path: `${BASE}/deliveries/:delivery/retry`,
      summary: 'Send a message again, under the same id',
      area,
      params: params.extend({ delivery: z.string() }),
    },
    async ({ params }, request) =>
      withinTenant(db, request, async (tx) => {
        await retryDelivery(tx, await findWebhookEndpoint(tx, params.endpoint), params.delivery);
        await wakeFor(deps.jobs, tx);
      }),
  );

  endpoint(
    api,
    {
      method: 'post',
      path: `${BASE}/test`,
      summary: 'Send a message of the type webhook.test',
      area,
      params,
      status: 202,
    },
    async ({ params }, request) => {
      const { organizationId: organization } = tenantOf(request);
      return withinTenant(db, request, async (tx) => {
        const id = await findWebhookEndpoint(tx, params.endpoint);
        const body = { organization, message: 'This is a test.' };
        const delivery = await addMessage(tx, { webhook_endpoint_id: id }, { type: 'webhook.test', body });
        const resource = { type: 'webhook_endpoint', id };
        await record(tx, { action: 'webhook_endpoint.tested', resource, detail: { delivery } });
        await wakeFor(deps.jobs, tx);
        return { delivery, messageId: `msg_${delivery}` };
      });
    },
  );
}

async function wakeFor(jobs: JobQueue, { organizationId, db }: TenantTransaction): Promise<void> {
  await jobs.enqueue('signals.work', { organizationId, id: organizationId }, { transaction: db });
}
