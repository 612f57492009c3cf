/**
 * Seals events in the background. Only events of transactions that every running one comes after are taken, in the order of
 * (xid, id): no commit that is late can slip in before a seal, and no writer waits for another.
 */
import { sql } from 'kysely';
import type { Log } from '../log.ts';
import type { Store } from '../store/database.ts';
import { unsealedOrganizations } from '../store/locate.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { CHAIN_START, type SealedEvent, sealOf } from './chain.ts';
import { after, chainHead } from './head.ts';
import { record } from './record.ts';
import { REDACTION, SEALABLE } from './sealable.sql.ts';

const BATCH = 1000;
/** Past this, somebody has to look: a transaction that never ends holds the sealing up. */
const LAG_ALARM_MINUTES = 15;

const SEALER: Origin = { actor: { kind: 'system', id: 'audit-sealer', label: 'audit sealer' } };

/**
 * Seals whatever can be sealed of one organization, in batches of their own transactions. Where another instance is at it, that one
 * does the work.
 * @returns how many events were sealed
 */
export async function sealOrganization(
  deps: { readonly store: Pick<Store, 'db'> },
  organizationId: string,
  batch = BATCH,
): Promise<number> {
  let total = 0;
  for (;;) {
    const sealed = await inTenant(deps.store.db, organizationId, SEALER, (tx) => sealBatch(tx, batch));
    total += sealed;
    if (sealed < batch) return total;
  }
}

/** Seals every organization's events; one that fails holds no other up, and one that lags is alarmed in the log and its audit. */
export async function sealAll(deps: { readonly store: Pick<Store, 'db'>; readonly log: Log }): Promise<void> {
  for (const { organizationId } of await unsealedOrganizations(deps.store.db)) {
    await sealOrganization(deps, organizationId).catch((error: unknown) => {
      deps.log.error({ error, organizationId }, 'audit events could not be sealed');
    });
  }
  for (const { organizationId, since } of await unsealedOrganizations(deps.store.db)) {
    const minutes = Math.floor((Date.now() - since.getTime()) / 60_000);
    if (minutes >= LAG_ALARM_MINUTES) await alarm(deps, organizationId, minutes);
  }
}

async function sealBatch(tx: TenantTransaction, batch: number): Promise<number> {
  const key = sql`hashtextextended(${`audit seal ${tx.organizationId}`}, 0)`;
  const turn = await sql<{ mine: boolean }>`SELECT pg_try_advisory_xact_lock(${key}) AS mine`.execute(tx.db);
  if (!turn.rows[0]?.mine) return 0;
  const head = await chainHead(tx);
  const { rows } = await sql<SealedEvent>`
    SELECT ${SEALABLE}, r.* FROM audit_events e ${REDACTION}
    WHERE e.organization_id = ${tx.organizationId} AND ${after(head)} AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY e.xid, e.id LIMIT ${batch}`.execute(tx.db);
  if (rows.length === 0) return 0;

  let hash = head?.hash ?? CHAIN_START;
  const seals = rows.map((event, index) => {
    hash = sealOf(hash, event);
    const { id, xid, at } = event;
    return { position: (head?.position ?? 0) + index + 1, id, xid, at, hash: hash.toString('hex') };
  });
  await sql`
    INSERT INTO audit_seals (organization_id, position, event_id, event_xid, event_at, hash)
    SELECT ${tx.organizationId}::uuid, s.position, s.id, s.xid::xid8, s.at, decode(s.hash, 'hex')
    FROM jsonb_to_recordset(${JSON.stringify(seals)}::jsonb)
      AS s(position bigint, id bigint, xid text, at timestamptz, hash text)`.execute(tx.db);
  return seals.length;
}

/** In the log every time, in the audit once an hour. */
async function alarm(
  deps: { readonly store: Pick<Store, 'db'>; readonly log: Log },
  organizationId: string,
  minutes: number,
): Promise<void> {
  deps.log.error({ organizationId, minutes }, 'audit events wait to be sealed; a transaction may be stuck');
  const told = { action: 'audit.sealing_delayed', resource: { type: 'organization', id: organizationId } } as const;
  await inTenant(deps.store.db, organizationId, SEALER, async (tx) => {
    const recent = await tx.db
      .selectFrom('audit_events')
      .select('id')
      .where('organization_id', '=', organizationId)
      .where('action', '=', told.action)
      .where('at', '>', sql<Date>`now() - interval '1 hour'`)
      .limit(1)
      .executeTakeFirst();
    if (recent !== undefined) return;
    const reason = 'Events have waited for too long to be sealed; a transaction may be stuck.';
    await record(tx, { ...told, outcome: 'failure', reason, detail: { minutes } });
  });
}
