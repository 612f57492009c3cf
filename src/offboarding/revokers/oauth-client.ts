/** Ourselves as a client of an OAuth server: the library with a revoker's ways of asking. */
import * as oauth from 'openid-client';
import { Stopped } from './ask.ts';

/** What a library's answer counts as is decided by `fetch`, so also whether an address may be reached by http. */
export function oauthClient(
  fetch: typeof globalThis.fetch,
  server: oauth.ServerMetadata,
  clientId: string,
  authentication: oauth.ClientAuth,
): oauth.Configuration {
  const configuration = new oauth.Configuration(server, clientId, undefined, authentication);
  oauth.allowInsecureRequests(configuration);
  configuration[oauth.customFetch] = fetch as oauth.CustomFetch;
  return configuration;
}

/**
 * An access token with which the provider's API is asked.
 * @throws Stopped where the server gives none
 */
export async function accessToken(
  fetch: typeof globalThis.fetch,
  asked: { readonly tokenUrl: string; readonly clientId: string; readonly authentication: oauth.ClientAuth },
  grantType: string,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const { tokenUrl, clientId, authentication } = asked;
  const server = { issuer: new URL(tokenUrl).origin, token_endpoint: tokenUrl };
  const client = oauthClient(fetch, server, clientId, authentication);
  try {
    return (await oauth.genericGrantRequest(client, grantType, parameters)).access_token;
  } catch (error) {
    throw stoppedBy(error, 'no access token is given to our client');
  }
}

/** In a library's error, what really happened. */
export function stoppedBy(error: unknown, otherwise: string): Stopped {
  for (let at: unknown = error; at instanceof Error; at = at.cause) if (at instanceof Stopped) return at;
  const { status, error: code } = error as { status?: unknown; error?: unknown };
  const told = [status, code].filter((part) => part !== undefined).join(' ');
  return new Stopped({ state: 'needs_human', error: told === '' ? otherwise : `${otherwise}: ${told.slice(0, 100)}` });
}
