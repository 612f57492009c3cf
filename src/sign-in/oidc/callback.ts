/** The way back with a code: PKCE, state, nonce, issuer; what the ID token and the provider's own endpoints say of the person. */
import type { Request, Response } from 'express';
import * as client from 'openid-client';
import { inTenant } from '../../store/tenant.ts';
import { type Attempt, browserHash, consumeAttempt } from '../attempt.ts';
import type { OidcConnection } from '../connection.ts';
import { type Door, letIn, type SignInDependencies } from '../door.ts';
import { SignInRefusal } from '../refusal.ts';
import { relyingPartyOf } from './addresses.ts';
import { type Claims, lacks, loginOf, together } from './login.ts';
import type { FindProvider, Provider } from './provider.ts';
import { refusalOf } from './refused.ts';

/** Takes the provider's answer and lets the person in. @throws SignInRefusal, Fault `upstream-failed` */
export async function comeBack(
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
  const url = new URL(relyingPartyOf(baseUrl, connection.id).redirectUri);
  url.search = new URL(request.originalUrl, baseUrl).search;
  const claims = await claimsOf(provider, connection, attempt, url);
  door.trace.passed('token');
  await letIn(deps, door, request, response, loginOf(claims, connection.config), async () => attempt);
}

/** RFC 9207: an answer of one provider is never taken to another's token endpoint. */
function checkIssuer({ metadata }: Provider, stated: unknown): void {
  const { issuer, authorization_response_iss_parameter_supported: announced } = metadata;
  if (stated === issuer || (stated === undefined && announced !== true)) return;
  throw new SignInRefusal('issuer', {
    reason: 'The answer is from another issuer than the one that was asked.',
    wanted: issuer,
    got: typeof stated === 'string' ? stated : 'none',
  });
}

async function claimsOf(provider: Provider, connection: OidcConnection, attempt: Attempt, url: URL): Promise<Claims> {
  try {
    const exchange = provider.client();
    const tokens = await client.authorizationCodeGrant(exchange, url, {
      expectedState: attempt.id,
      expectedNonce: attempt.nonce ?? '',
      pkceCodeVerifier: attempt.codeVerifier ?? '',
      idTokenExpected: true,
    });
    const claims: Claims = tokens.claims() ?? {};
    const subject = String(claims['sub'] ?? '');
    if (subject === '' || subject.length > 255)
      throw new SignInRefusal('subject', { reason: 'The ID token names no subject that can be kept.' });
    const asks = lacks(claims, connection.config) && provider.metadata.userinfo_endpoint !== undefined;
    const more: Claims = asks ? await client.fetchUserInfo(exchange, tokens.access_token, subject) : {};
    return together(claims, more, connection.config);
  } catch (error) {
    throw refusalOf(error);
  }
}
