/**
 * What a presented credential is worth at this moment (RFC 7662): an API key or an access token that Drawbridge issued. Anything
 * else, of whatever reason, is `{active: false}`. What is known of keys is remembered, see `known-keys.ts`; tokens are read each time.
 */
import { isIP } from 'node:net';
import { type Kysely, sql } from 'kysely';
import { record } from '../audit/record.ts';
import { locateApiKey, locateGrant } from '../store/locate.ts';
import type { Tables } from '../store/tables.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { revokeApiKey } from './api-key.ts';
import { isKey, isMeantAsKey } from './api-key-format.ts';
import type { NoteUse } from './key-uses.ts';
import { type FindKey, type KnownKey, liveScopes } from './known-keys.ts';
import { hashOf } from './sealing.ts';

export interface Introspection {
  readonly active: boolean;
  readonly [member: string]: unknown;
}

const INACTIVE: Introspection = { active: false };

export interface IntrospectionDependencies {
  readonly store: { readonly db: Kysely<Tables> };
  readonly findKey: FindKey;
  readonly noteUse: NoteUse;
}

/** What is asked about, and where the platform has been shown it, as far as it tells. */
export interface Presented {
  readonly token: string;
  /** The platform's endpoint, for the audit of the key's use. */
  readonly endpoint?: string | undefined;
  /** From where the platform was called. */
  readonly address?: string | undefined;
}

/**
 * @param within the organization whose credentials the caller may ask about; null for the operator, who may about all
 */
export async function introspect(
  deps: IntrospectionDependencies,
  origin: Origin,
  within: string | null,
  presented: Presented,
): Promise<Introspection> {
  const { token } = presented;
  if (isMeantAsKey(token)) {
    const known = await deps.findKey(token);
    const mayKnow = known !== undefined && (within === null || within === known.key.organization_id);
    return mayKnow ? introspectKey(deps, known, presented) : INACTIVE;
  }
  const organizationId = await locateGrant(deps.store.db, hashOf(token));
  if (organizationId === undefined || (within !== null && within !== organizationId)) return INACTIVE;
  return inTenant(deps.store.db, organizationId, origin, (tx) => introspectGrant(tx, hashOf(token)), 'reader');
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

async function locateToken(db: Kysely<Tables>, token: string) {
  if (isMeantAsKey(token) && !isKey(token)) return undefined;
  const kind = isKey(token) ? ('api_key' as const) : ('grant' as const);
  const organizationId = await (kind === 'api_key' ? locateApiKey : locateGrant)(db, hashOf(token));
  return organizationId === undefined ? undefined : { kind, organizationId };
}

function introspectKey({ noteUse }: IntrospectionDependencies, known: KnownKey, presented: Presented): Introspection {
  const { key } = known;
  const scopes = liveScopes(known, new Date());
  // Whoever only looks whether it is active must not let in one that may nothing.
  if (scopes === undefined || scopes.length === 0) return INACTIVE;
  const { endpoint = 'introspection', address } = presented;
  noteUse(known, {
    endpoint: endpoint.slice(0, 200),
    address: address !== undefined && isIP(address) > 0 ? address : undefined,
  });
  return {
    active: true,
    token_type: 'api_key',
    scope: scopes.join(' '),
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
