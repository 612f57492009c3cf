/** API keys: made, listed, revoked. Shown once; stored as a hash (offboarding, API keys). */
import { type Selectable, type SelectQueryBuilder, sql } from 'kysely';
import { z } from 'zod';
import { mayCreateKey } from '../access/decide-key.ts';
import { subjectOf } from '../access/membership.ts';
import type { AccessModel } from '../access/model.ts';
import { KEY_KINDS } from '../access/model-schema.ts';
import type { Resource } from '../access/subject.ts';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { ApiKeyRow, Tables } from '../store/tables.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';
import { makeKey } from './api-key-format.ts';
import { holdActive } from './holder.ts';
import { hashOf } from './sealing.ts';

/** Scopes of Drawbridge's own that a platform's backend needs; any other scope is a permission of the access model. */
export const OWN_SCOPES = ['access:evaluate', 'tokens:introspect', 'tokens:revoke'] as const;

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

/**
 * Makes a key.
 * @returns the key itself, never to be read again, and how it is listed
 * @throws Fault `forbidden` where the maker may not, `not-found` where workspace or product are not there, `invalid-input`
 */
export async function createApiKey(tx: TenantTransaction, model: AccessModel, maker: KeyMaker, input: ApiKeyInput) {
  const creator = maker === 'operator' ? null : await holdActive(tx, maker.userId);
  const place = await placeOf(tx, input);
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
      responsible_id: creator?.id ?? null,
      workspace_id: place.resource.workspaceId,
      product_id: place.resource.product?.id ?? null,
      scopes: [...new Set(input.scopes)],
      expires_at: input.expiresInDays === undefined ? null : sql`now() + ${input.expiresInDays} * interval '1 day'`,
      last_used_at: null,
      flagged_reason: null,
      revoked_at: null,
      revoked_by: null,
      revoked_reason: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await record(tx, {
    action: 'api_key.created',
    resource: { type: 'api_key', id: row.id },
    detail: { kind: input.kind, name: input.name, display, scopes: row.scopes, environment, user: creator?.id ?? null },
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
    lastUsedAt: row.last_used_at,
    flaggedReason: row.flagged_reason,
    revokedAt: row.revoked_at,
    revokedBy: row.revoked_by,
    revokedReason: row.revoked_reason,
  };
}

function ofPerson<O>(query: SelectQueryBuilder<Tables, 'api_keys', O>, userId: string) {
  return query.where((where) => where.or([where('creator_id', '=', userId), where('responsible_id', '=', userId)]));
}

async function refuseUnlessAllowed(
  tx: TenantTransaction,
  model: AccessModel,
  creatorId: string | null,
  input: ApiKeyInput,
  resource: Resource,
): Promise<void> {
  if (model.apiKeys[input.kind] === undefined) {
    throw new Fault('invalid-input', `The access model "${model.name}" has no ${input.kind} keys.`, {
      where: 'kind',
      remedy: `Choose one of: ${Object.keys(model.apiKeys).join(', ')}.`,
    });
  }
  const ownScopes: readonly string[] = OWN_SCOPES;
  const permissions = input.scopes.filter((scope) => !ownScopes.includes(scope));
  const unknown = permissions.find((scope) => !model.permissions.has(scope));
  if (unknown !== undefined) {
    throw new Fault('invalid-input', `There is no permission "${unknown}" in the access model "${model.name}".`, {
      where: 'scopes',
    });
  }
  if (creatorId === null) {
    if (input.kind === 'personal') {
      throw new Fault('invalid-input', 'A personal key is made by the person it belongs to.', {
        where: 'kind',
        remedy: 'Sign in to make one.',
      });
    }
    return;
  }
  if (permissions.length < input.scopes.length) {
    throw new Fault('forbidden', `Only the operator gives ${OWN_SCOPES.join(', ')} to a key.`, { where: 'scopes' });
  }
  const ruling = mayCreateKey(
    model,
    await subjectOf(tx, creatorId),
    { kind: input.kind, scopes: permissions },
    resource,
    new Date(),
  );
  if (!ruling.decision)
    throw new Fault('forbidden', ruling.reason, { where: 'scopes', remedy: 'Ask for less, or ask an administrator.' });
}

interface Place {
  readonly resource: Resource;
  readonly environment: 'development' | 'staging' | 'production' | null;
}

async function placeOf(tx: TenantTransaction, input: ApiKeyInput): Promise<Place> {
  const { organizationId } = tx;
  if (input.workspace === undefined) {
    if (input.product !== undefined)
      throw new Fault('invalid-input', 'A product is in a workspace; name that too.', { where: 'workspace' });
    return { resource: { organizationId, workspaceId: null, product: null }, environment: null };
  }
  const workspace = await tx.db
    .selectFrom('workspaces')
    .select(['id', 'environment'])
    .where('slug', '=', input.workspace)
    .executeTakeFirst();
  if (workspace === undefined)
    throw new Fault('not-found', `There is no workspace "${input.workspace}".`, { where: 'workspace' });
  if (input.environment !== undefined && input.environment !== workspace.environment) {
    throw new Fault(
      'invalid-input',
      `The workspace "${input.workspace}" is ${workspace.environment}, not ${input.environment}.`,
      { where: 'environment' },
    );
  }
  const product = await productIn(tx, workspace.id, input.product);
  return { resource: { organizationId, workspaceId: workspace.id, product }, environment: workspace.environment };
}

async function productIn(
  tx: TenantTransaction,
  workspaceId: string,
  slug: string | undefined,
): Promise<Resource['product']> {
  if (slug === undefined) return null;
  const row = await tx.db
    .selectFrom('products')
    .select(['id', 'subscription_status as status', 'subscription_ends_at as endsAt'])
    .where('workspace_id', '=', workspaceId)
    .where('slug', '=', slug)
    .executeTakeFirst();
  if (row === undefined)
    throw new Fault('not-found', `There is no product "${slug}" in this workspace.`, { where: 'product' });
  return { id: row.id, subscription: { status: row.status, endsAt: row.endsAt } };
}
