/** Where a chain begins and ends. */
import { type RawBuilder, sql } from 'kysely';
import type { TenantTransaction } from '../store/tenant.ts';

/** An event's place in the order of all: its transaction's number, then its own. */
export interface Place {
  readonly eventXid: string;
  readonly eventId: number;
}

/** A link of a chain. */
export interface ChainHead extends Place {
  readonly position: number;
  readonly hash: Buffer;
}

/** The last link of what retention has let go; the chain goes on after it. */
export interface Horizon extends ChainHead {
  /** All that was let go happened before. */
  readonly before: Date;
}

/** The last seal of the transaction's organization; undefined where nothing has been sealed yet. */
export async function chainHead(tx: TenantTransaction): Promise<ChainHead | undefined> {
  const { rows } = await sql<ChainHead>`
    SELECT position, event_id AS "eventId", event_xid::text AS "eventXid", hash
    FROM audit_seals WHERE organization_id = ${tx.organizationId} ORDER BY position DESC LIMIT 1`.execute(tx.db);
  return rows[0];
}

/** What retention has let go of; undefined where everything is still there. */
export async function horizonOf(tx: TenantTransaction): Promise<Horizon | undefined> {
  const { rows } = await sql<Horizon>`
    SELECT before, position, event_id AS "eventId", event_xid::text AS "eventXid", hash FROM audit_horizons
    WHERE organization_id = ${tx.organizationId}`.execute(tx.db);
  return rows[0];
}

/** A condition on `audit_events e`: those that come after a place. */
export function after(place: Place | undefined): RawBuilder<unknown> {
  return place === undefined ? sql`true` : sql`(e.xid, e.id) > (${place.eventXid}::xid8, ${place.eventId}::bigint)`;
}
