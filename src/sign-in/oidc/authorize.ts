/** The way to the provider: what is asked of it, by the browser or pushed beforehand. */
import type { Request, Response } from 'express';
import * as client from 'openid-client';
import { Fault } from '../../errors.ts';
import { inTenant } from '../../store/tenant.ts';
import { beginAttempt, bindBrowser } from '../attempt.ts';
import type { OidcConnection } from '../connection.ts';
import type { Door, SignInDependencies } from '../door.ts';
import { safeReturnTo } from '../return-to.ts';
import { relyingPartyOf } from './addresses.ts';
import type { OidcConfig } from './config.ts';
import { presetOf } from './presets.ts';
import type { FindProvider, Provider } from './provider.ts';
import { refusalOf } from './refused.ts';

/** Begins a sign-in and sends the browser to the provider. */
export async function sendToProvider(
  deps: SignInDependencies,
  find: FindProvider,
  { connection, origin }: Door<OidcConnection>,
  request: Request,
  response: Response,
): Promise<void> {
  const { baseUrl } = deps.settings.http;
  const provider = await find(connection);
  const state = client.randomState();
  const nonce = presetOf(connection.config.preset).protocol === 'openid' ? client.randomNonce() : null;
  const codeVerifier = client.randomPKCECodeVerifier();
  const returnTo = safeReturnTo(request.query['returnTo'], baseUrl);
  const url = await addressOf(provider, connection.config, {
    ...asked(connection.config),
    redirect_uri: relyingPartyOf(baseUrl, connection.id).redirectUri,
    state,
    ...(nonce === null ? {} : { nonce }),
    code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
  });
  const browser = bindBrowser(request, response, baseUrl);
  await inTenant(deps.store.db, connection.organizationId, origin, (tx) =>
    beginAttempt(tx, connection.id, browser, { id: state, nonce, codeVerifier, returnTo }),
  );
  response.redirect(302, url.toString());
}

/** What a connection asks at every sign-in. */
function asked({ scopes, maxAge, acrValues, prompt, hostedDomains }: OidcConfig): Record<string, string> {
  const [domain] = hostedDomains;
  return {
    scope: scopes.join(' '),
    ...(maxAge === null ? {} : { max_age: String(maxAge) }),
    ...(acrValues.length === 0 ? {} : { acr_values: acrValues.join(' ') }),
    ...(prompt === null ? {} : { prompt }),
    // Spares people the choice of an account that would be refused; what comes back is checked all the same.
    ...(domain === undefined ? {} : { hd: hostedDomains.length === 1 ? domain : '*' }),
  };
}

/** Pushed where the provider takes it: then nobody on the way can read or change what is asked (RFC 9126). */
async function addressOf(provider: Provider, config: OidcConfig, parameters: Record<string, string>): Promise<URL> {
  const asking = provider.client();
  if (provider.metadata.pushed_authorization_request_endpoint === undefined) {
    if (!config.requirePushedRequests) return client.buildAuthorizationUrl(asking, parameters);
    throw new Fault('upstream-failed', 'The identity provider takes no pushed authorization requests.', {
      remedy: 'Turn them on there, or requirePushedRequests off for this connection.',
    });
  }
  try {
    return await client.buildAuthorizationUrlWithPAR(asking, parameters);
  } catch (error) {
    throw refusalOf(error);
  }
}
