/**
 * What belongs to no organization (the platform's apps, the signing keys, browsers not yet known) is behind the wall of the nil tenant,
 * where no organization's transaction reaches.
 */
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../../store/tables.ts';
import { INSTALLATION, inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';

/** The provider itself, where nobody asks it to. */
export const PROVIDER: Origin = { actor: { kind: 'system', id: 'oauth', label: 'OpenID provider' } };

/** Does `work` behind the installation's wall. */
export function inInstallation<T>(
  db: Kysely<Tables>,
  origin: Origin,
  work: (tx: TenantTransaction) => Promise<T>,
  mode?: 'reader',
): Promise<T> {
  return inTenant(db, INSTALLATION, origin, work, mode);
}

/** Does `work` behind the installation's wall as a part of an organization's transaction, to commit or roll back with it. */
export async function asInstallation<T>(
  tx: TenantTransaction,
  work: (tx: TenantTransaction) => Promise<T>,
): Promise<T> {
  await enter(tx, INSTALLATION);
  const done = await work({ ...tx, organizationId: INSTALLATION });
  await enter(tx, tx.organizationId);
  return done;
}

async function enter({ db }: TenantTransaction, organizationId: string): Promise<void> {
  await sql`SELECT set_config('app.tenant_id', ${organizationId}, true)`.execute(db);
}
