/**
 * How long events are kept: by month, for each organization or the installation. Months are partitions, so that letting go of one
 * costs its writers nothing. The schema is not the application's: it asks four narrow functions of the owner's (migrations 0005, 0019).
 */
import { sql } from 'kysely';
import { z } from 'zod';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { horizonOf } from './head.ts';
import { record } from './record.ts';

/** Null: as the installation has it. */
export const retentionInput = z.strictObject({ months: z.number().int().min(6).max(1200).nullable() });

/** What an organization's retention is, and what it has let go of so far. */
export async function readRetention(tx: TenantTransaction, { audit }: Pick<Settings, 'audit'>) {
  const own = await tx.db
    .selectFrom('audit_retention')
    .select('months')
    .where('organization_id', '=', tx.organizationId)
    .executeTakeFirst();
  const horizon = await horizonOf(tx);
  return {
    months: own?.months ?? null,
    effectiveMonths: own?.months ?? audit.retentionMonths ?? null,
    letGo: horizon === undefined ? null : { before: horizon.before, events: horizon.position },
  };
}

/** Sets an organization's retention, or has it follow the installation's. */
export async function putRetention(tx: TenantTransaction, months: number | null): Promise<void> {
  const { organizationId } = tx;
  const own = tx.db.selectFrom('audit_retention').select('months').where('organization_id', '=', organizationId);
  const before = (await own.forUpdate().executeTakeFirst())?.months ?? null;
  if (before === months) return;
  if (months === null) {
    await tx.db.deleteFrom('audit_retention').where('organization_id', '=', organizationId).execute();
  } else {
    await tx.db
      .insertInto('audit_retention')
      .values({ organization_id: organizationId, months })
      .onConflict((taken) => taken.column('organization_id').doUpdateSet({ months }))
      .execute();
  }
  const resource = { type: 'organization', id: organizationId };
  await record(tx, { action: 'audit.retention_changed', resource, detail: { before, months } });
}

/** Makes the months to come; once an hour lets go of those that nobody keeps any longer. */
export async function keepAuditMonths(
  deps: { readonly settings: Pick<Settings, 'audit'>; readonly store: Pick<Store, 'db'>; readonly log: Log },
  now: Date,
): Promise<void> {
  await sql`SELECT prepare_audit_months()`.execute(deps.store.db);
  if (now.getUTCMinutes() === 23) await letGo(deps);
}

/** Lets go of what no retention asks for any longer. */
export async function letGo({
  settings,
  store: { db },
  log,
}: {
  readonly settings: Pick<Settings, 'audit'>;
  readonly store: Pick<Store, 'db'>;
  readonly log: Log;
}): Promise<void> {
  await sql`SELECT expire_audit_events(${settings.audit.retentionMonths ?? null}::integer)`.execute(db);
  for (;;) {
    const { rows } = await sql<{ month: string | null }>`SELECT drop_audit_month()::text AS month`.execute(db);
    const month = rows[0]?.month ?? null;
    if (month === null) break;
    log.info({ month }, 'a month of audit events was let go');
  }
  await sql`SELECT sweep_audit_events()`.execute(db);
}
