/** API keys: made, listed, revoked. Shown once; stored as a hash (offboarding, API keys). */
import { type Selectable, type SelectQueryBuilder, sql } from 'kysely';
import { z } from 'zod';
import type { AccessModel } from '../access/model.ts';
import { KEY_KINDS } from '../access/model-schema.ts';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { ApiKeyRow, Tables } from '../store/tables.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';
import { makeKey } from './api-key-format.ts';
import { refuseUnlessAllowed } from './api-key-permit.ts';
import { keyPlace } from './api-key-place.ts';
import { holdActive } from './holder.ts';
import { hashOf } from './sealing.ts';

export const apiKeyInput = z.strictObject({
  name: z.string().trim().min(1).max(100),
  kind: z.enum(KEY_KINDS),
  scopes: z.array(z.string().min(1).max(100)).min(1).max(100),
  /** Where it belongs; left out for a key of the whole organization. */
  workspace: z.string().optional(),
  /** Slug of a product in the workspace. */
  product: z.string().optional(),
  /** Left out: its workspace's. */
  environment: z.enum(['development', 'staging', 'production']).optional(),
  expiresInDays: z.int().min(1).max(3650).optional(),
});
export type ApiKeyInput = z.output<typeof apiKeyInput>;

/** A key as it is stored. */
export type StoredKey = Selectable<ApiKeyRow>;

/** Who makes a key: a person, within their own rights, or the operator. */
export type KeyMaker = { readonly userId: string } | 'operator';

export interface Replaced {
  readonly id: string;
  readonly responsibleId: string | null;
}

/**
 * Makes a key.
 * @param replacing the key that it takes the place of, see `api-key-rotation.ts`
 * @returns the key itself, never to be read again, and how it is listed
 * @throws Fault `forbidden` where the maker may not, `not-found` where workspace or product are not there, `invalid-input`
 */
export async function createApiKey(
  tx: TenantTransaction,
  model: AccessModel,
  maker: KeyMaker,
  input: ApiKeyInput,
  replacing: Replaced | null = null,
) {
  const creator = maker === 'operator' ? null : await holdActive(tx, maker.userId);
  const place = await keyPlace(tx, input);
  await refuseUnlessAllowed(tx, model, creator?.id ?? null, input, place.resource);
  const environment = input.environment ?? place.environment ?? 'production';
  const { key, display } = makeKey(environment);
  const row = await tx.db
    .insertInto('api_keys')
    .values({
      organization_id: tx.organizationId,
      kind: input.kind,
      name: input.name,
      key_hash: hashOf(key),
      display,
      environment,
      creator_id: creator?.id ?? null,
      access_epoch: creator?.accessEpoch ?? null,
      responsible_id: creator?.id ?? replacing?.responsibleId ?? null,
      workspace_id: place.resource.workspaceId,
      product_id: place.resource.product?.id ?? null,
      scopes: [...new Set(input.scopes)],
      expires_at: input.expiresInDays === undefined ? null : sql`now() + ${input.expiresInDays} * interval '1 day'`,
      replaces_id: replacing?.id ?? null,
      last_used_at: null,
      last_used_from: null,
      flagged_reason: null,
      revoked_at: null,
      revoked_by: null,
      revoked_reason: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  const { scopes, replaces_id: replaces } = row;
  await record(tx, {
    action: 'api_key.created',
    resource: { type: 'api_key', id: row.id },
    detail: { kind: input.kind, name: input.name, display, scopes, environment, replaces, user: creator?.id ?? null },
  });
  return { key, ...shownKey(row) };
}

/** Keys, newest first; of one person where `userId` is given. */
export async function listApiKeys(tx: TenantTransaction, filter: { readonly userId?: string | undefined } = {}) {
  let query = tx.db.selectFrom('api_keys').selectAll().orderBy('created_at', 'desc').orderBy('id').limit(1000);
  if (filter.userId !== undefined) query = ofPerson(query, filter.userId);
  return (await query.execute()).map(shownKey);
}

/**
 * Revokes a key at once.
 * @param owner the person whose own key it must be; null where the caller may revoke any
 * @returns false where it was revoked already
 * @throws Fault `not-found` where there is no such key (of theirs)
 */
export async function revokeApiKey(
  tx: TenantTransaction,
  id: string,
  owner: string | null,
  reason: string,
): Promise<boolean> {
  const key = isId(id)
    ? await tx.db
        .selectFrom('api_keys')
        .select(['id', 'creator_id', 'revoked_at', 'display'])
        .where('id', '=', id)
        .forUpdate()
        .executeTakeFirst()
    : undefined;
  if (key === undefined || (owner !== null && key.creator_id !== owner)) {
    throw new Fault('not-found', 'There is no such API key.', { where: 'path' });
  }
  if (key.revoked_at !== null) return false;
  await tx.db
    .updateTable('api_keys')
    .set({ revoked_at: sql`now()`, revoked_by: tx.origin.actor.label, revoked_reason: reason })
    .where('id', '=', key.id)
    .execute();
  await record(tx, {
    action: 'api_key.revoked',
    resource: { type: 'api_key', id: key.id },
    reason,
    detail: { display: key.display },
  });
  return true;
}

/** A key as it is shown: everything but the key. */
export function shownKey(row: StoredKey) {
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    display: row.display,
    environment: row.environment,
    creatorId: row.creator_id,
    responsibleId: row.responsible_id,
    workspaceId: row.workspace_id,
    productId: row.product_id,
    scopes: row.scopes,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    replacesId: row.replaces_id,
    lastUsedAt: row.last_used_at,
    lastUsedFrom: row.last_used_from,
    flaggedReason: row.flagged_reason,
    revokedAt: row.revoked_at,
    revokedBy: row.revoked_by,
    revokedReason: row.revoked_reason,
  };
}

function ofPerson<O>(query: SelectQueryBuilder<Tables, 'api_keys', O>, userId: string) {
  return query.where((where) => where.or([where('creator_id', '=', userId), where('responsible_id', '=', userId)]));
}
