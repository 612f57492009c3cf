/** Access tokens that Drawbridge issues to the platform for a signed-in person: short, opaque, ended with the person. */
import { sql } from 'kysely';
import { record } from '../audit/record.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { holdActive } from './holder.ts';
import { hashOf, randomSecret } from './sealing.ts';

/** How long a token lasts, in seconds. */
export const GRANT_SECONDS = 300;

/**
 * Issues an access token.
 * @param wanted `client` names the app that will present it; `sessionId` the session it comes from, null where none
 * @returns the token, shown once, and its end
 * @throws Fault `forbidden` where the person is not active
 */
export async function issueGrant(
  tx: TenantTransaction,
  wanted: { readonly userId: string; readonly sessionId: string | null; readonly client: string },
): Promise<{ token: string; id: string; expiresAt: Date }> {
  const holder = await holdActive(tx, wanted.userId);
  const token = `dbt_${randomSecret()}`;
  const { id, expires_at: expiresAt } = await tx.db
    .insertInto('grants')
    .values({
      organization_id: tx.organizationId,
      token_hash: hashOf(token),
      user_id: holder.id,
      access_epoch: holder.accessEpoch,
      session_id: wanted.sessionId,
      client: wanted.client,
      expires_at: sql`now() + ${GRANT_SECONDS} * interval '1 second'`,
      revoked_at: null,
    })
    .returning(['id', 'expires_at'])
    .executeTakeFirstOrThrow();
  await record(tx, {
    action: 'grant.issued',
    resource: { type: 'grant', id },
    detail: { user: holder.id, email: holder.email, client: wanted.client },
  });
  return { token, id, expiresAt };
}
