/** The columns of `audit_events e` as `SealableEvent` has them. */
import { type RawBuilder, sql } from 'kysely';

/** An event's time as it is shown and sealed: UTC, to the microsecond. */
export const AT: RawBuilder<string> = sql`to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

export const SEALABLE = sql`
  e.organization_id::text AS "organizationId", e.xid::text AS xid, e.id, ${AT} AS at,
  e.actor_kind AS "actorKind", e.actor_id AS "actorId", e.actor_label AS "actorLabel", e.action,
  e.resource_type AS "resourceType", e.resource_id AS "resourceId", e.outcome, e.reason, e.detail::text AS detail,
  e.request_id AS "requestId", e.address`;

/** What `audit_events e` said before it was redacted, under the alias `r`, as `SealedEvent` has it. */
export const REDACTION = sql`
  LEFT JOIN LATERAL (
    SELECT original_hash AS "originalHash", redacted_hash AS "redactedHash" FROM audit_redactions
    WHERE organization_id = e.organization_id AND event_id = e.id ORDER BY seq DESC LIMIT 1) AS r ON true`;
