/** Those who are sent messages, each with its way of being told. */
import { type SqlBool, sql } from 'kysely';
import type { SealingKeys } from '../sealing-keys.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import type { Delivery } from './delivery.ts';
import type { MessageOutcome } from './next-try.ts';
import { sendWebhook } from './webhook.ts';
import { disableWebhookEndpoint } from './webhook-endpoint.ts';
import { webhookMessage } from './webhook-message.ts';
import { type SealedSecrets, webhookSecrets } from './webhook-secret.ts';

/** `moot`: there is nothing to be told any more. */
export type TargetOutcome = MessageOutcome | { readonly state: 'moot'; readonly error: string };

export interface Target {
  readonly id: string;
  /** As the audit calls it. */
  readonly resource: 'webhook_endpoint' | 'ssf_stream';
  /** Never throws where a receiver is at fault. */
  send(delivery: Delivery, send: typeof fetch): Promise<TargetOutcome>;
  /** Leaves a receiver alone that wants no more. */
  close(tx: TenantTransaction): Promise<void>;
}

export const MOOT: TargetOutcome = { state: 'moot', error: 'what it tells is no longer kept' };

/** Receivers to whom a message is due. */
export async function openTargets(keys: SealingKeys, tx: TenantTransaction): Promise<Target[]> {
  const endpoints = await tx.db
    .selectFrom('webhook_endpoints')
    .selectAll()
    .where('enabled', '=', true)
    .where(
      sql<SqlBool>`EXISTS (SELECT 1 FROM signal_deliveries d WHERE d.target_id = webhook_endpoints.id
        AND d.state IN ('waiting', 'retry') AND d.next_attempt_at <= now())`,
    )
    .execute();
  return endpoints.map((endpoint) => webhookTarget(keys, tx.organizationId, endpoint));
}

function webhookTarget(
  keys: SealingKeys,
  organizationId: string,
  endpoint: SealedSecrets & { readonly id: string; readonly url: string },
): Target {
  const { id, url } = endpoint;
  return {
    id,
    resource: 'webhook_endpoint',
    send: async (delivery, send) => {
      const body = webhookMessage(organizationId, delivery);
      if (body === undefined) return MOOT;
      const secrets = webhookSecrets(keys, endpoint, new Date());
      return sendWebhook({ id: `msg_${delivery.id}`, url, secrets, body }, send, () => new Date());
    },
    close: (tx) => disableWebhookEndpoint(tx, id),
  };
}
