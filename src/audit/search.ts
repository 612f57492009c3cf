/** Finds audit events by who, what, on what, how it ended and when. */
import { type RawBuilder, sql } from 'kysely';
import { z } from 'zod';
import type { TenantTransaction } from '../store/tenant.ts';
import { AT } from './sealable.sql.ts';

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
  /** The id of a person: what they did, and what was done to them or theirs. */
  user: z.string().min(1).max(100).optional(),
  requestId: z.string().min(1).max(100).optional(),
  resourceType: z.string().min(1).max(100).optional(),
  resourceId: z.string().min(1).max(320).optional(),
  outcome: z.enum(['success', 'failure', 'denied']).optional(),
  /** From then on, that instant included. */
  from: time.optional(),
  /** Before then, that instant not included. */
  to: time.optional(),
});
export type AuditFilter = z.output<typeof auditFilter>;

/** Which page of what was found; the newest events come first. */
export const pageInput = z.object({
  /** `next` of the page before. */
  cursor: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/** An event as it is shown and exported. */
const shownEvent = z.object({
  id: z.number(),
  /** UTC, to the microsecond. */
  at: z.string(),
  actorKind: z.string(),
  actorId: z.string(),
  actorLabel: z.string(),
  action: z.string(),
  resourceType: z.string(),
  resourceId: z.string(),
  outcome: z.string(),
  reason: z.string(),
  detail: z.unknown(),
  requestId: z.string().nullable(),
  address: z.string().nullable(),
});
export type ShownEvent = Readonly<z.output<typeof shownEvent>>;

/** The columns of `audit_events e` as they are shown. */
export const SHOWN = sql<ShownEvent>`
  e.id, ${AT} AS at, e.actor_kind AS "actorKind", e.actor_id AS "actorId", e.actor_label AS "actorLabel", e.action,
  e.resource_type AS "resourceType", e.resource_id AS "resourceId", e.outcome, e.reason, e.detail,
  e.request_id AS "requestId", e.address`;

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
    SELECT ${SHOWN}
    FROM audit_events e
    WHERE e.organization_id = ${tx.organizationId} AND ${stretch} AND ${conditionOf(filter)}
    ORDER BY e.id ${forwards ? sql`ASC` : sql`DESC`} LIMIT ${page.limit}`.execute(tx.db);
  return rows;
}

export const eventPage = z.object({ events: z.array(shownEvent), next: z.number().nullable() });

/** A page of what was found, the newest first, and the cursor of the one after it. */
export async function searchPage(
  tx: TenantTransaction,
  filter: AuditFilter,
  page: z.output<typeof pageInput>,
): Promise<z.output<typeof eventPage>> {
  const { cursor, limit } = page;
  const events = await pageOfEvents(tx, filter, { limit, ...(cursor === undefined ? {} : { before: cursor }) });
  return { events, next: events.length === limit ? (events.at(-1)?.id ?? null) : null };
}

/** The id of the newest event, 0 where there is none. */
export async function newestEvent(tx: TenantTransaction): Promise<number> {
  const { rows } = await sql<{ id: number | null }>`
    SELECT max(id) AS id FROM audit_events WHERE organization_id = ${tx.organizationId}`.execute(tx.db);
  return rows[0]?.id ?? 0;
}

function conditionOf(filter: AuditFilter): RawBuilder<unknown> {
  const { actor, user, action, resourceType, resourceId, outcome, requestId, from, to } = filter;
  const conditions = [
    actor !== undefined && sql`(e.actor_id = ${actor} OR e.actor_label = ${actor})`,
    user !== undefined && sql`(e.user_id = ${user} OR e.actor_id = ${user})`,
    action !== undefined && actionIs(action),
    resourceType !== undefined && sql`e.resource_type = ${resourceType}`,
    resourceId !== undefined && sql`e.resource_id = ${resourceId}`,
    // A person's events have an index; of other things each kind has few.
    resourceId !== undefined && resourceType === 'user' && sql`e.user_id = ${resourceId}`,
    outcome !== undefined && sql`e.outcome = ${outcome}`,
    requestId !== undefined && sql`e.request_id = ${requestId}`,
    from !== undefined && sql`e.at >= ${from}::timestamptz`,
    to !== undefined && sql`e.at < ${to}::timestamptz`,
  ].filter((condition) => condition !== false);
  return conditions.length === 0 ? sql`true` : sql.join(conditions, sql` AND `);
}

/** An area's actions lie between `area.` and `area/`, for the slash follows the dot: a range that an index knows, in bytes' order. */
function actionIs(action: string): RawBuilder<unknown> {
  if (!action.endsWith('.*')) return sql`e.action = ${action}`;
  const area = action.slice(0, -2);
  return sql`(e.action ~>=~ ${`${area}.`} AND e.action ~<~ ${`${area}/`})`;
}
