/**
 * Ends a token at an OAuth server by RFC 7009. A 200 is not proof: where the server has an introspection endpoint (RFC 7662), the token
 * counts as dead only when that says so (offboarding, Revokers).
 */
import * as oauth from 'openid-client';
import type { OauthProviderConfig } from '../../credentials/oauth-provider.ts';
import { type Outcome, retryAfter } from '../next-step.ts';

export interface TokenToRevoke {
  readonly token: string;
  readonly kind: 'access_token' | 'refresh_token';
  readonly provider: OauthProviderConfig;
  readonly clientSecret: string | null;
}

/** Never throws: whatever the server does is an outcome. */
export async function revokeByRfc7009(asked: TokenToRevoke, send: typeof fetch, now: () => Date): Promise<Outcome> {
  const seen: Seen = {};
  const server = serverOf(asked, watched(send, seen));
  try {
    await oauth.tokenRevocation(server, asked.token, { token_type_hint: asked.kind });
  } catch (error) {
    return ofError(error, seen, now());
  }
  const answer = { status: seen.status, at: now().toISOString() };
  // Some servers say 200 and put the truth into the body.
  if (seen.errorCode === 'invalid_token') return { state: 'already_gone', proof: answer };
  if (seen.errorCode !== undefined)
    return { state: 'needs_human', error: `the server answered 200 with the error "${seen.errorCode}"` };
  if (asked.provider.introspectionEndpoint === undefined) {
    return { state: 'revoked', proof: { ...answer, confirmed: false } };
  }
  return probe(server, asked, answer, seen, now);
}

async function probe(
  server: oauth.Configuration,
  asked: TokenToRevoke,
  answer: Readonly<Record<string, unknown>>,
  seen: Seen,
  now: () => Date,
): Promise<Outcome> {
  try {
    const { active } = await oauth.tokenIntrospection(server, asked.token, { token_type_hint: asked.kind });
    if (active) return { state: 'retry', error: 'the server said it was done, but the token still works' };
    return { state: 'revoked', proof: { ...answer, confirmed: true, introspectedAt: now().toISOString() } };
  } catch (error) {
    const outcome = ofError(error, seen, now());
    return outcome.state === 'needs_human' ? { state: 'revoked', proof: { ...answer, confirmed: false } } : outcome;
  }
}

interface Seen {
  status?: number;
  retryAfter?: string | null;
  errorCode?: string | undefined;
}

/** Notes what came back, for the library's errors don't carry all of it. */
function watched(send: typeof fetch, seen: Seen): oauth.CustomFetch {
  return async (url, options) => {
    const response = await send(url, options as RequestInit);
    seen.status = response.status;
    seen.retryAfter = response.headers.get('retry-after');
    seen.errorCode = await errorCodeOf(response.clone());
    return response;
  };
}

async function errorCodeOf(response: Response): Promise<string | undefined> {
  const body: unknown = await response.json().catch(() => undefined);
  const code = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  return typeof code === 'string' ? code.slice(0, 100) : undefined;
}

function serverOf({ provider, clientSecret }: TokenToRevoke, send: oauth.CustomFetch): oauth.Configuration {
  const secret = clientSecret ?? '';
  const authentication = {
    client_secret_basic: () => oauth.ClientSecretBasic(secret),
    client_secret_post: () => oauth.ClientSecretPost(secret),
    none: () => oauth.None(),
  }[provider.authentication];
  const metadata = {
    issuer: new URL(provider.revocationEndpoint).origin,
    revocation_endpoint: provider.revocationEndpoint,
    ...(provider.introspectionEndpoint === undefined ? {} : { introspection_endpoint: provider.introspectionEndpoint }),
  };
  const server = new oauth.Configuration(metadata, provider.clientId, undefined, authentication());
  // Whether an address may be reached at all, and by http, is decided by `send`.
  oauth.allowInsecureRequests(server);
  server[oauth.customFetch] = send;
  return server;
}

function ofError(error: unknown, seen: Seen, now: Date): Outcome {
  const { status } = seen;
  if (status === undefined) return { state: 'retry', error: `the server can't be reached: ${reasonOf(error)}` };
  if (status === 429 || status >= 500) {
    return {
      state: 'retry',
      error: `the server answered ${status}`,
      retryAfterSeconds: retryAfter(seen.retryAfter ?? null, now),
    };
  }
  if (seen.errorCode === 'invalid_token') return { state: 'already_gone', proof: { status, at: now.toISOString() } };
  if (seen.errorCode === 'unsupported_token_type')
    return { state: 'unsupported', proof: { status, error: seen.errorCode } };
  return {
    state: 'needs_human',
    error: `the server answered ${status}${seen.errorCode ? ` (${seen.errorCode})` : ''}`,
  };
}

function reasonOf(error: unknown): string {
  const deepest = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = (deepest as { code?: unknown }).code;
  return typeof code === 'string' ? code : deepest instanceof Error ? deepest.message.slice(0, 200) : 'unknown reason';
}
