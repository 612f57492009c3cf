/** Ends what people are signed in with, and only that: keys, passwords and memberships stay. */
import { sql } from 'kysely';
import { auditing } from '../audit/record.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import type { OffboardingDependencies } from './deprovision.ts';
import { endedSignInEvents, signInEndings } from './end-access.sql.ts';

/** Their sessions, access tokens and what apps were given; the apps are told. */
export async function endSignIns(
  { jobs }: OffboardingDependencies,
  tx: TenantTransaction,
  userIds: readonly string[],
  reason: string,
): Promise<void> {
  for (const ending of signInEndings(userIds, reason)) await ending.execute(tx.db);
  await auditing(tx, endedSignInEvents(userIds, reason)).execute(tx.db);
  const { organizationId, db } = tx;
  const { rows } = await sql`
    SELECT 1 FROM oauth_artifacts WHERE user_id = ANY(${userIds as string[]}::uuid[]) AND kind = 'Grant' AND ended_at = now() LIMIT 1
    `.execute(db);
  if (rows.length > 0)
    await jobs.enqueue('logout.backchannel', { organizationId, id: organizationId }, { transaction: db });
}
