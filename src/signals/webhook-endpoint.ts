/** Where the platform hears of what happens: a URL, what it wants to hear, and a signing secret (Standard Webhooks). */
import { type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { SealingKeys } from '../sealing-keys.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { changedFields, type Put } from '../tenancy/put.ts';
import { slug } from '../tenancy/slug.ts';
import { WEBHOOK_EVENT_TYPES } from './webhook-events.ts';
import { newWebhookSecret, sealWebhookSecret, webhookSecretInput, webhookSecrets } from './webhook-secret.ts';

export const webhookEndpointInput = z.strictObject({
  slug,
  url: z.url({ protocol: /^https?$/ }),
  /** Made, and shown once, where it is left out of a new endpoint. */
  secret: webhookSecretInput.optional(),
  events: z
    .array(z.enum(WEBHOOK_EVENT_TYPES))
    .min(1)
    .default(['user.deprovisioned'])
    .transform((events) => [...new Set(events)].sort()),
  enabled: z.boolean().default(true),
});
export type WebhookEndpointInput = z.output<typeof webhookEndpointInput>;

/** Creates or updates an endpoint. A secret that is given takes the place of the one before at once. @returns also one made now */
export async function putWebhookEndpoint(
  tx: TenantTransaction,
  sealingKeys: SealingKeys,
  input: WebhookEndpointInput,
): Promise<Put & { readonly madeSecret?: string }> {
  const { slug: name, url, enabled, events } = input;
  const before = await tx.db
    .selectFrom('webhook_endpoints')
    .selectAll()
    .where('slug', '=', name)
    .forUpdate()
    .executeTakeFirst();
  const made = before === undefined && input.secret === undefined ? newWebhookSecret() : undefined;
  const secret = input.secret ?? made;
  const changed = changedFields(before, { url, enabled, events });
  if (secret !== undefined && secret !== (before && webhookSecrets(sealingKeys, before, new Date())[0]))
    changed.push('secret');
  if (before !== undefined && changed.length === 0) return { id: before.id, action: 'keep', changed };

  const owner = { organization_id: tx.organizationId, slug: name };
  const values = {
    ...{ url, enabled, events },
    ...(secret === undefined ? {} : { sealed_secret: sealWebhookSecret(sealingKeys, owner, secret) }),
    // What happened while it was off it is not told.
    ...(enabled && before?.enabled !== true ? { enabled_since: sql<Date>`now()`, disabled_reason: null } : {}),
  };
  const { id } = await tx.db
    .insertInto('webhook_endpoints')
    .values({ ...owner, sealed_secret: before?.sealed_secret ?? '', ...values })
    .onConflict((conflict) => conflict.columns(['organization_id', 'slug']).doUpdateSet(values))
    .returning('id')
    .executeTakeFirstOrThrow();
  const action = before === undefined ? 'create' : 'update';
  await record(tx, {
    action: `webhook_endpoint.${action}d`,
    resource: { type: 'webhook_endpoint', id },
    detail: { slug: name, url, events, fields: changed },
  });
  return { id, action, changed, ...(made === undefined ? {} : { madeSecret: made }) };
}

/** Endpoints, as they are shown. */
export async function listWebhookEndpoints(tx: TenantTransaction) {
  return tx.db
    .selectFrom('webhook_endpoints')
    .select(['id', 'slug', 'url', 'events', 'enabled', 'disabled_reason as disabledReason'])
    .select(sql<Date | null>`CASE WHEN previous_until > now() THEN previous_until END`.as('previousSecretUntil'))
    .orderBy('slug')
    .execute();
}

/** An endpoint's id. @throws Fault `not-found` */
export async function findWebhookEndpoint(tx: TenantTransaction, slugOrId: string): Promise<string> {
  const found = await tx.db
    .selectFrom('webhook_endpoints')
    .select('id')
    .where(sql<SqlBool>`${slugOrId} IN (slug, id::text)`)
    .executeTakeFirst();
  if (found === undefined) throw new Fault('not-found', 'There is no such webhook endpoint.', { where: 'path' });
  return found.id;
}

/** Gives an endpoint another secret; until the overlap is over, messages carry a signature by each. @returns the new one */
export async function rotateWebhookSecret(
  tx: TenantTransaction,
  keys: SealingKeys,
  slugOrId: string,
  asked: { readonly overlapHours: number; readonly secret?: string | undefined },
): Promise<{ readonly secret: string; readonly previousSecretUntil: Date }> {
  const id = await findWebhookEndpoint(tx, slugOrId);
  const secret = asked.secret ?? newWebhookSecret();
  const { slug: name } = await tx.db
    .selectFrom('webhook_endpoints')
    .select('slug')
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow();
  const sealed = sealWebhookSecret(keys, { organization_id: tx.organizationId, slug: name }, secret);
  const { until } = await tx.db
    .updateTable('webhook_endpoints')
    .set({
      sealed_previous_secret: sql<string>`sealed_secret`,
      previous_until: sql<Date>`now() + ${asked.overlapHours} * interval '1 hour'`,
      sealed_secret: sealed,
    })
    .where('id', '=', id)
    .returning(sql<Date>`previous_until`.as('until'))
    .executeTakeFirstOrThrow();
  const resource = { type: 'webhook_endpoint', id };
  await record(tx, { action: 'webhook_endpoint.secret_rotated', resource, detail: { slug: name, until } });
  return { secret, previousSecretUntil: until };
}

/** Leaves an endpoint alone that wants no more messages. */
export async function disableWebhookEndpoint(tx: TenantTransaction, id: string): Promise<void> {
  const reason = 'the endpoint answered 410: it wants no more messages';
  await tx.db
    .updateTable('webhook_endpoints')
    .set({ enabled: false, disabled_reason: reason })
    .where('id', '=', id)
    .execute();
  await record(tx, { action: 'webhook_endpoint.disabled', resource: { type: 'webhook_endpoint', id }, reason });
}

/** Removes an endpoint, and what was still to be told there. @throws Fault `not-found` */
export async function deleteWebhookEndpoint(tx: TenantTransaction, slugOrId: string): Promise<void> {
  const id = await findWebhookEndpoint(tx, slugOrId);
  await tx.db.deleteFrom('webhook_endpoints').where('id', '=', id).execute();
  await record(tx, { action: 'webhook_endpoint.deleted', resource: { type: 'webhook_endpoint', id } });
}
