/** What is kept secret of a provider, and what a token is refreshed with there. */
import { z } from 'zod';
import type { SealingKeys } from '../sealing-keys.ts';
import type { Json } from '../store/tables.ts';
import { seal, unseal } from './sealing.ts';

/** How kept refresh tokens are used (RFC 6749, 6); `refreshSecret` is among the provider's secrets, else its `clientSecret` serves. */
export const refreshSettings = z.strictObject({
  tokenEndpoint: z.url({ protocol: /^https?$/ }),
  clientId: z.string().min(1).max(255),
  authentication: z.enum(['client_secret_basic', 'client_secret_post', 'none']).default('client_secret_basic'),
});
export type RefreshSettings = z.output<typeof refreshSettings>;

/** Opens a provider's secrets. */
export function providerSecrets(
  keys: SealingKeys,
  provider: { readonly id: string; readonly sealed_secrets: string | null },
): Json {
  if (provider.sealed_secrets === null) return {};
  return JSON.parse(unseal(keys, purposeOf(provider.id), provider.sealed_secrets));
}

/** Seals them. */
export function sealProviderSecrets(keys: SealingKeys, providerId: string, secrets: Json): string {
  return seal(keys, purposeOf(providerId), JSON.stringify(secrets));
}

function purposeOf(id: string): string {
  return `oauth_provider:${id}`;
}
