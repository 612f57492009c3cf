/** An OpenID provider as openid-client sees it: discovered, its token signatures verified, reached only where outbound calls may go. */
import { createHash } from 'node:crypto';
import * as client from 'openid-client';
import { Fault } from '../../errors.ts';
import { outboundFetch } from '../../http/outbound.ts';
import type { Settings } from '../../settings.ts';
import { clientSecretOf, type OidcConnection } from '../connection.ts';

/** Gives a connection's provider, discovered anew at most every ten minutes or when the connection has changed. */
export type FindProvider = (connection: OidcConnection) => Promise<client.Configuration>;

interface Kept {
  readonly of: string;
  readonly until: number;
  readonly provider: client.Configuration;
}

const KEEP_MS = 10 * 60_000;
const TIMEOUT_S = 10;
const MAX_BYTES = 1024 * 1024;
const CLOCK_TOLERANCE_S = 60;

/** A finder with a memory of its own; how providers sign and where they answer may differ between instances for that long. */
export function providers(settings: Pick<Settings, 'secrets' | 'allowPrivateNetwork'>): FindProvider {
  const kept = new Map<string, Kept>();
  return async (connection) => {
    const of = stateOf(connection);
    const known = kept.get(connection.id);
    if (known !== undefined && known.of === of && known.until > Date.now()) return known.provider;
    const provider = await discover(settings, connection);
    kept.set(connection.id, { of, until: Date.now() + KEEP_MS, provider });
    return provider;
  };
}

async function discover(
  settings: Pick<Settings, 'secrets' | 'allowPrivateNetwork'>,
  connection: OidcConnection,
): Promise<client.Configuration> {
  const { issuer, clientId } = connection.config;
  const metadata = { [client.clockTolerance]: CLOCK_TOLERANCE_S };
  try {
    return await client.discovery(
      new URL(issuer),
      clientId,
      metadata,
      authentication(clientSecretOf(settings, connection)),
      {
        execute: [
          client.enableNonRepudiationChecks,
          ...(settings.allowPrivateNetwork ? [client.allowInsecureRequests] : []),
        ],
        timeout: TIMEOUT_S,
        [client.customFetch]: fetchFor(settings.allowPrivateNetwork),
      },
    );
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault('upstream-failed', `The identity provider ${issuer} does not describe itself as it should.`, {
      cause,
      remedy: `Check that ${issuer.replace(/\/$/, '')}/.well-known/openid-configuration answers, and names exactly this issuer.`,
    });
  }
}

/** By HTTP Basic unless the provider offers the body only; that is what a provider that says nothing expects. */
function authentication(secret: string | undefined): client.ClientAuth {
  if (secret === undefined) return client.None();
  const basic = client.ClientSecretBasic(secret);
  const post = client.ClientSecretPost(secret);
  return (server, ...rest) => {
    const offered = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    return (offered.includes('client_secret_basic') ? basic : post)(server, ...rest);
  };
}

function fetchFor(allowPrivateNetwork: boolean): client.CustomFetch {
  const send = outboundFetch({ allowPrivateNetwork });
  return async (url, options) => {
    const response = await send(url, options as RequestInit);
    return new Response(await bodyOf(response), { status: response.status, headers: response.headers });
  };
}

/** The whole body, as long as it is one that a provider could mean. */
async function bodyOf(response: Response): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Fault('upstream-failed', "The identity provider's answer is larger than 1 MiB.");
    chunks.push(chunk);
  }
  return [204, 205, 304].includes(response.status) ? null : new Uint8Array(Buffer.concat(chunks));
}

function stateOf({ config, sealedSecret }: OidcConnection): string {
  return createHash('sha256')
    .update(JSON.stringify([config, sealedSecret]))
    .digest('base64');
}
