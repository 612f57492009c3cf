/** Kept tokens in the administration API: keeping one, seeing which there are, and using one. */
import { z } from 'zod';
import { Fault } from '../errors.ts';
import { callerOf, tenantOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, endpoint } from '../http/endpoint.ts';
import { keepOauthToken, listOauthTokens, oauthTokenInput } from './oauth-token.ts';
import { useOauthToken, type VaultDependencies } from './use-token.ts';

/** Adds them to a router. */
export function declareVault(api: ApiRouter, deps: VaultDependencies): void {
  const { settings, store } = deps;
  endpoint(
    api,
    {
      method: 'get',
      path: '/oauth-tokens',
      summary: 'Tokens that are kept for people, without the tokens; of one person by id',
      area: 'keys',
      query: z.object({ user: z.uuid().optional() }),
    },
    async ({ query }, request) => {
      return withinTenant(
        store.db,
        request,
        async (tx) => ({ oauthTokens: await listOauthTokens(tx, query) }),
        'reader',
      );
    },
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/oauth-tokens',
      summary: 'Keep a token of an OAuth provider for a person',
      area: 'keys',
      body: oauthTokenInput,
      status: 201,
    },
    async ({ body }, request) => {
      return withinTenant(store.db, request, (tx) => keepOauthToken(tx, settings.secrets.sealingKeys, body));
    },
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/oauth-tokens/:token/use',
      summary:
        'An access token to use in the person’s name, refreshed where that is needed; takes a key with tokens:use',
      params: z.object({ token: z.string() }),
    },
    async ({ params }, request, response) => {
      if (!callerOf(request).hasScope('tokens:use')) {
        throw new Fault('forbidden', 'This needs an API key with the scope "tokens:use".');
      }
      const { organizationId, origin } = tenantOf(request);
      const { accessToken, expiresAt } = await useOauthToken(deps, organizationId, origin, params.token);
      response.set('Cache-Control', 'no-store');
      return { access_token: accessToken, token_type: 'Bearer', expires_at: expiresAt };
    },
  );
}
