/**
 * What a presented credential is worth at this moment (RFC 7662): an API key or an access token that Drawbridge issued. Anything
 * else, of whatever reason, is `{active: false}`. One statement; no cache, so that an end is seen at once on every instance.
 */
import { type Kysely, sql } from 'kysely';
import type { Models } from '../access/model-file.ts';
import { organizationModel } from '../access/organization-model.ts';
import { record } from '../audit/record.ts';
import { locateApiKey, locateGrant } from '../store/locate.ts';
import type { Tables } from '../store/tables.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { revokeApiKey, type StoredKey } from './api-key.ts';
import { isKey } from './api-key-format.ts';
import { hashOf } from './sealing.ts';

export interface Introspection {
  readonly active: boolean;
  readonly [member: string]: unknown;
}

const INACTIVE: Introspection = { active: false };

export interface IntrospectionDependencies {
  readonly store: { readonly db: Kysely<Tables> };
  readonly models: Models;
}

/**
 * @param within the organization whose credentials the caller may ask about; null for the operator, who may about all
 */
export async function introspect(
  deps: IntrospectionDependencies,
  origin: Origin,
  within: string | null,
  token: string,
): Promise<Introspection> {
  const found = await locateToken(deps.store.db, token);
  if (found === undefined || (within !== null && within !== found.organizationId)) return INACTIVE;
  return inTenant(deps.store.db, found.organizationId, origin, (tx) =>
    found.kind === 'api_key' ? introspectKey(deps.models, tx, hashOf(token)) : introspectGrant(tx, hashOf(token)),
  );
}

/** Ends a presented credential (RFC 7009). An unknown one is as good as ended. */
export async function revokeToken(
  deps: IntrospectionDependencies,
  origin: Origin,
  within: string | null,
  token: string,
): Promise<void> {
  const found = await locateToken(deps.store.db, token);
  if (found === undefined || (within !== null && within !== found.organizationId)) return;
  await inTenant(deps.store.db, found.organizationId, origin, (tx) =>
    found.kind === 'api_key' ? revokePresentedKey(tx, hashOf(token)) : revokeGrant(tx, hashOf(token)),
  );
}

/** A key that counts at this moment, with its creator's state; undefined where it doesn't. */
export async function liveKey(models: Models, tx: TenantTransaction, keyHash: Buffer): Promise<StoredKey | undefined> {
  const row = await tx.db
    .selectFrom('api_keys as k')
    .leftJoin('users as u', 'u.id', 'k.creator_id')
    .selectAll('k')
    .select(['u.status as creator_status', 'u.access_epoch as creator_epoch'])
    .where('k.key_hash', '=', keyHash)
    .where('k.revoked_at', 'is', null)
    .where((where) => where.or([where('k.expires_at', 'is', null), where('k.expires_at', '>', sql<Date>`now()`)]))
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { creator_status, creator_epoch, ...key } = row;
  const kinds: Partial<Record<string, { actsAs: string }>> = (await organizationModel(models, tx)).apiKeys;
  const kind = kinds[key.kind];
  // A kind that the model no longer knows gives nothing.
  if (kind === undefined) return undefined;
  const asCreator = kind.actsAs === 'creator';
  return asCreator && (creator_status !== 'active' || creator_epoch !== key.access_epoch) ? undefined : key;
}

async function locateToken(db: Kysely<Tables>, token: string) {
  const kind = isKey(token) ? ('api_key' as const) : ('grant' as const);
  const organizationId = await (kind === 'api_key' ? locateApiKey : locateGrant)(db, hashOf(token));
  return organizationId === undefined ? undefined : { kind, organizationId };
}

async function introspectKey(models: Models, tx: TenantTransaction, hash: Buffer): Promise<Introspection> {
  const key = await liveKey(models, tx, hash);
  if (key === undefined) return INACTIVE;
  await touchKey(tx, key.id);
  return {
    active: true,
    token_type: 'api_key',
    scope: key.scopes.join(' '),
    client_id: key.id,
    ...(key.creator_id === null ? {} : { sub: key.creator_id }),
    iat: seconds(key.created_at),
    ...(key.expires_at === null ? {} : { exp: seconds(key.expires_at) }),
    kind: key.kind,
    org: key.organization_id,
    workspace: key.workspace_id,
    product: key.product_id,
    environment: key.environment,
  };
}

async function introspectGrant(tx: TenantTransaction, hash: Buffer): Promise<Introspection> {
  const grant = await tx.db
    .selectFrom('grants as g')
    .innerJoin('users as u', (join) =>
      join.onRef('u.id', '=', 'g.user_id').onRef('u.access_epoch', '=', 'g.access_epoch'),
    )
    .select(['g.user_id', 'g.client', 'g.created_at', 'g.expires_at', 'g.organization_id', 'u.email'])
    .where('g.token_hash', '=', hash)
    .where('g.revoked_at', 'is', null)
    .where('g.expires_at', '>', sql<Date>`now()`)
    .where('u.status', '=', 'active')
    .executeTakeFirst();
  if (grant === undefined) return INACTIVE;
  return {
    active: true,
    token_type: 'Bearer',
    sub: grant.user_id,
    username: grant.email,
    client_id: grant.client,
    org: grant.organization_id,
    iat: seconds(grant.created_at),
    exp: seconds(grant.expires_at),
  };
}

/** Last use is kept to the minute: it tells used keys from forgotten ones, and is not worth a write a call. */
export async function touchKey({ db }: TenantTransaction, id: string): Promise<void> {
  await sql`
    UPDATE api_keys SET last_used_at = now() WHERE id = ${id} AND coalesce(last_used_at < now() - interval '1 minute', true)
    `.execute(db);
}

async function revokePresentedKey(tx: TenantTransaction, hash: Buffer): Promise<void> {
  const key = await tx.db.selectFrom('api_keys').select('id').where('key_hash', '=', hash).executeTakeFirst();
  if (key !== undefined) await revokeApiKey(tx, key.id, null, 'revoked by presenting it (RFC 7009)');
}

async function revokeGrant(tx: TenantTransaction, hash: Buffer): Promise<void> {
  const revoked = await tx.db
    .updateTable('grants')
    .set({ revoked_at: sql`now()` })
    .where('token_hash', '=', hash)
    .where('revoked_at', 'is', null)
    .returning(['id', 'user_id', 'client'])
    .executeTakeFirst();
  if (revoked === undefined) return;
  await record(tx, {
    action: 'grant.revoked',
    resource: { type: 'grant', id: revoked.id },
    reason: 'revoked by presenting it (RFC 7009)',
    detail: { user: revoked.user_id, client: revoked.client },
  });
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}
