/**
 * How far a stream has come in one organization's chain. It follows the seals: their order is final, so that nothing that commits late
 * is ever passed over. The cursor moves only when the receiver has taken what lies before it.
 */
import { sql } from 'kysely';
import type { TenantTransaction } from '../../store/tenant.ts';
import { SHOWN, type ShownEvent } from '../search.ts';

/** Longer than a delivery may take. */
const LEASE_SECONDS = 60;
/** The longest pause between tries. */
const LONGEST_PAUSE_SECONDS = 300;

export interface StreamedEvent extends ShownEvent {
  /** Place and hash in the chain: whoever keeps them is a witness of it. */
  readonly position: number;
  readonly hash: string;
}

/** Puts a new stream's cursor at the chain's beginning, or at its end. */
export async function placeCursor(tx: TenantTransaction, streamId: string, from: 'now' | 'beginning'): Promise<void> {
  await sql`
    INSERT INTO audit_stream_cursors (organization_id, stream_id, position)
    SELECT ${tx.organizationId}, ${streamId}, CASE WHEN ${from} = 'now' THEN
      coalesce((SELECT max(position) FROM audit_seals WHERE organization_id = ${tx.organizationId}), 0) ELSE 0 END
    ON CONFLICT DO NOTHING`.execute(tx.db);
}

/** Removes a stream's cursor. */
export async function removeCursor(tx: TenantTransaction, streamId: string): Promise<void> {
  await tx.db.deleteFrom('audit_stream_cursors').where('stream_id', '=', streamId).execute();
}

/** Takes a cursor for a while; undefined where another worker has it, or the next try is not due. */
export async function claimCursor(
  tx: TenantTransaction,
  streamId: string,
): Promise<{ readonly position: number; readonly attempts: number } | undefined> {
  const { rows } = await sql<{ position: number; attempts: number }>`
    UPDATE audit_stream_cursors SET next_attempt_at = now() + ${LEASE_SECONDS} * interval '1 second'
    WHERE organization_id = ${tx.organizationId} AND stream_id = ${streamId} AND next_attempt_at <= now()
    RETURNING position, attempts`.execute(tx.db);
  return rows[0];
}

/** Moves on past what was delivered, and keeps the cursor. */
export async function advanceCursor(
  tx: TenantTransaction,
  streamId: string,
  from: number,
  to: number,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    UPDATE audit_stream_cursors SET position = ${to}, attempts = 0, last_error = NULL, failing_since = NULL, delivered_at = now(),
      next_attempt_at = now() + ${LEASE_SECONDS} * interval '1 second'
    WHERE organization_id = ${tx.organizationId} AND stream_id = ${streamId} AND position = ${from}`.execute(tx.db);
  return numAffectedRows === 1n;
}

/** Lets go of a cursor, to be taken again at once; after a failure with a pause that grows. */
export async function releaseCursor(
  tx: TenantTransaction,
  streamId: string,
  failure?: { readonly error: string; readonly attempts: number; readonly retryAfterSeconds?: number | undefined },
): Promise<void> {
  const pause = failure === undefined ? 0 : Math.min(2 ** failure.attempts, LONGEST_PAUSE_SECONDS);
  const seconds = Math.max(pause, failure?.retryAfterSeconds ?? 0);
  await sql`
    UPDATE audit_stream_cursors SET next_attempt_at = now() + ${seconds} * interval '1 second',
      attempts = CASE WHEN ${failure === undefined} THEN attempts ELSE attempts + 1 END,
      last_error = coalesce(${failure?.error ?? null}, last_error),
      failing_since = CASE WHEN ${failure === undefined} THEN failing_since ELSE coalesce(failing_since, now()) END
    WHERE organization_id = ${tx.organizationId} AND stream_id = ${streamId}`.execute(tx.db);
}

/** The next sealed events after a position, in their order. */
export async function nextEvents(tx: TenantTransaction, position: number, limit: number): Promise<StreamedEvent[]> {
  const { rows } = await sql<StreamedEvent>`
    SELECT s.position, encode(s.hash, 'hex') AS hash, ${SHOWN}
    FROM audit_seals s JOIN audit_events e
      ON e.organization_id = s.organization_id AND e.id = s.event_id AND e.at = s.event_at
    WHERE s.organization_id = ${tx.organizationId} AND s.position > ${position}
    ORDER BY s.position LIMIT ${limit}`.execute(tx.db);
  return rows;
}

export interface CursorState {
  /** Events that wait to be delivered, sealed or not. */
  readonly waiting: number;
  readonly deliveredAt: Date | null;
  readonly failingSince: Date | null;
  readonly lastError: string | null;
  readonly nextAttemptAt: Date;
}

/** How a stream fares in the transaction's organization; undefined where it has no cursor there yet. */
export async function cursorState(tx: TenantTransaction, streamId: string): Promise<CursorState | undefined> {
  const { rows } = await sql<CursorState>`
    SELECT (coalesce(head.position, 0) - c.position + (SELECT count(*) FROM audit_events e
        WHERE e.organization_id = c.organization_id AND (e.xid, e.id) > (coalesce(head.event_xid, '0'), coalesce(head.event_id, 0)))
      )::bigint AS waiting, c.delivered_at AS "deliveredAt",
      c.failing_since AS "failingSince", c.last_error AS "lastError", c.next_attempt_at AS "nextAttemptAt"
    FROM audit_stream_cursors c
    LEFT JOIN LATERAL (SELECT s.position, s.event_xid, s.event_id FROM audit_seals s WHERE s.organization_id = c.organization_id
      ORDER BY s.position DESC LIMIT 1) head ON true
    WHERE c.organization_id = ${tx.organizationId} AND c.stream_id = ${streamId}`.execute(tx.db);
  return rows[0];
}
