/**
 * Writes audit events, always in the transaction of what they tell. Append-only: the application's role can neither change nor
 * remove one (offboarding, Audit).
 */
import { type RawBuilder, sql } from 'kysely';
import { prepared } from '../store/prepared.ts';
import type { Origin, TenantTransaction } from '../store/tenant.ts';

export interface AuditEvent {
  /** What was done, as `area.verb`: `user.deprovisioned`, `sign_in.refused`. */
  readonly action: string;
  readonly resource: { readonly type: string; readonly id: string };
  readonly outcome?: 'success' | 'failure' | 'denied';
  readonly reason?: string;
  /** Facts that an auditor wants; never a secret. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** Records events of this transaction's actor. */
export function record(tx: TenantTransaction, ...events: AuditEvent[]): Promise<void> {
  return recordOf(
    tx,
    events.map((event) => ({ event, origin: tx.origin })),
  );
}

/** Records what others have done and this transaction only writes down. */
export async function recordOf(
  tx: TenantTransaction,
  told: readonly { readonly event: AuditEvent; readonly origin: Origin }[],
): Promise<void> {
  if (told.length === 0) return;
  const rows = told.map(({ event, origin: { actor, requestId, address } }) => ({
    organization_id: tx.organizationId,
    actor_kind: actor.kind,
    actor_id: actor.id,
    actor_label: actor.label,
    action: event.action,
    resource_type: event.resource.type,
    resource_id: event.resource.id,
    outcome: event.outcome ?? ('success' as const),
    reason: event.reason ?? '',
    detail: event.detail ?? {},
    request_id: requestId ?? null,
    address: address ?? null,
  }));
  await tx.db.insertInto('audit_events').values(rows).execute();
}

/**
 * The same for many at once: `rows` is a SELECT that gives `action, resource_type, resource_id, reason, detail` (text, text,
 * text, text, jsonb), so that ten thousand changes cost one statement.
 */
export async function recordSelected(tx: TenantTransaction, rows: RawBuilder<unknown>): Promise<void> {
  await prepared(auditing(tx, rows)).execute(tx.db);
}

/** The statement of `recordSelected`, to be a part (`WITH told AS (...)`) of the one that makes the change. */
export function auditing(tx: TenantTransaction, rows: RawBuilder<unknown>): RawBuilder<unknown> {
  const { actor, requestId, address } = tx.origin;
  return sql`
    INSERT INTO audit_events (organization_id, actor_kind, actor_id, actor_label, request_id, address, outcome,
      action, resource_type, resource_id, reason, detail)
    SELECT ${tx.organizationId}::uuid, ${actor.kind}, ${actor.id}, ${actor.label}, ${requestId ?? null}, ${address ?? null},
      'success', found.* FROM (${rows}) AS found`;
}
