/** What is known of a presented API key: read once, remembered until the database tells of a change, judged anew each time. */
import { sql } from 'kysely';
import { decideKey, endOfKey, type KeyResource, mayCarry } from '../access/decide-key.ts';
import { type StoredSubject, SUBJECT, subjectFrom } from '../access/membership.ts';
import type { AccessModel } from '../access/model.ts';
import type { Models } from '../access/model-file.ts';
import { MODEL, modelFrom, type StoredModel } from '../access/organization-model.ts';
import type { Subject } from '../access/subject.ts';
import type { Store } from '../store/database.ts';
import { locateApiKey } from '../store/locate.ts';
import { prepared } from '../store/prepared.ts';
import { Remembered } from '../store/remembered.ts';
import { type Actor, inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import type { StoredKey } from './api-key.ts';
import { isKey } from './api-key-format.ts';
import { isOwnScope } from './api-key-scopes.ts';
import { hashOf } from './sealing.ts';

export interface KnownKey {
  readonly key: StoredKey;
  readonly model: AccessModel;
  /** Null where nobody made it, or where that person's access has ended since. */
  readonly creator: Subject | null;
  /** Where it belongs. */
  readonly place: KeyResource;
  /** Every workspace of its organization. */
  readonly workspaceIds: readonly string[];
}

/** Finds what is known of a text that may be a key; undefined where it is none. A mistyped one costs no query. */
export type FindKey = (presented: string) => Promise<KnownKey | undefined>;

const KEYS: Origin = { actor: { kind: 'system', id: 'api keys', label: 'api keys' } };

/** Opens the keys over what this instance remembers. */
export function openKeys(deps: { readonly store: Pick<Store, 'db' | 'changes'>; readonly models: Models }): FindKey {
  const { db, changes } = deps.store;
  const remembered = new Remembered<KnownKey>(changes);
  return async (presented) => {
    if (!isKey(presented)) return undefined;
    const hash = hashOf(presented);
    const name = hash.toString('base64');
    const known = remembered.get(name);
    if (known !== undefined) return known;
    const since = changes.now();
    const organizationId = await locateApiKey(db, hash);
    if (organizationId === undefined) return undefined;
    const read = await inTenant(db, organizationId, KEYS, (tx) => readKey(tx, deps.models, hash), 'reader');
    if (read !== undefined) remembered.set(name, organizationId, since, read);
    return read;
  };
}

/**
 * The scopes that a key gives at this moment; undefined where the key counts no more. One that acts as its creator gives what the creator
 * still may where the key belongs, and counts no more once they are not active.
 */
export function liveScopes({ key, model, creator, place }: KnownKey, now: Date): string[] | undefined {
  const asked = ruledKey(key);
  if (endOfKey(model, asked, now) !== null) return undefined;
  const asCreator = model.apiKeys[key.kind]?.actsAs === 'creator';
  if (asCreator && key.creator_id !== null && creator?.status !== 'active') return undefined;
  const counts = (scope: string) =>
    asCreator ? decideKey(model, asked, creator, scope, place, now).decision : mayCarry(model, key.kind, scope);
  return key.scopes.filter((scope) => isOwnScope(scope) || counts(scope));
}

/** A key as the audit names it. */
export function actorOfKey({ id, name, display }: StoredKey): Actor {
  return { kind: 'api_key', id, label: `${name} (${display})` };
}

/** A key as the rules of the access room ask for it. */
export function ruledKey(key: StoredKey) {
  return {
    kind: key.kind,
    organizationId: key.organization_id,
    workspaceId: key.workspace_id,
    productId: key.product_id,
    environment: key.environment,
    scopes: key.scopes,
    expiresAt: key.expires_at,
    revokedAt: key.revoked_at,
  };
}

interface Around {
  readonly model: StoredModel;
  readonly creator: StoredSubject | null;
  readonly environment: string | null;
  readonly product: { readonly status: string; readonly endsAt: string | null } | null;
  readonly workspaceIds: readonly string[];
}

async function readKey(tx: TenantTransaction, models: Models, hash: Buffer): Promise<KnownKey | undefined> {
  const { rows } = await prepared(sql<StoredKey & { around: Around }>`
    SELECT k.*, jsonb_build_object('model', ${MODEL}, 'environment', w.environment, 'workspaceIds', array(SELECT id FROM workspaces),
      'product', (SELECT jsonb_build_object('status', p.subscription_status, 'endsAt', p.subscription_ends_at) FROM products p
        WHERE p.id = k.product_id),
      'creator', (SELECT ${SUBJECT} FROM users u WHERE u.id = k.creator_id AND u.access_epoch = k.access_epoch)) AS around
    FROM api_keys k JOIN organizations o ON o.id = k.organization_id LEFT JOIN workspaces w ON w.id = k.workspace_id
    WHERE k.key_hash = ${hash}`).execute(tx.db);
  const [row] = rows;
  if (row === undefined) return undefined;
  const { around, ...key } = row;
  return {
    key,
    model: modelFrom(models, around.model),
    creator: around.creator && subjectFrom(around.creator),
    place: placeOf(key, around),
    workspaceIds: around.workspaceIds,
  };
}

function placeOf(key: StoredKey, { environment, product }: Around): KeyResource {
  const endsAt = product?.endsAt == null ? null : new Date(product.endsAt);
  return {
    organizationId: key.organization_id,
    workspaceId: key.workspace_id,
    ...(environment === null ? {} : { environment }),
    product:
      key.product_id && product ? { id: key.product_id, subscription: { status: product.status, endsAt } } : null,
  };
}
