/**
 * Events that the platform tells of its own doings. They stand under `platform.`, so that none can pass for Drawbridge's, and say
 * who told them.
 */
import { sql } from 'kysely';
import { z } from 'zod';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';

/** Events of one organization within a minute, all instances together. */
const PER_MINUTE = 10_000;
/** How long an id is remembered, in days. */
const REMEMBERED_DAYS = 30;
const LARGEST_DETAIL = 8192;

const ingested = z.strictObject({
  /** The platform's own; telling it again adds nothing. */
  id: z.string().min(1).max(128),
  occurredAt: z.iso.datetime({ offset: true }),
  /** A person of the organization by id, or whoever else by a name. */
  actor: z.union([z.strictObject({ user: z.uuid() }), z.strictObject({ label: z.string().min(1).max(320) })]),
  action: z
    .string()
    .max(100)
    .regex(/^[a-z0-9_]+(\.[a-z0-9_]+)*$/, 'must be like report.exported'),
  resource: z.strictObject({ type: z.string().min(1).max(100), id: z.string().min(1).max(320) }),
  outcome: z.enum(['success', 'failure', 'denied']).default('success'),
  reason: z.string().max(1000).default(''),
  detail: z
    .record(z.string(), z.unknown())
    .default({})
    .refine((detail) => JSON.stringify(detail).length <= LARGEST_DETAIL, 'must be at most 8 kB'),
  address: z.union([z.ipv4(), z.ipv6()]).optional(),
});

export const ingestInput = z.strictObject({ events: z.array(ingested).min(1).max(500) });
type Ingested = z.output<typeof ingested>;

/** E-mail addresses of the organization's people among some ids; given where the capabilities are put together. */
export type FindPeople = (tx: TenantTransaction, ids: readonly string[]) => Promise<ReadonlyMap<string, string>>;

/**
 * Records a batch, whole or not at all.
 * @returns how many were new, and how many had been told before
 * @throws Fault `invalid-input` naming an actor who is not of the organization, `too-many-requests`
 */
export async function ingest(
  tx: TenantTransaction,
  findPeople: FindPeople,
  events: readonly Ingested[],
): Promise<{ readonly recorded: number; readonly repeated: number }> {
  await countEvents(tx, events.length);
  const people = await findPeople(tx, [
    ...new Set(events.flatMap(({ actor }) => ('user' in actor ? [actor.user] : []))),
  ]);
  const rows = events.map((event, index) => rowOf(tx, event, index, people));
  await sql`
    DELETE FROM audit_ingested WHERE organization_id = ${tx.organizationId} AND at < now() - ${REMEMBERED_DAYS} * interval '1 day'`.execute(
    tx.db,
  );
  const { numAffectedRows = 0n } = await sql`
    WITH told AS (
      SELECT DISTINCT ON (t.external_id) t.* FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS t(nth int, external_id text,
        actor_kind text, actor_id text, actor_label text, action text, resource_type text, resource_id text, outcome text, reason text,
        detail jsonb, address text) ORDER BY t.external_id, t.nth
    ), fresh AS (
      INSERT INTO audit_ingested (organization_id, external_id) SELECT ${tx.organizationId}, external_id FROM told
      ON CONFLICT DO NOTHING RETURNING external_id
    )
    INSERT INTO audit_events (organization_id, actor_kind, actor_id, actor_label, action, resource_type, resource_id, outcome, reason,
      detail, request_id, address)
    SELECT ${tx.organizationId}, actor_kind, actor_id, actor_label, action, resource_type, resource_id, outcome, reason, detail,
      ${tx.origin.requestId ?? null}, address FROM told JOIN fresh USING (external_id) ORDER BY nth`.execute(tx.db);
  const recorded = Number(numAffectedRows);
  return { recorded, repeated: events.length - recorded };
}

function rowOf(tx: TenantTransaction, event: Ingested, nth: number, people: ReadonlyMap<string, string>) {
  const { id, occurredAt, actor, action, resource, outcome, reason, detail, address } = event;
  const { kind, label } = tx.origin.actor;
  const told = { ...detail, externalId: id, occurredAt, toldBy: `${kind} ${label}` };
  return {
    ...{ nth, external_id: id, action: `platform.${action}`, outcome, reason, detail: told, address: address ?? null },
    ...actorOf(actor, nth, people),
    ...{ resource_type: resource.type, resource_id: resource.id },
  };
}

function actorOf(actor: Ingested['actor'], nth: number, people: ReadonlyMap<string, string>) {
  if ('label' in actor) return { actor_kind: 'external', actor_id: actor.label, actor_label: actor.label };
  const email = people.get(actor.user);
  if (email === undefined) {
    throw new Fault('invalid-input', 'There is nobody of this id in the organization.', {
      where: `body.events.${nth}.actor.user`,
      remedy: 'Name others by a label.',
    });
  }
  return { actor_kind: 'user', actor_id: actor.user, actor_label: email };
}

async function countEvents(tx: TenantTransaction, count: number): Promise<void> {
  const { rows } = await sql<{ events: number; wait: number }>`
    INSERT INTO audit_ingest_windows AS w (organization_id, events) VALUES (${tx.organizationId}, ${count})
    ON CONFLICT (organization_id) DO UPDATE SET
      events = CASE WHEN w.began_at <= now() - interval '1 minute' THEN excluded.events ELSE w.events + excluded.events END,
      began_at = CASE WHEN w.began_at <= now() - interval '1 minute' THEN now() ELSE w.began_at END
    RETURNING events, ceil(60 - extract(epoch FROM now() - began_at))::int AS wait`.execute(tx.db);
  const { events = 0, wait = 60 } = rows[0] ?? {};
  if (events <= PER_MINUTE) return;
  throw new Fault('too-many-requests', `There were more than ${PER_MINUTE} events within a minute.`, {
    extra: { retryAfter: Math.max(1, wait) },
  });
}
