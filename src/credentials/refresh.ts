/** Asks an OAuth server for a fresh access token with a refresh token that is kept here. */
import * as oauth from 'openid-client';
import { Fault } from '../errors.ts';
import type { Json } from '../store/tables.ts';
import type { RefreshSettings } from './provider-secrets.ts';

export interface Refreshed {
  readonly accessToken: string;
  /** Where the server gives another for each use. */
  readonly refreshToken: string | undefined;
  /** Seconds; undefined where the server does not say. */
  readonly expiresIn: number | undefined;
}

/**
 * Refreshes once: asking twice with the same token may end it.
 * @throws Fault `conflict` where the server takes the token no more, `upstream-failed` where it does not answer well
 */
export async function refreshAt(
  settings: RefreshSettings,
  secrets: Json,
  refreshToken: string,
  send: typeof fetch,
): Promise<Refreshed> {
  const { tokenEndpoint, clientId, authentication } = settings;
  const secret = String(secrets['refreshSecret'] ?? secrets['clientSecret'] ?? '');
  const ways = {
    client_secret_basic: oauth.ClientSecretBasic,
    client_secret_post: oauth.ClientSecretPost,
    none: oauth.None,
  };
  const server = { issuer: new URL(tokenEndpoint).origin, token_endpoint: tokenEndpoint };
  const client = new oauth.Configuration(server, clientId, undefined, ways[authentication](secret));
  // Whether an address may be reached at all, and by http, is decided by `send`.
  oauth.allowInsecureRequests(client);
  client[oauth.customFetch] = send as oauth.CustomFetch;
  try {
    const given = await oauth.refreshTokenGrant(client, refreshToken);
    return { accessToken: given.access_token, refreshToken: given.refresh_token, expiresIn: given.expires_in };
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError && error.error === 'invalid_grant') {
      throw new Fault('conflict', 'The provider takes the kept refresh token no more.', {
        remedy: 'Let the person consent again, and keep the new token.',
      });
    }
    throw new Fault('upstream-failed', 'The provider gives no access token.', {
      remedy: "Check the provider's refresh settings, and whether it answers.",
    });
  }
}
