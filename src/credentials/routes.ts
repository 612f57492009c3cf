/** API keys, access tokens and kept tokens in the administration API. */
import { z } from 'zod';
import type { Models } from '../access/model-file.ts';
import { organizationModel } from '../access/organization-model.ts';
import { Fault } from '../errors.ts';
import { type Caller, callerOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import { apiKeyInput, createApiKey, type KeyMaker, listApiKeys, revokeApiKey } from './api-key.ts';
import { rotateApiKey, rotationInput } from './api-key-rotation.ts';
import { issueGrant } from './grant.ts';
import type { VaultDependencies } from './use-token.ts';
import { declareVault } from './vault-routes.ts';

const keyAnswer = z.object({
  id: z.string(),
  kind: z.string(),
  name: z.string(),
  /** How it begins and ends, by which people tell it from others. */
  display: z.string(),
  environment: z.string(),
  creatorId: z.string().nullable(),
  responsibleId: z.string().nullable(),
  workspaceId: z.string().nullable(),
  productId: z.string().nullable(),
  scopes: z.array(z.string()),
  createdAt: z.date(),
  expiresAt: z.date().nullable(),
  replacesId: z.string().nullable(),
  lastUsedAt: z.date().nullable(),
  lastUsedFrom: z.string().nullable(),
  flaggedReason: z.string().nullable(),
  revokedAt: z.date().nullable(),
  revokedBy: z.string().nullable(),
  revokedReason: z.string().nullable(),
});

export interface CredentialDependencies extends VaultDependencies {
  readonly settings: Settings;
  readonly store: Store;
  readonly models: Models;
}

/** Routes below `/api/v1/organizations/:organization`. */
export function credentialRoutes(deps: CredentialDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  declareKeys(api, deps);
  declareAccessTokens(api, deps);
  declareVault(api, deps);
  return api;
}

function declareKeys(api: ApiRouter, { store, models }: CredentialDependencies): void {
  endpoint(
    api,
    {
      method: 'get',
      path: '/api-keys',
      summary: "API keys: one's own, or with the right to administer keys everybody's",
      query: z.object({ user: z.uuid().optional() }),
      answer: z.object({ apiKeys: z.array(keyAnswer) }),
    },
    async ({ query }, request) => {
      const owner = ownerLimit(callerOf(request));
      const userId = owner ?? query.user;
      return withinTenant(store.db, request, async (tx) => ({ apiKeys: await listApiKeys(tx, { userId }) }), 'reader');
    },
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/api-keys',
      summary: 'Make an API key; it is shown this once',
      body: apiKeyInput,
      status: 201,
      answer: keyAnswer.extend({ key: z.string() }),
    },
    async ({ body }, request) => {
      const maker = makerOf(callerOf(request));
      return withinTenant(store.db, request, async (tx) =>
        createApiKey(tx, await organizationModel(models, tx), maker, body),
      );
    },
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/api-keys/:key/rotate',
      summary: 'Make a key in the place of another, which counts on for the overlap; the new one is shown this once',
      params: z.object({ key: z.string() }),
      body: rotationInput,
      status: 201,
      answer: keyAnswer.extend({
        key: z.string(),
        replaced: z.object({ id: z.string(), display: z.string(), countsUntil: z.date() }),
      }),
    },
    async ({ params, body }, request) => {
      const caller = callerOf(request);
      const which = { id: params.key, owner: ownerLimit(caller), maker: makerOf(caller) };
      return withinTenant(store.db, request, async (tx) =>
        rotateApiKey(tx, await organizationModel(models, tx), which, body),
      );
    },
  );

  endpoint(
    api,
    {
      method: 'delete',
      path: '/api-keys/:key',
      summary: 'Revoke an API key at once',
      params: z.object({ key: z.string() }),
      query: z.object({ reason: z.string().max(500).default('revoked by hand') }),
    },
    async ({ params, query }, request) => {
      const owner = ownerLimit(callerOf(request));
      await withinTenant(store.db, request, (tx) => revokeApiKey(tx, params.key, owner, query.reason));
    },
  );
}

function declareAccessTokens(api: ApiRouter, { store }: CredentialDependencies): void {
  endpoint(
    api,
    {
      method: 'post',
      path: '/access-tokens',
      summary: 'Issue a short-lived access token to the signed-in person, for one of the platform’s apps',
      body: z.strictObject({ client: z.string().min(1).max(100) }),
      status: 201,
    },
    async ({ body }, request) => {
      const { actor, userId } = callerOf(request);
      if (actor.kind !== 'user' || userId === null) {
        throw new Fault('forbidden', 'An access token is issued to a signed-in person.', {
          remedy: 'Sign in, and ask with that session.',
        });
      }
      const granted = await withinTenant(store.db, request, (tx) =>
        issueGrant(tx, { userId, sessionId: null, client: body.client }),
      );
      return { access_token: granted.token, token_type: 'Bearer', expires_at: granted.expiresAt };
    },
  );
}

/** Whose keys the caller is limited to; null where they administer everybody's. */
function ownerLimit(caller: Caller): string | null {
  if (caller.mayAdminister('keys')) return null;
  if (caller.userId !== null) return caller.userId;
  throw new Fault('forbidden', 'This needs the right to administer keys.');
}

function makerOf(caller: Caller): KeyMaker {
  if (caller.actor.kind === 'operator') return 'operator';
  if (caller.actor.kind === 'user' && caller.userId !== null) return { userId: caller.userId };
  throw new Fault('forbidden', 'A key can not make keys.', { remedy: 'Sign in, or ask the operator.' });
}
