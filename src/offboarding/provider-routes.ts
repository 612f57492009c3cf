/** Where people have tokens and accounts elsewhere. */
import { z } from 'zod';
import { tenantOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, endpoint } from '../http/endpoint.ts';
import { schemaOf } from '../http/json-schema.ts';
import { endToken } from './end-token.ts';
import { listProviders, providerInput, putProvider, shownProvider } from './provider.ts';
import { REVOKER_KINDS } from './revokers/open.ts';
import type { RevokerKind } from './revokers/revoker.ts';
import type { OffboardingRouteDependencies } from './route-dependencies.ts';

const shape = z.record(z.string(), z.unknown());

/** Adds them to a router. */
export function declareProviders(api: ApiRouter, { settings, store }: OffboardingRouteDependencies): void {
  endpoint(
    api,
    {
      method: 'get',
      path: '/oauth-providers',
      summary: 'Providers where tokens and accounts of people end when they leave',
      area: 'connections',
      answer: z.object({ oauthProviders: z.array(shownProvider) }),
    },
    async (_, request) => {
      return withinTenant(store.db, request, async (tx) => ({ oauthProviders: await listProviders(tx) }), 'reader');
    },
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/oauth-provider-kinds',
      summary: 'The kinds of revoker, and as JSON Schema what is said of a provider and what is kept secret',
      area: 'connections',
      answer: z.object({ kinds: z.array(z.object({ kind: z.string(), config: shape, secrets: shape })) }),
    },
    async () => ({
      kinds: Object.entries<RevokerKind>(REVOKER_KINDS).map(([kind, { settings, secrets }]) => ({
        kind,
        config: schemaOf(settings),
        secrets: schemaOf(secrets),
      })),
    }),
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
      answer: z.object({
        id: z.string(),
        action: z.enum(['create', 'update', 'keep']),
        changed: z.array(z.string()),
      }),
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
