/**
 * Recomputes an organization's chain of seals, a page at a time, and names the first event that doesn't fit it. Events too recent
 * to be sealed are counted and are no fault.
 */
import { sql } from 'kysely';
import type { Store } from '../store/database.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { CHAIN_START, type SealedEvent } from './chain.ts';
import { after, type ChainHead, type Horizon, horizonOf } from './head.ts';
import { countRedacted, firstUnvouched } from './redact.ts';
import { REDACTION, SEALABLE } from './sealable.sql.ts';
import { type BrokenEvent, type Walked, type Witness, walk } from './walk.ts';

const PAGE = 2000;
const VERIFIER: Origin = { actor: { kind: 'system', id: 'audit-verifier', label: 'audit verifier' } };
const BEGINNING: ChainHead = { position: 0, eventId: 0, eventXid: '0', hash: CHAIN_START };

export interface Verification {
  readonly ok: boolean;
  /** Events that fit the chain, up to the first that does not. */
  readonly verified: number;
  /** Events that wait to be sealed. */
  readonly unsealed: number;
  /** Events that no longer say what they said of people whose data was erased; their seals hold by the hash of what they said. */
  readonly redacted: number;
  /** What retention has let go of, and so can no longer be verified. */
  readonly expired: { readonly position: number; readonly before: Date } | null;
  /** The end of what was verified; a checkpoint of it, kept outside the database, proves later that nothing was cut off. */
  readonly head: { readonly position: number; readonly hash: string } | null;
  readonly broken: BrokenEvent | null;
}

interface Dependencies {
  readonly store: Pick<Store, 'db'>;
}

/**
 * Verifies one organization's events.
 * @param witnesses what was kept of its chain elsewhere, which it must still contain
 */
export async function verifyOrganization(
  deps: Dependencies,
  organizationId: string,
  witnesses: readonly Witness[] = [],
): Promise<Verification> {
  const read = <T>(work: (tx: TenantTransaction) => Promise<T>) =>
    inTenant(deps.store.db, organizationId, VERIFIER, work, 'reader');
  const horizon = await read(horizonOf);
  const start = horizon ?? BEGINNING;
  const byPosition = new Map(witnesses.map((witness) => [witness.position, witness]));
  let head: ChainHead = start;
  let broken = horizon === undefined ? null : await read((tx) => unattested(tx, horizon));
  while (broken === null) {
    const walked = await read((tx) => walkPage(tx, head, byPosition));
    if (walked.broken === null && walked.head === head) break;
    ({ head, broken } = walked);
  }
  // Retention moved on in the meantime.
  if (broken !== null && (await read(horizonOf))?.position !== horizon?.position) {
    return verifyOrganization(deps, organizationId, witnesses);
  }
  broken ??= truncation(head, witnesses) ?? (await read(firstUnvouched));
  const unsealed = broken === null ? await read((tx) => countAfter(tx, head)) : 0;
  return {
    ok: broken === null,
    verified: head.position - start.position,
    unsealed,
    redacted: await read(countRedacted),
    expired: horizon === undefined ? null : { position: horizon.position, before: horizon.before },
    head: head.position === 0 ? null : { position: head.position, hash: head.hash.toString('hex') },
    broken,
  };
}

async function walkPage(
  tx: TenantTransaction,
  head: ChainHead,
  witnesses: ReadonlyMap<number, Witness>,
): Promise<Walked> {
  const seals = await sql<ChainHead>`
    SELECT position, event_id AS "eventId", event_xid::text AS "eventXid", hash FROM audit_seals
    WHERE organization_id = ${tx.organizationId} AND position > ${head.position} ORDER BY position LIMIT ${PAGE}`.execute(
    tx.db,
  );
  if (seals.rows.length === 0) return { head, broken: null, misplaced: false };
  const events = await sql<SealedEvent>`
    SELECT ${SEALABLE}, r.* FROM audit_events e ${REDACTION} WHERE e.organization_id = ${tx.organizationId} AND ${after(head)}
    ORDER BY e.xid, e.id LIMIT ${PAGE}`.execute(tx.db);
  const walked = walk(head, seals.rows, events.rows, witnesses);
  const { broken, misplaced } = walked;
  return broken !== null && misplaced ? { ...walked, broken: await unlessReordered(tx, broken) } : walked;
}

/** An event that seems removed or slipped in may only have changed its place: it exists, and a seal of it does. */
async function unlessReordered(tx: TenantTransaction, broken: BrokenEvent): Promise<BrokenEvent> {
  const { eventId } = broken;
  const { rows } = await sql<{ position: number }>`
    SELECT s.position FROM audit_events e JOIN audit_seals s ON s.organization_id = e.organization_id AND s.event_id = e.id
    WHERE e.organization_id = ${tx.organizationId} AND e.id = ${eventId} LIMIT 1`.execute(tx.db);
  const [sealed] = rows;
  if (sealed === undefined) return broken;
  const finding = `Event ${eventId} is not in the place in which it was sealed.`;
  return { kind: 'reordered', eventId, position: sealed.position, finding };
}

/** The beginning of a chain that was let go must be told in the chain itself, and nothing may stand before it. */
async function unattested(tx: TenantTransaction, horizon: Horizon): Promise<BrokenEvent | null> {
  const { eventId, position } = horizon;
  const told = { position, hash: horizon.hash.toString('hex') };
  const { rows } = await sql<{ told: boolean; stranger: number | null }>`
    SELECT EXISTS (SELECT 1 FROM audit_events e WHERE e.organization_id = ${tx.organizationId} AND e.action = 'audit.expired'
        AND e.actor_id = 'audit-retention' AND e.detail @> ${JSON.stringify(told)}::jsonb) AS told,
      (SELECT e.id FROM audit_events e WHERE e.organization_id = ${tx.organizationId} AND NOT ${after(horizon)}
        AND NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.organization_id = e.organization_id AND s.event_id = e.id)
        ORDER BY e.xid, e.id LIMIT 1) AS stranger`.execute(tx.db);
  const [found] = rows;
  if (found?.told !== true) {
    const finding = `All events up to ${eventId} are gone, and no retention let them go.`;
    return { kind: 'removed', eventId, position, finding };
  }
  if (found.stranger === null) return null;
  const finding = `Event ${found.stranger} stands among those that were let go.`;
  return { kind: 'inserted', eventId: found.stranger, position: null, finding };
}

function truncation(head: ChainHead, witnesses: readonly Witness[]): BrokenEvent | null {
  const missing = witnesses.filter(({ position }) => position > head.position);
  const [first] = missing.sort((a, b) => a.position - b.position);
  if (first === undefined) return null;
  const { eventId, position } = first;
  const finding = `The chain ends at ${head.position}; a checkpoint proves event ${eventId} at ${position}.`;
  return { kind: 'truncated', eventId, position, finding };
}

async function countAfter(tx: TenantTransaction, end: ChainHead): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*) AS count FROM audit_events e
    WHERE e.organization_id = ${tx.organizationId} AND ${after(end)}`.execute(tx.db);
  return rows[0]?.count ?? 0;
}
