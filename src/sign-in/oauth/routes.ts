/** `/oauth/*` and `/.well-known/*`: Drawbridge as an OpenID provider for the platform's apps. */
import express, { type NextFunction, type Request, type RequestHandler, Router } from 'express';
import type Provider from 'oidc-provider';
import { isMeantAsKey } from '../../credentials/api-key-format.ts';
import type { IntrospectionDependencies } from '../../credentials/introspection.ts';
import type { Authenticate } from '../../http/caller.ts';
import { originOf } from '../../http/request-context.ts';
import { liveSessionOf } from '../authenticate.ts';
import { errorPage } from '../error-page.ts';
import { onOwnHost } from '../own-host.ts';
import { rememberSession } from './browser.ts';
import { answerInteraction } from './interaction.ts';
import { authenticateApp, introspectArtifact, introspectForApp, revokeArtifact } from './introspection.ts';
import { openProvider, PROVIDER_PATH, type ProviderDependencies } from './provider.ts';
import { signingKeys } from './signing-keys.ts';

type Dependencies = ProviderDependencies & IntrospectionDependencies;

/** How long an instance signs with the keys it knows, in milliseconds. What it publishes is always fresh. */
const KEYS_KNOWN_FOR = 5_000;
const KEYS_PATH = '/jwks';

/**
 * Routes to mount at the root, before those of `/oauth` that this leaves: what a backend asks with an API key or the operator's token
 * about other credentials than apps' tokens.
 * @param authenticate who calls with a bearer token
 */
export function oauthRoutes(deps: Dependencies, authenticate: Authenticate): Router {
  const { baseUrl } = deps.settings.http;
  const providerFor = rememberedProvider(deps);
  const router = Router();
  const form = express.urlencoded({ extended: false, limit: '16kb' });

  router.get(
    [
      '/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server',
      '/.well-known/oauth-authorization-server/oauth',
    ],
    (request, _response, next) => {
      // The document says which issuer it is of; whoever looks for it at the root finds the same.
      request.url = '/oauth/.well-known/openid-configuration';
      request.originalUrl = request.url;
      next();
    },
  );
  router.post('/oauth/introspect', form, answerIntrospection(deps, authenticate));
  router.post('/oauth/revoke', form, answerRevocation(deps, authenticate));
  router.use(['/oauth/authorize', '/oauth/interaction', '/oauth/end-session'], onOwnHost(baseUrl), knownBrowser(deps));
  router.get('/oauth/interaction/:uid', async (request, response) => {
    await answerInteraction(deps, await providerFor(request), request, response);
  });
  router.use('/oauth', async (request, response, next) => {
    if (!PROVIDER_PATH.test(request.path)) return next();
    ownAddress(request, baseUrl);
    await (await providerFor(request)).callback()(request, response);
  });
  router.use(['/oauth/interaction', '/oauth/authorize', '/oauth/end-session'], errorPage(deps));
  return router;
}

/** The provider, built anew where the keys have changed. */
function rememberedProvider(deps: Dependencies): (request: Request) => Promise<Provider> {
  const { db } = deps.store;
  let known: { readonly version: string; readonly provider: Provider; readonly at: number } | undefined;
  return async (request) => {
    const fresh = known !== undefined && Date.now() - known.at < KEYS_KNOWN_FOR;
    if (known !== undefined && fresh && !request.path.endsWith(KEYS_PATH)) return known.provider;
    const keys = await signingKeys(db, deps.settings.secrets.sealingKeys);
    const provider = known?.version === keys.version ? known.provider : openProvider(deps, keys);
    known = { version: keys.version, provider, at: Date.now() };
    return provider;
  };
}

function knownBrowser(deps: Dependencies): RequestHandler {
  return async (request, _response, next) => {
    rememberSession(request, await liveSessionOf(deps, request));
    next();
  };
}

/** The provider takes the addresses it publishes from the request; ours are settled, whatever the request says. */
function ownAddress(request: Request, baseUrl: string): void {
  const own = new URL(baseUrl);
  request.headers.host = own.host;
  request.headers['x-forwarded-host'] = own.host;
  request.headers['x-forwarded-proto'] = own.protocol.slice(0, -1);
}

/** Answers whoever may ask about all; an app that may ask about its own goes on to the provider. */
function answerIntrospection(deps: Dependencies, authenticate: Authenticate): RequestHandler {
  return async (request, response, next) => {
    const token = tokenOf(request);
    if (token === undefined) return goOn(request, next);
    response.set('Cache-Control', 'no-store');
    if (isOfAnApp(request)) {
      const app = await authenticateApp(deps, request);
      if (app?.introspects !== 'all') return next();
      const presented = { token, endpoint: fieldOf(request, 'used_at'), address: fieldOf(request, 'used_from') };
      return void response.json(await introspectForApp(deps, request, app, presented));
    }
    if (isMeantAsKey(token)) return goOn(request, next);
    const caller = await authenticate(request);
    if (caller?.hasScope('tokens:introspect') !== true) return goOn(request, next);
    const found = await introspectArtifact(deps, caller.organizationId, token);
    if (!found.active) return goOn(request, next);
    response.json(found);
  };
}

function answerRevocation(deps: Dependencies, authenticate: Authenticate): RequestHandler {
  return async (request, response, next) => {
    const token = tokenOf(request);
    if (isOfAnApp(request)) return next();
    const caller = token === undefined ? undefined : await authenticate(request);
    if (token === undefined || caller?.hasScope('tokens:revoke') !== true) return goOn(request, next);
    if (!(await revokeArtifact(deps, originOf(request, caller.actor), caller, token))) return goOn(request, next);
    response.status(200).end();
  };
}

/** What no app asks goes on to the credentials room, past the provider. */
function goOn(request: Request, next: NextFunction): void {
  if (isOfAnApp(request)) next();
  else next('router');
}

/** Whether an app says who it is: in the header, or in the form. */
function isOfAnApp(request: Request): boolean {
  const scheme = (request.get('authorization') ?? '').split(' ', 1)[0]?.toLowerCase();
  if (scheme) return scheme === 'basic';
  const { client_id: id, client_assertion: assertion } = (request.body ?? {}) as Record<string, unknown>;
  return id !== undefined || assertion !== undefined;
}

function tokenOf(request: Request): string | undefined {
  return fieldOf(request, 'token');
}

function fieldOf(request: Request, name: string): string | undefined {
  const value = (request.body as Record<string, unknown> | undefined)?.[name];
  return typeof value === 'string' && value.length > 0 && value.length <= 4096 ? value : undefined;
}
