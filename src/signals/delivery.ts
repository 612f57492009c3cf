/**
 * Messages on their way: who has which to take, and what came of each try. A claim is a lease in the row itself, so that a killed
 * process leaves a message that comes due again. Messages about the same person or thing go out one after the other.
 */
import { type RawBuilder, sql } from 'kysely';
import { AT } from '../audit/sealable.sql.ts';
import type { Json } from '../store/tables.ts';
import type { TenantTransaction } from '../store/tenant.ts';

/** Longer than a try may take, in seconds. */
const LEASE_SECONDS = 30;
/** How long the log of deliveries goes back, whatever became of them. */
const KEPT_DAYS = 30;

/** An audited event, as far as it is told. */
export interface ToldEvent {
  readonly at: string;
  readonly action: string;
  readonly actor: { readonly kind: string; readonly id: string; readonly label: string };
  readonly resource: { readonly type: string; readonly id: string };
  readonly reason: string;
  readonly detail: Json;
}

export interface Delivery {
  readonly id: string;
  readonly type: string;
  readonly attempts: number;
  readonly position: number | null;
  readonly createdAt: Date;
  /** What it says by itself, where it tells no event. */
  readonly body: Json | null;
  /** Null also where the event is no longer kept. */
  readonly event: ToldEvent | null;
  /** Whom it is about, as they are known now. */
  readonly user: { readonly id: string; readonly email: string; readonly displayName: string } | null;
}

const OPEN = sql`state IN ('waiting', 'retry')`;

/** Of deliveries `d`: with what they tell. */
function telling(deliveries: RawBuilder<unknown>): RawBuilder<Delivery> {
  return sql<Delivery>`
    SELECT d.id, d.type, d.attempts, d.position, d.created_at AS "createdAt", d.body,
      CASE WHEN e.id IS NOT NULL THEN jsonb_build_object('at', ${AT}, 'action', e.action, 'reason', e.reason, 'detail', e.detail,
        'actor', jsonb_build_object('kind', e.actor_kind, 'id', e.actor_id, 'label', e.actor_label),
        'resource', jsonb_build_object('type', e.resource_type, 'id', e.resource_id)) END AS event,
      CASE WHEN u.id IS NOT NULL THEN jsonb_build_object('id', u.id, 'email', u.email, 'displayName', u.display_name) END AS user
    FROM (${deliveries}) d
    LEFT JOIN audit_events e ON e.organization_id = d.organization_id AND e.id = d.event_id AND e.at = d.event_at
    LEFT JOIN users u ON u.organization_id = d.organization_id AND u.id = CASE WHEN e.user_id ~ '^[0-9a-f-]{36}$' THEN e.user_id::uuid END
    ORDER BY d.seq`;
}

/** Claims what is due to one receiver, the oldest first; one at most of each subject. @param only the one type that it is to be told */
export async function claimDeliveries(
  tx: TenantTransaction,
  targetId: string,
  limit: number,
  only: string | null,
): Promise<Delivery[]> {
  const claimed = await sql<{ id: string }>`
    WITH due AS (
      SELECT d.id FROM signal_deliveries d
      WHERE d.target_id = ${targetId} AND d.${OPEN} AND d.next_attempt_at <= now() AND ${ofType(only)} AND NOT EXISTS (
        SELECT 1 FROM signal_deliveries b WHERE b.target_id = d.target_id AND b.subject = d.subject AND b.seq < d.seq AND b.${OPEN})
      ORDER BY d.seq LIMIT ${limit} FOR UPDATE SKIP LOCKED
    )
    UPDATE signal_deliveries d
    SET attempts = d.attempts + 1, last_attempt_at = now(), next_attempt_at = now() + ${LEASE_SECONDS} * interval '1 second'
    FROM due WHERE d.organization_id = ${tx.organizationId} AND d.id = due.id RETURNING d.id`.execute(tx.db);
  const ids = claimed.rows.map(({ id }) => id);
  if (ids.length === 0) return [];
  const mine = sql`SELECT * FROM signal_deliveries WHERE id = ANY(${ids}::uuid[])`;
  return (await telling(mine).execute(tx.db)).rows;
}

/** What one receiver has yet to take, the oldest first, without claiming it: for a receiver that comes for it. */
export async function pendingDeliveries(
  tx: TenantTransaction,
  targetId: string,
  limit: number,
  only: string | null,
): Promise<Delivery[]> {
  const pending = sql`
    SELECT d.* FROM signal_deliveries d WHERE d.target_id = ${targetId} AND d.${OPEN} AND ${ofType(only)} ORDER BY d.seq LIMIT ${limit}`;
  return (await telling(pending).execute(tx.db)).rows;
}

function ofType(only: string | null): RawBuilder<unknown> {
  return only === null ? sql`true` : sql`d.type = ${only}`;
}

/** What became of a delivery; `status` as its HTTP server answered, `next` in seconds from now. */
export interface Settlement {
  readonly id: string;
  readonly state: 'delivered' | 'retry' | 'failed';
  readonly status: number | null;
  readonly error: string | null;
  readonly next: number | null;
}

/** Writes down what became of one receiver's deliveries. @returns those of them that were open until now */
export async function settleDeliveries(
  tx: TenantTransaction,
  settlements: readonly Settlement[],
  targetId: string,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    UPDATE signal_deliveries d SET state = s.state, last_status = s.status, last_error = s.error,
      next_attempt_at = now() + coalesce(s.next, 0) * interval '1 second', finished_at = CASE WHEN s.state <> 'retry' THEN now() END
    FROM jsonb_to_recordset(${JSON.stringify(settlements)}::jsonb) AS s(id uuid, state text, status int, error text, next float8)
    WHERE d.organization_id = ${tx.organizationId} AND d.id = s.id AND d.target_id = ${targetId} AND d.${OPEN} RETURNING d.id`.execute(
    tx.db,
  );
  return rows.map(({ id }) => id);
}

/** Adds a message that tells no event. @returns its id */
export async function addMessage(
  tx: TenantTransaction,
  target: { readonly webhook_endpoint_id: string } | { readonly ssf_stream_id: string },
  message: { readonly type: string; readonly body: Json },
): Promise<string> {
  const { id } = await tx.db
    .insertInto('signal_deliveries')
    .values({
      ...{ webhook_endpoint_id: null, ssf_stream_id: null, event_id: null, event_at: null, position: null },
      ...{ last_attempt_at: null, last_status: null, last_error: null, finished_at: null },
      ...{ organization_id: tx.organizationId, subject: message.type, ...message, ...target },
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** Gives up what a receiver has yet to take. */
export async function dropDeliveries({ db }: TenantTransaction, targetId: string, why: string): Promise<void> {
  await sql`UPDATE signal_deliveries d SET state = 'failed', last_error = ${why}, finished_at = now()
    WHERE d.target_id = ${targetId} AND d.${OPEN}`.execute(db);
}

/** Lets go of what is long over. */
export async function forgetDeliveries({ db }: TenantTransaction): Promise<void> {
  await sql`DELETE FROM signal_deliveries WHERE created_at < now() - ${KEPT_DAYS} * interval '1 day'`.execute(db);
}
