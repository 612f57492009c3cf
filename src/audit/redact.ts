/**
 * Takes out of audit events what they say of a person whose data is to be erased. Nobody can do so unseen: of each event the hash of
 * what it said and of what it says now is kept, and an event tells of the whole batch. What else an event says can't be changed this way.
 */
import { randomUUID } from 'node:crypto';
import { type RawBuilder, sql } from 'kysely';
import type { TenantTransaction } from '../store/tenant.ts';
import { contentHashOf, type SealedEvent } from './chain.ts';
import { record } from './record.ts';
import { REDACTION, SEALABLE } from './sealable.sql.ts';
import type { BrokenEvent } from './walk.ts';

/** By what a person is known in texts. */
export interface Traits {
  readonly userId: string;
  /** Of what is wholly about the person: records, invitations. */
  readonly recordIds: readonly string[];
  /** Replaced wherever they stand: e-mail addresses. */
  readonly anywhere: readonly string[];
  /** Replaced where they are a whole word or value: names, employee numbers, subjects. */
  readonly words: readonly string[];
  /** Until when these meant the person: an address may be somebody else's since. */
  readonly until: Date;
}

/** The traits as `erased_text` and `erased_json` of the database take them. */
export function patternsOf({ anywhere, words }: Pick<Traits, 'anywhere' | 'words'>) {
  const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const inJson = anywhere.map(escaped);
  const whole = words.filter((word) => /^\w.*\w$/.test(word)).map((word) => `\\m${escaped(word)}\\M`);
  return { inJson, inText: [...inJson, ...whole] };
}

/** Redacts every event that names the person. @returns how many */
export async function redactEvents(tx: TenantTransaction, traits: Traits): Promise<number> {
  const { rows: before } = await theirs(tx, concerning(traits));
  if (before.length === 0) return 0;
  const ids = before.map(({ id }) => id);
  const { inText, inJson } = patternsOf(traits);
  await sql`
    SELECT redact_audit_events(${ids}::bigint[], ${traits.userId}, ${inText}::text[], ${inJson}::text[], ${traits.words as string[]}::text[])
    `.execute(tx.db);
  const { rows: after } = await theirs(tx, sql`e.id = ANY(${ids}::bigint[])`);
  const batch = randomUUID();
  const changes = after.flatMap((event, at) => {
    const original = before[at];
    const [was, is] = [original && contentHashOf(original), contentHashOf(event)];
    if (original === undefined || was === undefined || was.equals(is)) return [];
    return [{ id: event.id, original: (original.originalHash ?? was).toString('hex'), redacted: is.toString('hex') }];
  });
  await sql`
    INSERT INTO audit_redactions (organization_id, event_id, batch, original_hash, redacted_hash)
    SELECT ${tx.organizationId}::uuid, c.id, ${batch}::uuid, decode(c.original, 'hex'), decode(c.redacted, 'hex')
    FROM jsonb_to_recordset(${JSON.stringify(changes)}::jsonb) AS c(id bigint, original text, redacted text) ORDER BY c.id`.execute(
    tx.db,
  );
  const { rows } = await sql<{ digest: string }>`
    SELECT ${DIGEST} AS digest FROM audit_redactions a WHERE a.batch = ${batch}`.execute(tx.db);
  const resource = { type: 'audit_redaction', id: batch };
  const detail = { user: traits.userId, events: changes.length, digest: rows[0]?.digest };
  await record(tx, { action: 'audit.redacted', resource, reason: 'personal data erased', detail });
  return changes.length;
}

/** The first event that was redacted in a batch for which no event vouches, as long as any of it is kept. */
export async function firstUnvouched({ db }: TenantTransaction): Promise<BrokenEvent | null> {
  const { rows } = await sql<{ eventId: number }>`
    SELECT min(b.first) AS "eventId" FROM (
      SELECT a.organization_id, a.batch, min(a.event_id) AS first, ${DIGEST} AS digest FROM audit_redactions a
      GROUP BY a.organization_id, a.batch) AS b
    WHERE EXISTS (SELECT 1 FROM audit_redactions k JOIN audit_events e ON e.organization_id = k.organization_id AND e.id = k.event_id
        WHERE k.organization_id = b.organization_id AND k.batch = b.batch)
      AND NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.organization_id = b.organization_id AND e.resource_type = 'audit_redaction'
      AND e.resource_id = b.batch::text AND e.action = 'audit.redacted' AND e.detail ->> 'digest' = b.digest)
    HAVING count(*) > 0`.execute(db);
  const [found] = rows;
  if (found === undefined) return null;
  const finding = `Event ${found.eventId} was redacted, and no event vouches for that.`;
  return { kind: 'edited', eventId: found.eventId, position: null, finding };
}

/** How many events were redacted. */
export async function countRedacted({ db }: TenantTransaction): Promise<number> {
  const { rows } = await sql<{
    count: number;
  }>`SELECT count(DISTINCT event_id)::int AS count FROM audit_redactions`.execute(db);
  return rows[0]?.count ?? 0;
}

const DIGEST = sql`encode(sha256(convert_to(string_agg(a.event_id || ' ' || encode(a.original_hash, 'hex') || ' ' ||
  encode(a.redacted_hash, 'hex'), E'\n' ORDER BY a.event_id), 'UTF8')), 'hex')`;

function theirs(tx: TenantTransaction, which: RawBuilder<unknown>) {
  return sql<SealedEvent>`
    SELECT ${SEALABLE}, r.* FROM audit_events e ${REDACTION}
    WHERE e.organization_id = ${tx.organizationId} AND ${which} ORDER BY e.id`.execute(tx.db);
}

function concerning({ userId, recordIds, until, ...traits }: Traits): RawBuilder<unknown> {
  const named = sql`(e.actor_label || ' ' || e.resource_id || ' ' || e.reason || ' ' || e.detail::text) ~* ANY(${patternsOf(traits).inJson}::text[])`;
  // An event's time is that of its writing: what the leaving itself told is later than its transaction's beginning.
  const leaving = sql`SELECT l.xid FROM audit_events l WHERE l.user_id = ${userId} AND l.action = 'user.deprovisioned'`;
  return sql`(e.actor_id = ${userId} OR e.resource_id = ANY(${[userId, ...recordIds]}::text[]) OR e.detail::text LIKE ${`%${userId}%`}
    OR ((e.at <= ${until} OR e.xid IN (${leaving})) AND ${named}))`;
}
