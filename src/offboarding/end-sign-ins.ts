/** Ends what people are signed in with, and only that: keys, passwords and memberships stay. */
import { sql } from 'kysely';
import type { TenantTransaction } from '../store/tenant.ts';
import type { OffboardingDependencies } from './deprovision.ts';
import { ended, signInEndings } from './end-access.sql.ts';

/** Their sessions, access tokens and what apps were given; the apps are told. */
export async function endSignIns(
  { jobs }: OffboardingDependencies,
  tx: TenantTransaction,
  userIds: readonly string[],
  reason: string,
): Promise<void> {
  const apps = sql<{ apps: boolean }>`EXISTS (SELECT 1 FROM ended_artifacts WHERE kind = 'Grant') AS apps`;
  const { rows } = await ended(tx, signInEndings(userIds, reason), apps).execute(tx.db);
  const { organizationId, db } = tx;
  if (rows[0]?.apps)
    await jobs.enqueue('logout.backchannel', { organizationId, id: organizationId }, { transaction: db });
}
