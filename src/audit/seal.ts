/**
 * Seals events in the background. Only events of transactions that every running one comes after are taken, in the order of
 * (xid, id): no commit that is late can slip in before a seal, and no writer waits for another.
 */
import { sql } from 'kysely';
import type { Log } from '../log.ts';
import type { Store } from '../store/database.ts';
import { locateOrganizations } from '../store/locate.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { CHAIN_START, type SealableEvent, sealOf } from './chain.ts';
import { SEALABLE } from './sealable.sql.ts';

const BATCH = 1000;
/** Past this, somebody has to look: a transaction that never ends holds the sealing up. */
const LAG_ALARM_MINUTES = 15;

const SEALER: Origin = { actor: { kind: 'system', id: 'audit-sealer', label: 'audit sealer' } };

/** The last link of a chain. */
export interface ChainHead {
  readonly position: number;
  readonly eventId: number;
  readonly eventXid: string;
  readonly hash: Buffer;
}

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

/** Seals every organization's events; one that fails or lags is told in the log and holds no other up. */
export async function sealAll(deps: { readonly store: Pick<Store, 'db'>; readonly log: Log }): Promise<void> {
  for (const organizationId of await locateOrganizations(deps.store.db)) {
    try {
      await sealOrganization(deps, organizationId);
      await warnOfLag(deps, organizationId);
    } catch (error) {
      deps.log.error({ error, organizationId }, 'audit events could not be sealed');
    }
  }
}

/** The last seal of the transaction's organization; undefined where nothing has been sealed yet. */
export async function chainHead(tx: TenantTransaction): Promise<ChainHead | undefined> {
  const { rows } = await sql<ChainHead>`
    SELECT position, event_id AS "eventId", event_xid::text AS "eventXid", hash
    FROM audit_seals ORDER BY organization_id DESC, position DESC LIMIT 1`.execute(tx.db);
  return rows[0];
}

async function sealBatch(tx: TenantTransaction, batch: number): Promise<number> {
  const key = sql`hashtextextended(${`audit seal ${tx.organizationId}`}, 0)`;
  const turn = await sql<{ mine: boolean }>`SELECT pg_try_advisory_xact_lock(${key}) AS mine`.execute(tx.db);
  if (!turn.rows[0]?.mine) return 0;
  const head = await chainHead(tx);
  const { rows } = await sql<SealableEvent>`
    SELECT ${SEALABLE} FROM audit_events e
    WHERE e.organization_id = ${tx.organizationId} AND ${after(head)} AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY e.xid, e.id LIMIT ${batch}`.execute(tx.db);
  if (rows.length === 0) return 0;

  let hash = head?.hash ?? CHAIN_START;
  const seals = rows.map((event, index) => {
    hash = sealOf(hash, event);
    return { position: (head?.position ?? 0) + index + 1, id: event.id, xid: event.xid, hash: hash.toString('hex') };
  });
  await sql`
    INSERT INTO audit_seals (organization_id, position, event_id, event_xid, hash)
    SELECT ${tx.organizationId}::uuid, s.position, s.id, s.xid::xid8, decode(s.hash, 'hex')
    FROM jsonb_to_recordset(${JSON.stringify(seals)}::jsonb) AS s(position bigint, id bigint, xid text, hash text)`.execute(
    tx.db,
  );
  return seals.length;
}

/** A condition on `audit_events e`: those that come after a seal. */
export function after(head: Pick<ChainHead, 'eventXid' | 'eventId'> | undefined) {
  return head === undefined ? sql`true` : sql`(e.xid, e.id) > (${head.eventXid}::xid8, ${head.eventId}::bigint)`;
}

async function warnOfLag(
  deps: { readonly store: Pick<Store, 'db'>; readonly log: Log },
  organizationId: string,
): Promise<void> {
  const oldest = await inTenant(
    deps.store.db,
    organizationId,
    SEALER,
    async (tx) => {
      const head = await chainHead(tx);
      const { rows } = await sql<{ minutes: number | null }>`
        SELECT extract(epoch FROM now() - min(e.at))::float8 / 60 AS minutes FROM audit_events e
        WHERE e.organization_id = ${tx.organizationId} AND ${after(head)}`.execute(tx.db);
      return rows[0]?.minutes ?? 0;
    },
    'reader',
  );
  if (oldest < LAG_ALARM_MINUTES) return;
  deps.log.warn(
    { organizationId, minutes: Math.round(oldest) },
    'audit events wait to be sealed; a transaction may be stuck',
  );
}
