/**
 * Makes messages of what is audited. A cursor follows the seals of the organization's chain, whose order is final; it moves in the
 * transaction that writes the messages down, so that each event is told to each receiver once, and none is passed over.
 */
import { sql } from 'kysely';
import type { TenantTransaction } from '../store/tenant.ts';
import { SIGNALS_OF } from './ssf/events.ts';
import { TOLD_AS } from './webhook-events.ts';

/** The name under which signals follow the chain; also in `locate_due_signals`. */
const CURSOR = '00000000-0000-0000-0000-000000000001';
const BATCH = 1000;

const TOLD = JSON.stringify([
  ...TOLD_AS.map((each) => ({ ...each, kind: 'webhook', unless: [] })),
  ...SIGNALS_OF.map((each) => ({ ...each, kind: 'ssf' })),
]);

/** Everybody who is told something at this moment: of what, since when, and whether of people about whom they have said nothing. */
const TARGETS = sql`
  SELECT 'webhook' AS kind, id, events AS types, enabled_since AS since, true AS of_all FROM webhook_endpoints WHERE enabled
  UNION ALL
  SELECT 'ssf', id, events_requested, enabled_since, default_subjects = 'ALL' FROM ssf_streams WHERE status <> 'disabled'`;

/** Takes the next sealed events. @returns whether there are more */
export async function fanOut(tx: TenantTransaction): Promise<boolean> {
  const { organizationId, db } = tx;
  await placeCursor(tx);
  const { rows } = await sql<{ seen: number }>`
    WITH cursor AS (
      SELECT position FROM audit_stream_cursors WHERE organization_id = ${organizationId} AND stream_id = ${CURSOR} FOR UPDATE
    ), events AS (
      SELECT s.position, e.id, e.at, e.action, e.reason, e.user_id, e.resource_type || ':' || e.resource_id AS resource
      FROM audit_seals s JOIN audit_events e ON e.organization_id = s.organization_id AND e.id = s.event_id AND e.at = s.event_at
      WHERE s.organization_id = ${organizationId} AND s.position > (SELECT position FROM cursor) ORDER BY s.position LIMIT ${BATCH}
    ), messages AS (
      INSERT INTO signal_deliveries (organization_id, webhook_endpoint_id, ssf_stream_id, type, subject, event_id, event_at, position)
      SELECT ${organizationId}::uuid, CASE t.kind WHEN 'webhook' THEN t.id END, CASE t.kind WHEN 'ssf' THEN t.id END,
        m.type, coalesce(e.user_id, e.resource), e.id, e.at, e.position
      FROM events e
      JOIN jsonb_to_recordset(${TOLD}::jsonb) AS m(kind text, action text, type text, unless text[])
        ON m.action = e.action AND e.reason <> ALL(m.unless)
      JOIN (${TARGETS}) t ON t.kind = m.kind AND e.at >= t.since AND (t.types IS NULL OR m.type = ANY(t.types))
      LEFT JOIN ssf_stream_subjects chosen ON chosen.stream_id = t.id AND chosen.user_id::text = e.user_id
      WHERE m.kind = 'webhook' OR e.user_id IS NOT NULL AND coalesce(chosen.wanted, t.of_all)
      ORDER BY e.position, m.type
    )
    UPDATE audit_stream_cursors c SET position = last.position, delivered_at = now()
    FROM (SELECT max(position) AS position, count(*)::int AS seen FROM events) last
    WHERE c.organization_id = ${organizationId} AND c.stream_id = ${CURSOR} AND last.position IS NOT NULL
    RETURNING last.seen`.execute(db);
  return rows[0]?.seen === BATCH;
}

/** Where there is none, before the first event that somebody is to be told of. */
async function placeCursor({ organizationId, db }: TenantTransaction): Promise<void> {
  await sql`
    INSERT INTO audit_stream_cursors (organization_id, stream_id, position)
    SELECT ${organizationId}, ${CURSOR}, coalesce(
      (SELECT min(position) - 1 FROM audit_seals WHERE organization_id = ${organizationId}
        AND event_at >= (SELECT min(since) FROM (${TARGETS}) t)),
      (SELECT max(position) FROM audit_seals WHERE organization_id = ${organizationId}), 0)
    WHERE NOT EXISTS (SELECT 1 FROM audit_stream_cursors WHERE organization_id = ${organizationId} AND stream_id = ${CURSOR})
    ON CONFLICT DO NOTHING`.execute(db);
}
