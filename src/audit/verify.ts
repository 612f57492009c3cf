/**
 * Recomputes an organization's chain of seals, a page at a time, and names the first event that doesn't fit it. Events too recent
 * to be sealed are counted and are no fault.
 */
import { sql } from 'kysely';
import type { Store } from '../store/database.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { CHAIN_START, type SealableEvent, sealOf } from './chain.ts';
import { after, type ChainHead, chainHead } from './seal.ts';
import { SEALABLE } from './sealable.sql.ts';

const PAGE = 2000;
const VERIFIER: Origin = { actor: { kind: 'system', id: 'audit-verifier', label: 'audit verifier' } };

export interface BrokenEvent {
  readonly kind: 'edited' | 'removed' | 'inserted' | 'reordered';
  readonly eventId: number;
  /** Its place in the chain; null for an event that was never sealed. */
  readonly position: number | null;
  /** What is wrong, in a sentence. */
  readonly finding: string;
}

export interface Verification {
  readonly ok: boolean;
  /** Events that fit the chain, up to the first that does not. */
  readonly verified: number;
  /** Events that wait to be sealed. */
  readonly unsealed: number;
  /** The end of what was verified; keep it outside the database to prove later that nothing was cut off. */
  readonly head: { readonly position: number; readonly hash: string } | null;
  readonly broken: BrokenEvent | null;
}

interface SealedRow {
  readonly position: number;
  readonly eventId: number;
  readonly eventXid: string;
  readonly hash: Buffer;
  /** Null where the event is gone. */
  readonly event: SealableEvent | null;
}

/** Verifies one organization's events. */
export async function verifyOrganization(
  deps: { readonly store: Pick<Store, 'db'> },
  organizationId: string,
): Promise<Verification> {
  const read = <T>(work: (tx: TenantTransaction) => Promise<T>) =>
    inTenant(deps.store.db, organizationId, VERIFIER, work, 'reader');
  const end = await read(chainHead);
  let head: ChainHead = { position: 0, eventId: 0, eventXid: '0', hash: CHAIN_START };
  let broken: BrokenEvent | null = null;
  while (broken === null && head.position < (end?.position ?? 0)) {
    const page = await read((tx) => sealedPage(tx, head.position));
    const last = page.at(-1);
    if (last === undefined) break;
    const stranger = await read((tx) => firstStranger(tx, head, last));
    ({ head, broken } = walk(head, page, stranger));
  }
  const unsealed = await read((tx) => countAfter(tx, end));
  const shown = head.position === 0 ? null : { position: head.position, hash: head.hash.toString('hex') };
  return { ok: broken === null, verified: head.position, unsealed, head: shown, broken };
}

/** Where an event stands. */
interface Place {
  readonly eventId: number;
  readonly eventXid: string;
}

/** Follows the chain over a page of seals, until its end or the first event that doesn't fit. Pure. */
function walk(from: ChainHead, page: readonly SealedRow[], stranger: Place | undefined) {
  let head = from;
  for (const row of page) {
    const sealed = row.position === head.position + 1;
    const between = sealed && stranger !== undefined && isBefore(head, stranger) && isBefore(stranger, row);
    const broken = between ? insertedBefore(row, stranger) : findingOf(head, row);
    if (broken !== null) return { head, broken };
    head = row;
  }
  return { head, broken: null };
}

function findingOf(head: ChainHead, row: SealedRow): BrokenEvent | null {
  const { event, position, eventId } = row;
  const broken = (kind: BrokenEvent['kind'], finding: string) => ({ kind, eventId, position, finding });
  if (position !== head.position + 1) {
    return broken('removed', `Seals ${head.position + 1} to ${position - 1}, before event ${eventId}, were removed.`);
  }
  if (event === null) return broken('removed', `Event ${eventId} was sealed at ${position} and is gone.`);
  if (event.xid !== row.eventXid || !isBefore(head, row)) {
    return broken('reordered', `Event ${eventId} is not in the place in which it was sealed.`);
  }
  if (!sealOf(head.hash, event).equals(row.hash)) {
    return broken('edited', `Event ${eventId} (${event.action}) is not what was sealed at ${position}.`);
  }
  return null;
}

function insertedBefore(row: SealedRow, { eventId }: Place): BrokenEvent {
  const finding = `Event ${eventId} stands before sealed event ${row.eventId} and was never sealed.`;
  return { kind: 'inserted', eventId, position: null, finding };
}

function isBefore(a: Place, b: Place): boolean {
  const [left, right] = [BigInt(a.eventXid), BigInt(b.eventXid)];
  return left < right || (left === right && a.eventId < b.eventId);
}

async function sealedPage(tx: TenantTransaction, from: number): Promise<SealedRow[]> {
  const { rows } = await sql<Omit<SealedRow, 'event'> & { found: boolean } & SealableEvent>`
    SELECT s.position, s.event_id AS "eventId", s.event_xid::text AS "eventXid", s.hash, e.id IS NOT NULL AS found, ${SEALABLE}
    FROM audit_seals s LEFT JOIN audit_events e ON e.organization_id = s.organization_id AND e.id = s.event_id
    WHERE s.organization_id = ${tx.organizationId} AND s.position > ${from}
    ORDER BY s.position LIMIT ${PAGE}`.execute(tx.db);
  return rows.map(({ position, eventId, eventXid, hash, found, ...event }) => {
    return { position, eventId, eventXid, hash, event: found ? event : null };
  });
}

/** The first event between two places that no seal is of. */
async function firstStranger(tx: TenantTransaction, from: Place, to: Place): Promise<Place | undefined> {
  const { rows } = await sql<Place>`
    SELECT e.id AS "eventId", e.xid::text AS "eventXid" FROM audit_events e
    WHERE e.organization_id = ${tx.organizationId} AND ${after(from)}
      AND (e.xid, e.id) < (${to.eventXid}::xid8, ${to.eventId}::bigint)
      AND NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.organization_id = e.organization_id AND s.event_id = e.id)
    ORDER BY e.xid, e.id LIMIT 1`.execute(tx.db);
  return rows[0];
}

async function countAfter(tx: TenantTransaction, end: Place | undefined): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*) AS count FROM audit_events e WHERE e.organization_id = ${tx.organizationId} AND ${after(end)}`.execute(
    tx.db,
  );
  return rows[0]?.count ?? 0;
}
