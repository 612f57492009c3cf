/** An OpenID provider as openid-client sees it: discovered, its token signatures verified, reached only where outbound calls may go. */
import { createHash } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import * as client from 'openid-client';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { boundedFetch } from '../../http/bounded-fetch.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import { inTenant, type Origin } from '../../store/tenant.ts';
import { clientSecretOf, type OidcConnection } from '../connection.ts';
import { openKey, signingKey } from './client-key.ts';
import { type KeysHaving, keySet } from './key-set.ts';
import { presetOf, TENANT } from './presets.ts';

export interface Provider {
  readonly metadata: client.ServerMetadata;
  readonly keysHaving: KeysHaving;
  /** Requests as the provider gets them: bounded in time and size, and only where outbound calls may go. */
  readonly send: client.CustomFetch;
  /** A client of its own for one exchange. */
  client(send?: client.CustomFetch): client.Configuration;
}

/** Gives a connection's provider, discovered anew at most every ten minutes or when the connection has changed. */
export type FindProvider = (connection: OidcConnection) => Promise<Provider>;

interface ProviderDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly settings: Pick<Settings, 'secrets' | 'allowPrivateNetwork'>;
}

interface Kept {
  readonly of: string;
  readonly until: number;
  readonly metadata: client.ServerMetadata;
  readonly keysHaving: KeysHaving;
}

const KEEP_MS = 10 * 60_000;
const TIMEOUT_S = 10;
const MAX_KEYS = 100;
export const CLOCK_TOLERANCE_S = 60;

const CLIENT_KEYS: Origin = { actor: { kind: 'system', id: 'sign-in', label: 'sign-in' } };

/** A finder with a memory of its own; how providers sign and where they answer may differ between instances for that long. */
export function providers(deps: ProviderDependencies): FindProvider {
  const kept = new Map<string, Kept>();
  const send = boundedFetch(deps.settings.allowPrivateNetwork);
  return async (connection) => {
    const authentication = await authenticationOf(deps, connection);
    const of = stateOf(connection);
    let known = kept.get(connection.id);
    if (known === undefined || known.of !== of || known.until <= Date.now()) {
      const metadata = await describe(deps, send, connection);
      // What is known of the keys outlives what is known of the provider.
      const same = known?.metadata.jwks_uri === metadata.jwks_uri ? known?.keysHaving : undefined;
      known = { of, until: Date.now() + KEEP_MS, metadata, keysHaving: same ?? keySet(() => readKeys(send, metadata)) };
      kept.set(connection.id, known);
    }
    const { metadata, keysHaving } = known;
    return { metadata, keysHaving, send, client: clientMaker(deps, connection, known, send, authentication) };
  };
}

function clientMaker(
  { settings }: ProviderDependencies,
  { config }: OidcConnection,
  { metadata, keysHaving }: Kept,
  send: client.CustomFetch,
  authentication: client.ClientAuth,
): Provider['client'] {
  // The issuer that an answer names is compared by ourselves: the library knows of one only.
  const server = { ...metadata, authorization_response_iss_parameter_supported: false };
  return (through = send) => {
    const made = new client.Configuration(
      server,
      config.clientId,
      { [client.clockTolerance]: CLOCK_TOLERANCE_S },
      authentication,
    );
    made.timeout = TIMEOUT_S;
    made[client.customFetch] = async (url, options) =>
      url === metadata.jwks_uri ? Response.json(await keysHaving(undefined, 'login')) : through(url, options);
    if (settings.allowPrivateNetwork) client.allowInsecureRequests(made);
    // For userinfo that is a signed token; ID tokens are verified in provider-token.ts.
    if (presetOf(config.preset).protocol === 'openid') client.enableNonRepudiationChecks(made);
    return made;
  };
}

