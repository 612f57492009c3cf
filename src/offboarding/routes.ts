/** Offboarding in the administration API: letting somebody go, cases and their steps, webhook endpoints. */
import { z } from 'zod';
import type { Models } from '../access/model-file.ts';
import { callerOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import { findCase, listCases } from './cases.ts';
import { casesOf, offboardUser, retryStep } from './offboard.ts';
import { listWebhookEndpoints, putWebhookEndpoint, webhookEndpointInput } from './webhook-endpoint.ts';

export interface OffboardingRouteDependencies {
  readonly settings: Settings;
  readonly store: Store;
  readonly jobs: JobQueue;
  readonly models: Models;
}

/** Routes below `/api/v1/organizations/:organization`. */
export function offboardingRoutes(deps: OffboardingRouteDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  declareOffboarding(api, deps);
  declareCases(api, deps);
  declareWebhooks(api, deps);
  return api;
}

function declareOffboarding(api: ApiRouter, deps: OffboardingRouteDependencies): void {
  endpoint(
    api,
    {
      method: 'post',
      path: '/people/:user/offboard',
      summary: 'Let a person go, now: everything they hold here ends in one transaction',
      area: 'people',
      params: z.object({ user: z.string() }),
      body: z.strictObject({ reason: z.string().trim().min(1).max(500) }),
      status: 201,
    },
    async ({ params, body }, request) => {
      const by = callerOf(request).userId;
      return withinTenant(deps.store.db, request, (tx) =>
        offboardUser(deps, tx, { user: params.user, reason: body.reason, by }),
      );
    },
  );
}

function declareCases(api: ApiRouter, deps: OffboardingRouteDependencies): void {
  endpoint(
    api,
    {
      method: 'get',
      path: '/offboarding-cases',
      summary: 'Offboarding cases, latest first; of one person by id or e-mail',
      area: 'audit',
      query: z.object({ user: z.string().optional() }),
    },
    async ({ query }, request) => {
      const read = (tx: Parameters<typeof listCases>[0]) =>
        query.user === undefined ? listCases(tx) : casesOf(tx, query.user);
      return withinTenant(deps.store.db, request, async (tx) => ({ cases: await read(tx) }), 'reader');
    },
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/offboarding-cases/:case',
      summary: 'One case: every access that existed, how it ended, with the proof from elsewhere',
      area: 'audit',
      params: z.object({ case: z.string() }),
    },
    async ({ params }, request) => {
      return withinTenant(deps.store.db, request, (tx) => findCase(tx, params.case), 'reader');
    },
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/offboarding-cases/:case/steps/:step/retry',
      summary: 'Try a step again that waits for a person',
      area: 'people',
      params: z.object({ case: z.string(), step: z.string() }),
    },
    async ({ params }, request) => {
      return withinTenant(deps.store.db, request, (tx) => retryStep(deps, tx, params.case, params.step));
    },
  );
}

function declareWebhooks(api: ApiRouter, { settings, store }: OffboardingRouteDependencies): void {
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
