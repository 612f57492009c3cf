/** What a receiver was sent, and what came of it; each may be sent again by hand. */
import { sql } from 'kysely';
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';

export const loggedDelivery = z.object({
  id: z.string(),
  /** The header `webhook-id`, or the `jti` of a token; the same at every try. */
  messageId: z.string(),
  type: z.string(),
  /** The person's id, or kind and id of another thing. */
  subject: z.string(),
  state: z.string(),
  attempts: z.number(),
  lastAttemptAt: z.date().nullable(),
  nextAttemptAt: z.date().nullable(),
  /** What the receiver's HTTP server answered to the last try. */
  lastStatus: z.number().nullable(),
  lastError: z.string().nullable(),
  createdAt: z.date(),
  finishedAt: z.date().nullable(),
  /** The offboarding case that it is a step of, by which it is retried. */
  case: z.string().nullable(),
});
export type LoggedDelivery = z.output<typeof loggedDelivery>;

/** Which deliveries to list; a page ends where `before` begins. */
export const deliveriesAsked = z.object({
  state: z.enum(['waiting', 'retry', 'delivered', 'failed', 'needs_human']).optional(),
  before: z.coerce.date().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

/** Deliveries to a webhook endpoint or a stream, the latest first. */
export async function listDeliveries(
  tx: TenantTransaction,
  targetId: string,
  asked: z.output<typeof deliveriesAsked>,
): Promise<LoggedDelivery[]> {
  const { state = null, before = null, limit } = asked;
  const wanted = (createdAt: string) => sql`
    AND (${state}::text IS NULL OR state = ${state}) AND (${before}::timestamptz IS NULL OR ${sql.ref(createdAt)} < ${before})
    ORDER BY ${sql.ref(createdAt)} DESC LIMIT ${limit}`;
  const due = sql`CASE WHEN state IN ('waiting', 'retry') THEN next_attempt_at END`;
  const { rows } = await sql<LoggedDelivery>`
    SELECT * FROM (
      (SELECT id, CASE WHEN ssf_stream_id IS NULL THEN 'msg_' ELSE '' END || id AS "messageId", type, subject, state, attempts,
        last_attempt_at AS "lastAttemptAt", ${due} AS "nextAttemptAt", last_status AS "lastStatus", last_error AS "lastError",
        created_at AS "createdAt", finished_at AS "finishedAt", NULL::uuid AS case
      FROM signal_deliveries WHERE target_id = ${targetId} ${wanted('created_at')})
      UNION ALL
      (SELECT s.id, 'msg_' || s.id, 'user.deprovisioned', c.user_id::text, s.state, s.attempts, NULL, ${due}, (s.proof->>'status')::int,
        s.last_error, c.opened_at, s.finished_at, s.case_id
      FROM offboarding_steps s JOIN offboarding_cases c ON c.id = s.case_id
      WHERE s.webhook_endpoint_id = ${targetId} ${wanted('opened_at')})
    ) AS both_kinds ORDER BY "createdAt" DESC LIMIT ${limit}`.execute(tx.db);
  return rows;
}

/** Has a message that is finished, taken or not, sent again under the same id. @throws Fault `not-found`, `conflict` */
export async function retryDelivery(
  tx: TenantTransaction,
  target: { readonly type: 'webhook_endpoint' | 'ssf_stream'; readonly id: string },
  id: string,
): Promise<void> {
  const theirs = tx.db
    .selectFrom('signal_deliveries')
    .select('state')
    .where('id', '=', id)
    .where('target_id', '=', target.id)
    .forUpdate();
  const found = isId(id) ? await theirs.executeTakeFirst() : undefined;
  if (found === undefined) throw new Fault('not-found', 'There is no such delivery.', { where: 'path' });
  if (found.state === 'waiting') throw new Fault('conflict', 'It is under way already.');
  await tx.db
    .updateTable('signal_deliveries')
    .set({
      state: 'waiting',
      attempts: 0,
      next_attempt_at: sql`now()`,
      finished_at: null,
      last_status: null,
      last_error: null,
    })
    .where('id', '=', id)
    .execute();
  await record(tx, { action: `${target.type}.message_retried`, resource: target, detail: { delivery: id } });
}
