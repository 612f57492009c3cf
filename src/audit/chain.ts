/**
 * What a seal is: the SHA-256 of the seal before it and of the hash of everything an event says. Whoever changes, removes, adds or
 * reorders an event would have to change every later seal. An event from which a person's data was erased goes on by the hash of what it
 * said before (see redact.ts). Pure.
 */
import { createHash } from 'node:crypto';

/** An event with every column as text, exactly as the database holds it: microseconds and large numbers included. */
export interface SealableEvent {
  readonly organizationId: string;
  readonly xid: string;
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
  /** The text of the `jsonb` value, which has one form for equal values. */
  readonly detail: string;
  readonly requestId: string | null;
  readonly address: string | null;
}

/** What comes before the first seal. */
export const CHAIN_START = Buffer.alloc(32);

/** The one text of an event. JSON of an array: no two different events have the same. */
function canonicalText(event: SealableEvent): string {
  return JSON.stringify([
    2,
    event.organizationId,
    event.xid,
    event.id,
    event.at,
    event.actorKind,
    event.actorId,
    event.actorLabel,
    event.action,
    event.resourceType,
    event.resourceId,
    event.outcome,
    event.reason,
    event.detail,
    event.requestId,
    event.address,
  ]);
}

/** The hash of everything that an event says. */
export function contentHashOf(event: SealableEvent): Buffer {
  return createHash('sha256').update(canonicalText(event)).digest();
}

/** With the hash of what an event said when it was written, and of what it says now, where that was replaced. */
export interface SealedEvent extends SealableEvent {
  readonly originalHash?: Buffer | null;
  readonly redactedHash?: Buffer | null;
}

/** The hash that seals an event after the one whose hash is `previous`. */
export function sealOf(previous: Buffer, event: SealedEvent): Buffer {
  return createHash('sha256')
    .update(previous)
    .update(event.originalHash ?? contentHashOf(event))
    .digest();
}