async function describe(
  { settings }: ProviderDependencies,
  send: client.CustomFetch,
  { config: { issuer, preset, clientId } }: OidcConnection,
): Promise<client.ServerMetadata> {
  const { protocol, anyTenant } = presetOf(preset);
  if (protocol === 'oauth2') {
    const base = `${issuer.replace(/\/$/, '')}/login/oauth`;
    return { issuer, authorization_endpoint: `${base}/authorize`, token_endpoint: `${base}/access_token` };
  }
  const address = issuer.includes(TENANT)
    ? `${issuer.replace(TENANT, anyTenant ?? '').replace(/\/$/, '')}/.well-known/openid-configuration`
    : issuer;
  try {
    const found = await client.discovery(new URL(address), clientId, {}, client.None(), {
      execute: settings.allowPrivateNetwork ? [client.allowInsecureRequests] : [],
      timeout: TIMEOUT_S,
      [client.customFetch]: send,
    });
    const metadata = plain(found.serverMetadata());
    if (address !== issuer && metadata.issuer !== issuer) throw new Error(`it calls itself ${metadata.issuer}`);
    refuseUnusable(metadata, settings.allowPrivateNetwork);
    return metadata;
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault('upstream-failed', `The identity provider ${issuer} does not describe itself as it should.`, {
      cause,
      remedy: `Check that ${address.replace(/\/(\.well-known\/.*)?$/, '')}/.well-known/openid-configuration answers, and names exactly this issuer.`,
    });
  }
}

/** Addresses that browsers are sent to, and those that we can't do without. */
function refuseUnusable(metadata: client.ServerMetadata, allowPlain: boolean): void {
  const { authorization_endpoint, token_endpoint, jwks_uri, end_session_endpoint } = metadata;
  const needed = { authorization_endpoint, token_endpoint, jwks_uri };
  const present = end_session_endpoint === undefined ? needed : { ...needed, end_session_endpoint };
  const address = z.url({ protocol: allowPlain ? /^https?$/ : /^https$/ });
  for (const [name, value] of Object.entries(present)) {
    if (!address.safeParse(value).success) throw new Error(`its ${name} is no address to use`);
  }
}

/** Without the library's own methods, which can not be cloned. */
function plain(metadata: object): client.ServerMetadata {
  return JSON.parse(JSON.stringify(metadata)) as client.ServerMetadata;
}

const keyList = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(MAX_KEYS) });

/** Reads a provider's keys from where it publishes them. @throws Fault `upstream-failed` */
export async function readKeys(
  send: client.CustomFetch,
  { jwks_uri }: Pick<client.ServerMetadata, 'jwks_uri'>,
): Promise<JSONWebKeySet> {
  const remedy = 'Try again later.';
  if (jwks_uri === undefined)
    throw new Fault('upstream-failed', 'The identity provider publishes no keys.', { remedy });
  const headers = { accept: 'application/json, application/jwk-set+json' };
  try {
    const response = await send(jwks_uri, { method: 'GET', headers, body: undefined, redirect: 'manual' });
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    return keyList.parse(await response.json()) as JSONWebKeySet;
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault('upstream-failed', "The identity provider's keys can not be read.", { cause, remedy });
  }
}

/** By what the connection says; else by HTTP Basic unless the provider offers the body only, as one that says nothing expects. */
async function authenticationOf(
  { store, settings }: ProviderDependencies,
  connection: OidcConnection,
): Promise<client.ClientAuth> {
  const { clientAuthentication, preset } = connection.config;
  if (clientAuthentication === 'private_key_jwt') {
    const { id, organizationId } = connection;
    const key = await inTenant(store.db, organizationId, CLIENT_KEYS, (tx) => signingKey(tx, id), 'reader');
    if (key === undefined) throw new Fault('unavailable', 'This connection has no key of ours that may sign.');
    return client.PrivateKeyJwt(await openKey(settings.secrets.sealingKeys, id, key));
  }
  const secret = clientSecretOf(settings, connection);
  if (secret === undefined) return client.None();
  const basic = client.ClientSecretBasic(secret);
  const post = client.ClientSecretPost(secret);
  const { clientAuthentication: possible } = presetOf(preset);
  const chosen = clientAuthentication ?? (possible.length === 1 ? possible[0] : undefined);
  return (server, ...rest) => {
    const offered = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    const method = chosen ?? (offered.includes('client_secret_basic') ? 'client_secret_basic' : 'client_secret_post');
    return (method === 'client_secret_basic' ? basic : post)(server, ...rest);
  };
}

function stateOf({ config, sealedSecret }: OidcConnection): string {
  return createHash('sha256')
    .update(JSON.stringify([config, sealedSecret]))
    .digest('base64');
}
