/** Where the platform hears of leavers: a URL and a signing secret (Standard Webhooks). */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { seal, unseal } from '../credentials/sealing.ts';
import type { SealingKeys } from '../sealing-keys.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { changedFields, type Put } from '../tenancy/put.ts';
import { slug } from '../tenancy/slug.ts';

export const webhookEndpointInput = z.strictObject({
  slug,
  url: z.url({ protocol: /^https?$/ }),
  /** `whsec_` and 24 to 64 bytes in base64; made, and shown once, where it is left out of a new endpoint. */
  secret: z
    .string()
    .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, 'must be whsec_ followed by 24 to 64 bytes in base64')
    .optional(),
  enabled: z.boolean().default(true),
});
export type WebhookEndpointInput = z.output<typeof webhookEndpointInput>;

/** Creates or updates an endpoint. @returns also the secret, where it was made now */
export async function putWebhookEndpoint(
  tx: TenantTransaction,
  sealingKeys: SealingKeys,
  input: WebhookEndpointInput,
): Promise<Put & { readonly madeSecret?: string }> {
  const { slug: name, url, enabled } = input;
  const before = await tx.db
    .selectFrom('webhook_endpoints')
    .selectAll()
    .where('slug', '=', name)
    .forUpdate()
    .executeTakeFirst();
  const made =
    before === undefined && input.secret === undefined ? `whsec_${randomBytes(32).toString('base64')}` : undefined;
  const secret = input.secret ?? made;
  const changed = changedFields(before, { url, enabled });
  if (secret !== undefined && secret !== (before && webhookSecret(sealingKeys, before))) changed.push('secret');
  if (before !== undefined && changed.length === 0) return { id: before.id, action: 'keep', changed };

  const sealed = secret === undefined ? {} : { sealed_secret: seal(sealingKeys, purposeOf(tx, name), secret) };
  const id = before === undefined ? await insert(tx, name, url, enabled, sealed.sealed_secret ?? '') : before.id;
  if (before !== undefined) {
    await tx.db
      .updateTable('webhook_endpoints')
      .set({ url, enabled, ...sealed })
      .where('id', '=', id)
      .execute();
  }
  const action = before === undefined ? 'create' : 'update';
  await record(tx, {
    action: `webhook_endpoint.${action}d`,
    resource: { type: 'webhook_endpoint', id },
    detail: { slug: name, url, fields: changed },
  });
  return { id, action, changed, ...(made === undefined ? {} : { madeSecret: made }) };
}

/** Endpoints, as they are shown. */
export async function listWebhookEndpoints(tx: TenantTransaction) {
  return tx.db.selectFrom('webhook_endpoints').select(['id', 'slug', 'url', 'enabled']).orderBy('slug').execute();
}

/** Opens an endpoint's signing secret. */
export function webhookSecret(
  sealingKeys: SealingKeys,
  endpoint: { readonly organization_id: string; readonly slug: string; readonly sealed_secret: string },
): string {
  return unseal(sealingKeys, `webhook_endpoint:${endpoint.organization_id}:${endpoint.slug}`, endpoint.sealed_secret);
}

function purposeOf(tx: TenantTransaction, name: string): string {
  return `webhook_endpoint:${tx.organizationId}:${name}`;
}

async function insert(
  tx: TenantTransaction,
  name: string,
  url: string,
  enabled: boolean,
  sealed: string,
): Promise<string> {
  const row = await tx.db
    .insertInto('webhook_endpoints')
    .values({ organization_id: tx.organizationId, slug: name, url, enabled, sealed_secret: sealed })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}
