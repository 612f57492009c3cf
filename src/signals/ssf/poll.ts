/** A receiver that comes for its tokens (RFC 8936): what it has, it acknowledges; what it has not comes again. */
import type { JWK } from 'jose';
import { z } from 'zod';
import { record } from '../../audit/record.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { type Delivery, pendingDeliveries, type Settlement, settleDeliveries } from '../delivery.ts';
import { onlyTold, type Stream } from './stream.ts';
import { type Correspondents, signToken, tokenClaims } from './token.ts';

const MOST_EVENTS = 100;
const NOTHING = { status: null, next: null };

export const pollInput = z.object({
  maxEvents: z.number().int().min(0).max(1_000_000).default(MOST_EVENTS),
  returnImmediately: z.boolean().default(false),
  ack: z.array(z.uuid()).max(10_000).default([]),
  setErrs: z
    .record(z.uuid(), z.object({ err: z.string().max(200), description: z.string().max(2000).optional() }))
    .default({}),
});
export type PollInput = z.output<typeof pollInput>;

/** Settles what a receiver says it has, and what it can't take. */
export async function acknowledge(tx: TenantTransaction, streamId: string, asked: PollInput): Promise<void> {
  const taken: Settlement[] = asked.ack.map((id) => ({ id, state: 'delivered', ...NOTHING, error: null }));
  const refused: Settlement[] = Object.entries(asked.setErrs).map(([id, { err, description }]) => {
    return { id, state: 'failed', ...NOTHING, error: [err, description].filter(Boolean).join(': ') };
  });
  if (taken.length + refused.length === 0) return;
  const settled = await settleDeliveries(tx, [...taken, ...refused], streamId);
  const failures = refused.filter(({ id }) => settled.includes(id));
  if (failures.length === 0) return;
  await record(
    tx,
    ...failures.map(({ id, error }) => ({
      action: 'ssf_stream.message_undelivered',
      resource: { type: 'ssf_stream', id: streamId },
      outcome: 'failure' as const,
      reason: error ?? '',
      detail: { delivery: id },
    })),
  );
}

/** What is to be taken next. */
export async function nextTokens(
  tx: TenantTransaction,
  stream: Stream,
  { maxEvents }: PollInput,
): Promise<{ readonly deliveries: readonly Delivery[]; readonly more: boolean }> {
  const most = Math.min(maxEvents, MOST_EVENTS);
  const found = await pendingDeliveries(tx, stream.id, most + 1, onlyTold(stream));
  return { deliveries: found.slice(0, most), more: found.length > most };
}

/** Tokens by their `jti`. What is no longer kept is passed over. */
export async function signedTokens(
  to: Correspondents,
  deliveries: readonly Delivery[],
  key: JWK,
): Promise<Record<string, string>> {
  const sets: Record<string, string> = {};
  for (const delivery of deliveries) {
    const claims = tokenClaims(to, delivery);
    if (claims !== undefined) sets[delivery.id] = await signToken(claims, key);
  }
  return sets;
}
