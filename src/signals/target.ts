/** Those who are sent messages, each with its way of being told. */
import type { JWK } from 'jose';
import { type SqlBool, sql } from 'kysely';
import type { SealingKeys } from '../sealing-keys.ts';
import type { Settings } from '../settings.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import type { Delivery } from './delivery.ts';
import type { MessageOutcome } from './next-try.ts';
import { STREAM_UPDATED } from './ssf/events.ts';
import { pushToken } from './ssf/push.ts';
import { correspondents, onlyTold, type Stream, streamAuthorization } from './ssf/stream.ts';
import { signToken, tokenClaims } from './ssf/token.ts';
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
  /** The one type that it is told at this time; null: all. */
  readonly only: string | null;
  /** Never throws where a receiver is at fault. */
  send(delivery: Delivery, send: typeof fetch): Promise<TargetOutcome>;
  /** Leaves a receiver alone that wants no more. */
  close(tx: TenantTransaction): Promise<void>;
}

const MOOT: TargetOutcome = { state: 'moot', error: 'what it tells is no longer kept' };

export interface SigningKeys {
  current(): Promise<JWK>;
}

interface Dependencies {
  readonly settings: Settings;
  readonly signingKeys: SigningKeys;
}

const dueTo = (table: 'webhook_endpoints' | 'ssf_streams', told = sql`true`) => sql<SqlBool>`EXISTS (
  SELECT 1 FROM signal_deliveries d WHERE d.target_id = ${sql.ref(`${table}.id`)} AND d.state IN ('waiting', 'retry')
    AND d.next_attempt_at <= now() AND ${told})`;

/** Receivers to whom a message is due. */
export async function openTargets(deps: Dependencies, tx: TenantTransaction): Promise<Target[]> {
  const endpoints = await tx.db
    .selectFrom('webhook_endpoints')
    .selectAll()
    .where('enabled', '=', true)
    .where(dueTo('webhook_endpoints'))
    .execute();
  const streams = await tx.db
    .selectFrom('ssf_streams')
    .selectAll()
    .where('method', '=', 'push')
    .where(dueTo('ssf_streams', sql`(ssf_streams.status = 'enabled' OR d.type = ${STREAM_UPDATED})`))
    .execute();
  const keys = deps.settings.secrets.sealingKeys;
  return [
    ...endpoints.map((endpoint) => webhookTarget(keys, tx.organizationId, endpoint)),
    ...streams.map((stream) => streamTarget(deps, stream)),
  ];
}

function streamTarget({ settings, signingKeys }: Dependencies, stream: Stream): Target {
  const { id, endpoint_url: url } = stream;
  const to = correspondents(settings.http.baseUrl, stream);
  return {
    id,
    resource: 'ssf_stream',
    only: onlyTold(stream),
    send: async (delivery, send) => {
      const claims = tokenClaims(to, delivery);
      if (claims === undefined) return MOOT;
      const authorization = streamAuthorization(settings.secrets.sealingKeys, stream);
      return pushToken({ url: url ?? '', authorization }, await signToken(claims, await signingKeys.current()), send);
    },
    // No answer of RFC 8935 says so.
    close: async () => undefined,
  };
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
    only: null,
    send: async (delivery, send) => {
      const body = webhookMessage(organizationId, delivery);
      if (body === undefined) return MOOT;
      const secrets = webhookSecrets(keys, endpoint, new Date());
      return sendWebhook({ id: `msg_${delivery.id}`, url, secrets, body }, send, () => new Date());
    },
    close: (tx) => disableWebhookEndpoint(tx, id),
  };
}
