/** The OpenID Connect side of the door: the way to the provider, and the way back with a code (PKCE, state, nonce, issuer). */
import { type Request, type Response, Router } from 'express';
import * as client from 'openid-client';
import { Fault } from '../../errors.ts';
import { inTenant } from '../../store/tenant.ts';
import { type Attempt, beginAttempt, bindBrowser, browserHash, consumeAttempt } from '../attempt.ts';
import type { OidcConnection } from '../connection.ts';
import { type Door, guarded, letIn, openDoor, type SignInDependencies } from '../door.ts';
import { SignInRefusal } from '../refusal.ts';
import { safeReturnTo } from '../return-to.ts';
import { type Claims, lacks, loginOf, together } from './login.ts';
import { type FindProvider, providers } from './provider.ts';

/** `/oidc/:connection/{login,callback}`. */
export function oidcRoutes(deps: SignInDependencies): Router {
  const router = Router();
  const find = providers(deps.settings);

  router.get('/oidc/:connection/login', async (request, response) => {
    const door = await openDoor(deps, request, 'oidc');
    await guarded(deps, door, () => sendToProvider(deps, find, door, request, response));
  });

  router.get('/oidc/:connection/callback', async (request, response) => {
    const door = await openDoor(deps, request, 'oidc');
    await guarded(deps, door, () => comeBack(deps, find, door, request, response));
  });
  return router;
}

async function sendToProvider(
  deps: SignInDependencies,
  find: FindProvider,
  door: Door<OidcConnection>,
  request: Request,
  response: Response,
): Promise<void> {
  const { connection, origin } = door;
  const { baseUrl } = deps.settings.http;
  const provider = await find(connection);
  const state = client.randomState();
  const nonce = client.randomNonce();
  const codeVerifier = client.randomPKCECodeVerifier();
  const returnTo = safeReturnTo(request.query['returnTo'], baseUrl);
  const url = client.buildAuthorizationUrl(provider, {
    redirect_uri: callbackOf(baseUrl, connection.id),
    scope: connection.config.scopes.join(' '),
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
  });
  const browser = bindBrowser(request, response, baseUrl);
  await inTenant(deps.store.db, connection.organizationId, origin, (tx) =>
    beginAttempt(tx, connection.id, browser, { id: state, nonce, codeVerifier, returnTo }),
  );
  response.redirect(302, url.toString());
}

async function comeBack(
  deps: SignInDependencies,
  find: FindProvider,
  door: Door<OidcConnection>,
  request: Request,
  response: Response,
): Promise<void> {
  const { connection, origin } = door;
  const { baseUrl } = deps.settings.http;
  const state = request.query['state'];
  if (typeof state !== 'string')
    throw new SignInRefusal('state', {
      reason: 'The answer names no sign-in that was begun here.',
      remedy: 'Start it anew.',
    });
  // Consumed before the provider is asked: no transaction waits for somebody else's server, and a state is good for one try only.
  const attempt = await inTenant(deps.store.db, connection.organizationId, origin, (tx) =>
    consumeAttempt(tx, connection.id, state, browserHash(request, baseUrl), 'state'),
  );
  door.trace.passed('state');
  door.trace.passed('browser');
  const provider = await find(connection);
  checkIssuer(provider, request.query['iss']);
  door.trace.passed('issuer');
  const claims = await claimsOf(provider, connection, attempt, currentUrl(baseUrl, connection.id, request));
  door.trace.passed('token');
  await letIn(deps, door, request, response, loginOf(claims, connection.config), async () => attempt);
}

/** RFC 9207: an answer of one provider is never taken to another's token endpoint. */
function checkIssuer(provider: client.Configuration, stated: unknown): void {
  const { issuer, authorization_response_iss_parameter_supported: announced } = provider.serverMetadata();
  if (stated === issuer || (stated === undefined && announced !== true)) return;
  throw new SignInRefusal('issuer', {
    reason: 'The answer is from another issuer than the one that was asked.',
    wanted: issuer,
    got: typeof stated === 'string' ? stated : 'none',
  });
}

async function claimsOf(
  provider: client.Configuration,
  connection: OidcConnection,
  attempt: Attempt,
  url: URL,
): Promise<Claims> {
  try {
    const tokens = await client.authorizationCodeGrant(provider, url, {
      expectedState: attempt.id,
      expectedNonce: attempt.nonce ?? '',
      pkceCodeVerifier: attempt.codeVerifier ?? '',
      idTokenExpected: true,
    });
    const claims: Claims = tokens.claims() ?? {};
    const subject = String(claims['sub'] ?? '');
    if (subject === '' || subject.length > 255)
      throw new SignInRefusal('subject', { reason: 'The ID token names no subject that can be kept.' });
    const asks = lacks(claims, connection.config) && provider.serverMetadata().userinfo_endpoint !== undefined;
    const more: Claims = asks ? await client.fetchUserInfo(provider, tokens.access_token, subject) : {};
    return together(claims, more, connection.config);
  } catch (error) {
    throw error instanceof Fault ? error : refusalOf(error);
  }
}

/** The library's errors in the house's words. What comes from outside is quoted, never trusted. */
function refusalOf(error: unknown): Fault {
  if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError) {
    const got = [error.error, error.error_description].filter(Boolean).join(': ');
    if (error.error === 'invalid_client') {
      const reason = 'The identity provider does not accept our client id and secret.';
      return new SignInRefusal('client', { reason, remedy: 'Compare both with what the provider shows.', got }, error);
    }
    const reason = `The identity provider did not sign the person in; it says ${error.error}.`;
    return new SignInRefusal(
      'provider-error',
      { reason, remedy: 'Whether the person may use this application is decided there.', got },
      error,
    );
  }
  if (error instanceof client.WWWAuthenticateChallengeError) {
    const reason = 'The identity provider does not accept our client id and secret.';
    return new SignInRefusal(
      'client',
      { reason, remedy: 'Compare both with what the provider shows.', got: String(error.status) },
      error,
    );
  }
  const { code = '', cause } = error as { code?: string; cause?: unknown };
  if (cause instanceof Fault) return cause;
  if (/JWT|KEY|COMPARISON|INVALID_RESPONSE|UNSUPPORTED/.test(code)) {
    const got = [(error as Error).message, cause instanceof Error ? cause.message : ''].filter(Boolean).join(': ');
    const reason = "The identity provider's ID token or answer does not hold.";
    return new SignInRefusal(
      'token',
      { reason, remedy: 'Compare issuer, client id and clocks on both sides.', got },
      error,
    );
  }
  return new Fault('upstream-failed', 'The identity provider gave no answer that can be read.', {
    cause: error,
    remedy: 'Try again later.',
  });
}

function currentUrl(baseUrl: string, connectionId: string, request: Request): URL {
  const url = new URL(callbackOf(baseUrl, connectionId));
  url.search = new URL(request.originalUrl, baseUrl).search;
  return url;
}

function callbackOf(baseUrl: string, connectionId: string): string {
  return `${baseUrl}/oidc/${connectionId}/callback`;
}
