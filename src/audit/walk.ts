/** Follows a chain: each event beside the seal that was made of it. Pure; finds the first event that doesn't fit. */
import { contentHashOf, type SealedEvent, sealOf } from './chain.ts';
import type { ChainHead, Place } from './head.ts';

/** What somebody outside has kept of a chain. */
export interface Witness {
  readonly position: number;
  readonly eventId: number;
  /** In hexadecimal digits. */
  readonly hash: string;
}

export interface BrokenEvent {
  readonly kind: 'edited' | 'removed' | 'inserted' | 'reordered' | 'rewritten' | 'truncated';
  readonly eventId: number;
  /** Its place in the chain; null for an event that was never sealed. */
  readonly position: number | null;
  /** What is wrong, in a sentence. */
  readonly finding: string;
}

export interface Walked {
  readonly head: ChainHead;
  readonly broken: BrokenEvent | null;
  /** Whether the event isn't where it was sealed, or not sealed where it is: it may only have changed its place. */
  readonly misplaced: boolean;
}

/**
 * Walks from the link `from` over the seals and events that come next, each in their own order.
 * @param witnesses by position
 */
export function walk(
  from: ChainHead,
  seals: readonly ChainHead[],
  events: readonly SealedEvent[],
  witnesses: ReadonlyMap<number, Witness>,
): Walked {
  let head = from;
  for (const [index, seal] of seals.entries()) {
    const event = events[index];
    const gap = gapOf(head, seal, event);
    if (gap !== null) return { head, broken: gap, misplaced: false };
    if (event?.id !== seal.eventId || event.xid !== seal.eventXid) {
      return { head, broken: misplacedOf(seal, event), misplaced: true };
    }
    const altered = alteredOf(head, seal, event, witnesses.get(seal.position));
    if (altered !== null) return { head, broken: altered, misplaced: false };
    head = seal;
  }
  return { head, broken: null, misplaced: false };
}

function gapOf(head: ChainHead, seal: ChainHead, event: SealedEvent | undefined): BrokenEvent | null {
  const expected = head.position + 1;
  if (seal.position === expected) return null;
  const eventId = event?.id ?? seal.eventId;
  if (seal.position < expected) {
    const finding = `There is a second seal at ${seal.position}, of event ${seal.eventId}.`;
    return { kind: 'inserted', eventId: seal.eventId, position: seal.position, finding };
  }
  const finding = `Seals ${expected} to ${seal.position - 1}, from event ${eventId} on, were removed.`;
  return { kind: 'removed', eventId, position: expected, finding };
}

function misplacedOf(seal: ChainHead, event: SealedEvent | undefined): BrokenEvent {
  const { eventId, position } = seal;
  if (event !== undefined && isBefore({ eventXid: event.xid, eventId: event.id }, seal)) {
    const finding = `Event ${event.id} stands before sealed event ${eventId} and was never sealed.`;
    return { kind: 'inserted', eventId: event.id, position: null, finding };
  }
  return { kind: 'removed', eventId, position, finding: `Event ${eventId} was sealed at ${position} and is gone.` };
}

function alteredOf(
  head: ChainHead,
  seal: ChainHead,
  event: SealedEvent,
  witness: Witness | undefined,
): BrokenEvent | null {
  const { eventId, position } = seal;
  const redacted = event.redactedHash ?? null;
  const altered = redacted !== null && !contentHashOf(event).equals(redacted);
  if (altered || !sealOf(head.hash, event).equals(seal.hash)) {
    const finding = `Event ${eventId} (${event.action}) is not what was sealed at ${position}.`;
    return { kind: 'edited', eventId, position, finding };
  }
  if (witness === undefined || witness.hash === seal.hash.toString('hex')) return null;
  const finding = `The chain up to event ${eventId} at ${position} is not the one that the checkpoint was made of.`;
  return { kind: 'rewritten', eventId, position, finding };
}

function isBefore(a: Place, b: Place): boolean {
  const [left, right] = [BigInt(a.eventXid), BigInt(b.eventXid)];
  return left < right || (left === right && a.eventId < b.eventId);
}
