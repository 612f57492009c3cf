/** Whether a stream tells at all, and whether it arrives: status and verification (Shared Signals Framework 1.0, 8.1.2 and 8.1.4). */
import { sql } from 'kysely';
import { z } from 'zod';
import { record } from '../../audit/record.ts';
import { Fault } from '../../errors.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { addMessage, dropDeliveries } from '../delivery.ts';
import { STREAM_UPDATED, VERIFICATION } from './events.ts';
import { findStream, type Reach, type Stream, VERIFICATION_INTERVAL } from './stream.ts';

export const statusChange = z.object({
  status: z.enum(['enabled', 'paused', 'disabled']),
  reason: z.string().max(500).optional(),
});

/**
 * Turns a stream on, off, or has it wait. What happens while it waits it is told later; while it is off, never, nor what waited until
 * then. A change that the receiver has not asked for itself it is told of, even by a stream that tells nothing else any more.
 * @param by the receiver's reach; null: the organization that tells
 */
export async function setStatus(
  tx: TenantTransaction,
  id: string,
  asked: z.output<typeof statusChange>,
  by: Reach,
): Promise<Stream> {
  const { status, reason = null } = asked;
  const before = await findStream(tx, id, by);
  const stream = await tx.db
    .updateTable('ssf_streams')
    .set({
      status,
      status_reason: reason,
      ...(before.status === 'disabled' && status !== 'disabled' ? { enabled_since: sql<Date>`now()` } : {}),
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
  if (status === 'disabled') await dropDeliveries(tx, id, 'the stream was turned off');
  if (by === null && status !== before.status) {
    const body = { status, ...(reason === null ? {} : { reason }) };
    await addMessage(tx, { ssf_stream_id: id }, { type: STREAM_UPDATED, body });
  }
  const resource = { type: 'ssf_stream', id };
  await record(tx, { action: `ssf_stream.${status}`, resource, reason: reason ?? '' });
  return stream;
}

/**
 * Has a verification event sent along the stream.
 * @param state what the receiver gave to know it by
 * @throws Fault `not-found`, `too-many-requests`
 */
export async function verifyStream(
  tx: TenantTransaction,
  id: string,
  state: string | undefined,
  by: Reach,
): Promise<string> {
  await findStream(tx, id, by);
  const { numUpdatedRows } = await tx.db
    .updateTable('ssf_streams')
    .set({ verification_at: sql<Date>`now()` })
    .where('id', '=', id)
    .where(sql<boolean>`coalesce(verification_at < now() - ${VERIFICATION_INTERVAL} * interval '1 second', true)`)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) {
    throw new Fault('too-many-requests', 'This stream was verified a moment ago.', {
      extra: { retryAfter: VERIFICATION_INTERVAL },
    });
  }
  const body = state === undefined ? {} : { state };
  await record(tx, { action: 'ssf_stream.verification_asked', resource: { type: 'ssf_stream', id } });
  return addMessage(tx, { ssf_stream_id: id }, { type: VERIFICATION, body });
}
