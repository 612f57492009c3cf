/** Apps that prove themselves by signing (private_key_jwt): what an assertion must hold beyond what the provider checks itself. */
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { outboundFetch } from '../../http/outbound.ts';

export const ASSERTION_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const;

/** Seconds. Its id is remembered as long as it is good, so it is not good for long. */
const LONGEST = 3600;

/** @throws InvalidClientAuth where an assertion would be good for longer than its id is to be remembered */
export function refuseLongLived(_context: KoaContextWithOIDC, { exp }: Readonly<Record<string, unknown>>): void {
  if (typeof exp === 'number' && exp - Date.now() / 1000 <= LONGEST) return;
  throw new errors.InvalidClientAuth('a client assertion must expire within an hour');
}

/** Fetches what apps publish, as everything that leaves for a configured address. */
export function keysOfApps(allowPrivateNetwork: boolean) {
  const get = outboundFetch({ allowPrivateNetwork });
  // Nothing but this is passed on: the provider's own dispatcher is of another version of the library.
  return (url: string | URL | Request, { method, headers, signal }: RequestInit = {}) =>
    get(url, { method: method ?? 'GET', ...(headers ? { headers } : {}), ...(signal ? { signal } : {}) });
}
