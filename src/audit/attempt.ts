/** Attempts that may be refused: what somebody tried beyond their rights is told, although nothing came of it. */
import type { Request } from 'express';
import type { Kysely } from 'kysely';
import { Fault } from '../errors.ts';
import { withinTenant } from '../http/caller.ts';
import type { Tables } from '../store/tables.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { type AuditEvent, record } from './record.ts';

/** What was tried, for the event of its refusal: `membership.refused`, of whom. */
export type Attempt = Pick<AuditEvent, 'action' | 'resource' | 'detail'>;

const told = new WeakSet<Fault>();

/** Whether a refusal stands in the audit already. */
export function wasTold(fault: Fault): boolean {
  return told.has(fault);
}

/**
 * Does `work` in a transaction of the request's organization and caller. Where it ends in a Fault `forbidden`, that is audited as
 * denied, in a transaction of its own because the refused one is rolled back.
 */
export async function attempting<T>(
  db: Kysely<Tables>,
  request: Request,
  attempt: Attempt,
  work: (tx: TenantTransaction) => Promise<T>,
): Promise<T> {
  try {
    return await withinTenant(db, request, work);
  } catch (error) {
    if (error instanceof Fault && error.code === 'forbidden') {
      const denied = { ...attempt, outcome: 'denied', reason: error.message } as const;
      await withinTenant(db, request, (tx) => record(tx, denied));
      told.add(error);
    }
    throw error;
  }
}
