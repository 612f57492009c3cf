/** The vault: tokens of other OAuth servers, kept sealed for people and ended when these leave. */
import { sql } from 'kysely';
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { SealingKeys } from '../sealing-keys.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { holdActive } from './holder.ts';
import { seal, unseal } from './sealing.ts';

export const oauthTokenInput = z.strictObject({
  /** Slug of the provider. */
  provider: z.string(),
  user: z.uuid(),
  kind: z.enum(['access_token', 'refresh_token']),
  token: z.string().min(1).max(16_384),
});
export type OauthTokenInput = z.output<typeof oauthTokenInput>;

/**
 * Keeps a token for an active person.
 * @returns its id
 * @throws Fault `forbidden` where the person is not active, `not-found` where there is no such provider
 */
export async function keepOauthToken(
  tx: TenantTransaction,
  sealingKeys: SealingKeys,
  input: OauthTokenInput,
): Promise<{ id: string }> {
  const holder = await holdActive(tx, input.user);
  const provider = await tx.db
    .selectFrom('oauth_providers')
    .select('id')
    .where('slug', '=', input.provider)
    .executeTakeFirst();
  if (provider === undefined)
    throw new Fault('not-found', `There is no OAuth provider "${input.provider}".`, { where: 'provider' });
  const { id } = await tx.db
    .insertInto('oauth_tokens')
    .values({
      organization_id: tx.organizationId,
      provider_id: provider.id,
      user_id: holder.id,
      token_kind: input.kind,
      sealed_token: seal(sealingKeys, purposeOf(holder.id), input.token),
      locked_at: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await record(tx, {
    action: 'oauth_token.kept',
    resource: { type: 'oauth_token', id },
    detail: { user: holder.id, provider: input.provider, kind: input.kind },
  });
  return { id };
}

/** Opens a kept token. */
export function openOauthToken(
  sealingKeys: SealingKeys,
  token: { readonly user_id: string; readonly sealed_token: string },
): string {
  return unseal(sealingKeys, purposeOf(token.user_id), token.sealed_token);
}

/** Its provider has ended it: nothing of it is kept any longer. */
export async function markTokenEnded(tx: TenantTransaction, id: string): Promise<void> {
  await tx.db
    .updateTable('oauth_tokens')
    .set({ ended_at: sql`now()`, sealed_token: null })
    .where('id', '=', id)
    .execute();
}

function purposeOf(userId: string): string {
  return `oauth_token:${userId}`;
}
