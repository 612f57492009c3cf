/** Finds audit events by who, what, on what, how it ended and when. */
import { type RawBuilder, sql } from 'kysely';
import { z } from 'zod';
import type { TenantTransaction } from '../store/tenant.ts';

const time = z.iso.datetime({ offset: true });

/** What one may look for; several conditions hold together. */
export const auditFilter = z.object({
  /** An actor's id or label (an e-mail, a key's display), exactly. */
  actor: z.string().min(1).max(320).optional(),
  /** An action, or all of an area: `user.deprovisioned`, `user.*`. */
  action: z
    .string()
    .regex(/^[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?$/i, 'must be an action such as user.deprovisioned, or user.*')
    .optional(),
  resourceType: z.string().min(1).max(100).optional(),
  resourceId: z.string().min(1).max(320).optional(),
  outcome: z.enum(['success', 'failure', 'denied']).optional(),
  /** From then on, that instant included. */
  from: time.optional(),
  /** Before then, that instant not included. */
  to: time.optional(),
});
export type AuditFilter = z.output<typeof auditFilter>;

/** An event as it is shown and exported. */
export interface ShownEvent {
  readonly id: number;
  /** UTC, to the microsecond. */
  readonly at: string;
  readonly actorKind: string;
  readonly actorId: string;
  readonly actorLabel: string;
  readonly action: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly outcome: string;
  readonly reason: string;
  readonly detail: unknown;
  readonly requestId: string | null;
  readonly address: string | null;
}

/** A page of events: the newest first before an id, or the oldest first after one. */
export async function pageOfEvents(
  tx: TenantTransaction,
  filter: AuditFilter,
  page:
    | { readonly limit: number; readonly before?: number }
    | { readonly limit: number; readonly after: number; readonly upTo: number },
): Promise<ShownEvent[]> {
  const forwards = 'after' in page;
  const stretch = forwards
    ? sql`e.id > ${page.after} AND e.id <= ${page.upTo}`
    : page.before === undefined
      ? sql`true`
      : sql`e.id < ${page.before}`;
  const { rows } = await sql<ShownEvent>`
    SELECT e.id, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
      e.actor_kind AS "actorKind", e.actor_id AS "actorId", e.actor_label AS "actorLabel", e.action,
      e.resource_type AS "resourceType", e.resource_id AS "resourceId", e.outcome, e.reason, e.detail,
      e.request_id AS "requestId", e.address
    FROM audit_events e
    WHERE e.organization_id = ${tx.organizationId} AND ${stretch} AND ${conditionOf(filter)}
    ORDER BY e.id ${forwards ? sql`ASC` : sql`DESC`} LIMIT ${page.limit}`.execute(tx.db);
  return rows;
}

/** The id of the newest event, 0 where there is none. */
export async function newestEvent(tx: TenantTransaction): Promise<number> {
  const { rows } = await sql<{ id: number | null }>`
    SELECT max(id) AS id FROM audit_events WHERE organization_id = ${tx.organizationId}`.execute(tx.db);
  return rows[0]?.id ?? 0;
}

function conditionOf(filter: AuditFilter): RawBuilder<unknown> {
  const { actor, action, resourceType, resourceId, outcome, from, to } = filter;
  const area = action?.endsWith('.*') ? action.slice(0, -1) : undefined;
  const conditions = [
    actor !== undefined && sql`(e.actor_id = ${actor} OR e.actor_label = ${actor})`,
    action !== undefined && (area === undefined ? sql`e.action = ${action}` : sql`starts_with(e.action, ${area})`),
    resourceType !== undefined && sql`e.resource_type = ${resourceType}`,
    resourceId !== undefined && sql`e.resource_id = ${resourceId}`,
    outcome !== undefined && sql`e.outcome = ${outcome}`,
    from !== undefined && sql`e.at >= ${from}::timestamptz`,
    to !== undefined && sql`e.at < ${to}::timestamptz`,
  ].filter((condition) => condition !== false);
  return conditions.length === 0 ? sql`true` : sql.join(conditions, sql` AND `);
}
