/** What an endpoint was sent, and what came of it; each may be sent again by hand. */
import { sql } from 'kysely';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';

export interface LoggedDelivery {
  readonly id: string;
  /** The header `webhook-id`, the same at every try. */
  readonly messageId: string;
  readonly type: string;
  /** The person's id, or kind and id of another thing. */
  readonly subject: string;
  readonly state: string;
  readonly attempts: number;
  readonly nextAttemptAt: Date | null;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
  /** The offboarding case that it is a step of, by which it is retried. */
  readonly case: string | null;
}

/** Deliveries to an endpoint, the latest first. */
export async function listDeliveries(
  tx: TenantTransaction,
  endpointId: string,
  asked: { readonly state?: string | undefined; readonly before?: Date | undefined; readonly limit: number },
): Promise<LoggedDelivery[]> {
  const { state = null, before = null, limit } = asked;
  const wanted = (createdAt: string) => sql`
    AND (${state}::text IS NULL OR state = ${state}) AND (${before}::timestamptz IS NULL OR ${sql.ref(createdAt)} < ${before})
    ORDER BY ${sql.ref(createdAt)} DESC LIMIT ${limit}`;
  const due = sql`CASE WHEN state IN ('waiting', 'retry') THEN next_attempt_at END`;
  const { rows } = await sql<LoggedDelivery>`
    SELECT * FROM (
      (SELECT id, 'msg_' || id AS "messageId", type, subject, state, attempts, ${due} AS "nextAttemptAt", last_error AS "lastError",
        created_at AS "createdAt", finished_at AS "finishedAt", NULL::uuid AS case
      FROM signal_deliveries WHERE target_id = ${endpointId} ${wanted('created_at')})
      UNION ALL
      (SELECT s.id, 'msg_' || s.id, 'user.deprovisioned', c.user_id::text, s.state, s.attempts, ${due}, s.last_error, c.opened_at,
        s.finished_at, s.case_id
      FROM offboarding_steps s JOIN offboarding_cases c ON c.id = s.case_id
      WHERE s.webhook_endpoint_id = ${endpointId} ${wanted('opened_at')})
    ) AS both_kinds ORDER BY "createdAt" DESC LIMIT ${limit}`.execute(tx.db);
  return rows;
}

/** Has a message that is finished, taken or not, sent again under the same id. @throws Fault `not-found`, `conflict` */
export async function retryDelivery(tx: TenantTransaction, endpointId: string, id: string): Promise<void> {
  const theirs = tx.db
    .selectFrom('signal_deliveries')
    .select('state')
    .where('id', '=', id)
    .where('target_id', '=', endpointId)
    .forUpdate();
  const found = isId(id) ? await theirs.executeTakeFirst() : undefined;
  if (found === undefined) throw new Fault('not-found', 'There is no such delivery.', { where: 'path' });
  if (found.state === 'waiting') throw new Fault('conflict', 'It is under way already.');
  await tx.db
    .updateTable('signal_deliveries')
    .set({ state: 'waiting', attempts: 0, next_attempt_at: sql`now()`, finished_at: null, last_error: null })
    .where('id', '=', id)
    .execute();
  const resource = { type: 'webhook_endpoint', id: endpointId };
  await record(tx, { action: 'webhook_endpoint.message_retried', resource, detail: { delivery: id } });
}
