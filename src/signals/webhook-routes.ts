/** Where the platform hears of what happens, what it was sent, and the rotation of its secrets. */
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { tenantOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, endpoint } from '../http/endpoint.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { slug } from '../tenancy/slug.ts';
import { addMessage } from './delivery.ts';
import { deliveriesAsked, listDeliveries, loggedDelivery, retryDelivery } from './delivery-log.ts';
import { wakeFor } from './wake.ts';
import {
  deleteWebhookEndpoint,
  findWebhookEndpoint,
  listWebhookEndpoints,
  putWebhookEndpoint,
  rotateWebhookSecret,
  webhookEndpointInput,
} from './webhook-endpoint.ts';
import { WEBHOOK_EVENT_TYPES } from './webhook-events.ts';
import { webhookSecretInput } from './webhook-secret.ts';

interface Dependencies {
  readonly settings: Pick<Settings, 'secrets'>;
  readonly store: Pick<Store, 'db'>;
  readonly jobs: JobQueue;
}

const BASE = '/webhook-endpoints/:endpoint';
const params = z.object({ endpoint: z.string() });
const area = 'organization';

/** Adds them to a router below `/api/v1/organizations/:organization`. */
export function declareWebhooks(api: ApiRouter, deps: Dependencies): void {
  declareEndpoints(api, deps);
  declareSecrets(api, deps);
  declareDeliveries(api, deps);
}

const endpointAnswer = z.object({
  id: z.string(),
  slug: z.string(),
  url: z.string(),
  events: z.array(z.string()),
  enabled: z.boolean(),
  disabledReason: z.string().nullable(),
  previousSecretUntil: z.date().nullable(),
});
const putAnswer = z.object({
  id: z.string(),
  action: z.enum(['create', 'update', 'keep']),
  changed: z.array(z.string()),
  madeSecret: z.string().optional(),
});

function declareEndpoints(api: ApiRouter, { settings, store }: Dependencies): void {
  endpoint(
    api,
    {
      method: 'get',
      path: '/webhook-endpoints',
      summary: 'Where the platform hears of what happens',
      area,
      answer: z.object({
        webhookEndpoints: z.array(endpointAnswer),
        /** All that one can be told of. */
        eventTypes: z.array(z.string()),
      }),
    },
    async (_, request) => {
      const list = async (tx: TenantTransaction) => ({
        webhookEndpoints: await listWebhookEndpoints(tx),
        eventTypes: [...WEBHOOK_EVENT_TYPES],
      });
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
      params: z.object({ endpoint: slug }),
      body: webhookEndpointInput.omit({ slug: true }),
      answer: putAnswer,
    },
    async ({ params, body }, request) => {
      const input = { ...body, slug: params.endpoint };
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
      answer: z.object({ secret: z.string(), previousSecretUntil: z.date() }),
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
      query: deliveriesAsked,
      answer: z.object({ deliveries: z.array(loggedDelivery) }),
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
        await retryDelivery(
          tx,
          { type: 'webhook_endpoint', id: await findWebhookEndpoint(tx, params.endpoint) },
          params.delivery,
        );
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
      answer: z.object({ delivery: z.string(), messageId: z.string() }),
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
