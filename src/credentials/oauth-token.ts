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
  expiresInSeconds: z.int().min(1).optional(),
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
      sealed_token: sealOauthToken(sealingKeys, holder.id, input.token),
      locked_at: null,
      expires_at: input.expiresInSeconds === undefined ? null : new Date(Date.now() + input.expiresInSeconds * 1000),
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

/** Kept tokens, as they are shown: everything but themselves. */
export async function listOauthTokens(tx: TenantTransaction, { user }: { readonly user?: string | undefined }) {
  const { rows } = await sql<{ id: string; provider: string; userId: string; email: string; kind: string }>`
    SELECT t.id, p.slug AS provider, t.user_id AS "userId", u.email, t.token_kind AS kind, t.created_at AS "createdAt",
      t.expires_at AS "expiresAt", t.refreshed_from AS "refreshedFrom", t.locked_at AS "lockedAt", t.ended_at AS "endedAt"
    FROM oauth_tokens t JOIN oauth_providers p ON p.id = t.provider_id JOIN users u ON u.id = t.user_id
    WHERE ${user ?? null}::uuid IS NULL OR t.user_id = ${user ?? null}::uuid ORDER BY t.created_at DESC, t.id LIMIT 500`.execute(
    tx.db,
  );
  return rows;
}

/** Seals a token for somebody. */
export function sealOauthToken(keys: SealingKeys, userId: string, token: string): string {
  return seal(keys, purposeOf(userId), token);
}

/** Opens a kept token. */
export function openOauthToken(
  sealingKeys: SealingKeys,
  token: { readonly user_id: string; readonly sealed_token: string },
): string {
  return unseal(sealingKeys, purposeOf(token.user_id), token.sealed_token);
}

/** Their provider has ended them: nothing of them is kept any longer. */
export async function markTokensEnded(tx: TenantTransaction, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.db
    .updateTable('oauth_tokens')
    .set({ ended_at: sql`now()`, sealed_token: null })
    .where('id', '=', sql<string>`ANY(${ids as string[]}::uuid[])`)
    .execute();
}

function purposeOf(userId: string): string {
  return `oauth_token:${userId}`;
}
