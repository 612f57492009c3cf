/**
 * Cursors (RFC 9865): where a page ended, so that the next one costs the same wherever it is and nobody is missed or told twice
 * while others come and go. Opaque to the client; it says nothing that the page has not said. Pure.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { scimFault } from './scim-fault.ts';

export interface Position {
  /** When the last row of the page was made, to the microsecond. */
  readonly madeAt: string;
  readonly id: string;
  /** How many there were when the first page was told. */
  readonly total: number;
}

const stored = z.tuple([z.string().regex(/^[\d-]{10}T[\d:.]{15}$/), z.uuid(), z.int().min(0), z.string()]);

/** The cursor that goes on after a position, for the same filter only. */
export function cursorAfter({ madeAt, id, total }: Position, filter: string | undefined): string {
  return Buffer.from(JSON.stringify([madeAt, id, total, markOf(filter)])).toString('base64url');
}

/** @throws Fault with scimType `invalidCursor` where it is none of ours, or of another filter */
export function positionOf(cursor: string, filter: string | undefined): Position {
  try {
    const [madeAt, id, total, mark] = stored.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
    if (mark === markOf(filter)) return { madeAt, id, total };
  } catch {
    // Told below, like every other cursor that is not ours.
  }
  throw scimFault(
    'invalidCursor',
    'This cursor is not one of this list and filter; begin again with an empty one.',
    'cursor',
  );
}

function markOf(filter: string | undefined): string {
  return createHash('sha256')
    .update(filter ?? '')
    .digest('base64url')
    .slice(0, 10);
}
