/** OAuth servers elsewhere whose tokens are kept for people, and how a token is ended there. */
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { SealingKeys } from '../sealing-keys.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { type Put, putRow } from '../tenancy/put.ts';
import { slug } from '../tenancy/slug.ts';
import { seal, unseal } from './sealing.ts';

const address = z.url({ protocol: /^https?$/ });

export const oauthProviderInput = z.strictObject({
  slug,
  /** The protocol that ends a token. */
  revoker: z.enum(['rfc7009']).default('rfc7009'),
  revocationEndpoint: address,
  /** Where it is asked afterwards whether the token is really dead (RFC 7662). */
  introspectionEndpoint: address.optional(),
  clientId: z.string().min(1).max(255),
  clientSecret: z.string().min(1).max(1024).optional(),
  authentication: z.enum(['client_secret_basic', 'client_secret_post', 'none']).default('client_secret_basic'),
});
export type OauthProviderInput = z.output<typeof oauthProviderInput>;

export const oauthProviderConfig = oauthProviderInput.omit({ slug: true, revoker: true, clientSecret: true });
export type OauthProviderConfig = z.output<typeof oauthProviderConfig>;

/**
 * Creates or updates a provider; a secret that is left out stays.
 * @throws Fault `invalid-input` where the way of authentication takes a secret and there is none
 */
export async function putOauthProvider(
  tx: TenantTransaction,
  sealingKeys: SealingKeys,
  input: OauthProviderInput,
): Promise<Put> {
  const { slug: name, revoker, clientSecret, ...config } = input;
  const before = await tx.db
    .selectFrom('oauth_providers')
    .select(['sealed_secret'])
    .where('slug', '=', name)
    .executeTakeFirst();
  if (config.authentication !== 'none' && clientSecret === undefined && !before?.sealed_secret) {
    throw new Fault('invalid-input', `The OAuth provider "${name}" has no client secret.`, {
      where: 'clientSecret',
      remedy: 'Give it, or set authentication to "none".',
    });
  }
  const put = await putRow(
    tx,
    'oauth_providers',
    'oauth_provider',
    { slug: name },
    { revoker, config: { json: config } },
  );
  const kept = before?.sealed_secret == null ? undefined : unseal(sealingKeys, purposeOf(put.id), before.sealed_secret);
  if (clientSecret === undefined || clientSecret === kept) return put;
  const sealed = seal(sealingKeys, purposeOf(put.id), clientSecret);
  await tx.db.updateTable('oauth_providers').set({ sealed_secret: sealed }).where('id', '=', put.id).execute();
  if (put.action === 'create') return put;
  await record(tx, {
    action: 'oauth_provider.secret_changed',
    resource: { type: 'oauth_provider', id: put.id },
    detail: { slug: name },
  });
  return { id: put.id, action: 'update', changed: [...put.changed, 'clientSecret'] };
}

/** Providers, as they are shown. */
export async function listOauthProviders(tx: TenantTransaction) {
  const rows = await tx.db
    .selectFrom('oauth_providers')
    .select(['id', 'slug', 'revoker', 'config'])
    .orderBy('slug')
    .execute();
  return rows.map(({ config, ...row }) => ({ ...row, ...config }));
}

/** Opens a provider's client secret. */
export function providerSecret(
  sealingKeys: SealingKeys,
  provider: { readonly id: string; readonly sealed_secret: string | null },
): string | null {
  return provider.sealed_secret === null ? null : unseal(sealingKeys, purposeOf(provider.id), provider.sealed_secret);
}

function purposeOf(id: string): string {
  return `oauth_provider:${id}`;
}
