/**
 * The keys that sign ID and logout tokens. Three states: the next is published before it signs, so that nobody meets a key they can't
 * find; the current signs; the retired stay published for what they have signed.
 */

import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { type Kysely, sql } from 'kysely';
import { record } from '../../audit/record.ts';
import { seal, unseal } from '../../credentials/sealing.ts';
import type { SealingKeys } from '../../sealing-keys.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import type { Tables } from '../../store/tables.ts';
import type { Origin, TenantTransaction } from '../../store/tenant.ts';
import { inInstallation, PROVIDER } from './installation.ts';

export const SIGNING_ALGORITHM = 'RS256';
/** How long a retired key stays published, in days; an ID token may come back as a hint long after its end. */
const RETIRED_DAYS = 30;

export interface SigningKeys {
  /** Tells one set from another. */
  readonly version: string;
  /** Private keys, the signing one first. */
  readonly jwks: readonly JWK[];
}

interface StoredKey {
  readonly id: string;
  readonly state: string;
  readonly sealed: string;
}

/** The keys of this installation; made at the first call of all. */
export async function signingKeys(db: Kysely<Tables>, sealingKeys: SealingKeys): Promise<SigningKeys> {
  const found = await inInstallation(db, PROVIDER, readKeys, 'reader');
  if (found.length > 0) return opened(sealingKeys, found);
  const [current, next] = await Promise.all([newKey(), newKey()]);
  const made = await inInstallation(db, PROVIDER, async (tx) => {
    await takeTurn(tx);
    const meanwhile = await readKeys(tx);
    if (meanwhile.length > 0) return meanwhile;
    await add(tx, sealingKeys, current, 'current');
    await add(tx, sealingKeys, next, 'next');
    await record(tx, { action: 'signing_key.created', resource: { type: 'signing_key', id: current.kid ?? '' } });
    return readKeys(tx);
  });
  return opened(sealingKeys, made);
}

/** Retires the signing key, lets the next sign, and makes another next. @returns the ids of all that are published, the signing first */
export async function rotateSigningKeys(
  db: Kysely<Tables>,
  sealingKeys: SealingKeys,
  origin: Origin,
): Promise<string[]> {
  await signingKeys(db, sealingKeys);
  const fresh = await newKey();
  const keys = await inInstallation(db, origin, async (tx) => {
    await takeTurn(tx);
    await sql`UPDATE signing_keys SET state = 'retired', retired_at = now() WHERE state = 'current'`.execute(tx.db);
    await sql`UPDATE signing_keys SET state = 'current' WHERE state = 'next'`.execute(tx.db);
    await add(tx, sealingKeys, fresh, 'next');
    const now = await readKeys(tx);
    await record(tx, { action: 'signing_key.rotated', resource: { type: 'signing_key', id: now[0]?.id ?? '' } });
    return now;
  });
  return keys.map(({ id }) => id);
}

/** The keys for whoever signs something else by them, and verifies it long afterwards. */
export function installationKeys({
  store: { db },
  settings,
}: {
  readonly store: Pick<Store, 'db'>;
  readonly settings: Pick<Settings, 'secrets'>;
}) {
  const { sealingKeys } = settings.secrets;
  return {
    current: async (): Promise<JWK> => {
      const [jwk] = (await signingKeys(db, sealingKeys)).jwks;
      if (jwk === undefined) throw new Error('there is no signing key');
      return jwk;
    },
    find: async (kid: string): Promise<JWK | undefined> => {
      const find = (tx: TenantTransaction) =>
        tx.db
          .selectFrom('signing_keys')
          .select(['id', 'state', 'sealed_jwk as sealed'])
          .where('id', '=', kid)
          .execute();
      const [jwk] = opened(sealingKeys, await inInstallation(db, PROVIDER, find, 'reader')).jwks;
      return jwk === undefined ? undefined : publicPart(jwk);
    },
  };
}

function publicPart({ kty, n, e, kid, alg }: JWK): JWK {
  return { kty, n, e, kid, alg } as JWK;
}

async function takeTurn({ db }: TenantTransaction): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtext('drawbridge signing keys'))`.execute(db);
}

async function readKeys({ db }: TenantTransaction): Promise<StoredKey[]> {
  const { rows } = await sql<StoredKey>`
    SELECT id, state, sealed_jwk AS sealed FROM signing_keys
    WHERE state <> 'retired' OR retired_at > now() - ${RETIRED_DAYS} * interval '1 day'
    ORDER BY CASE state WHEN 'current' THEN 0 WHEN 'next' THEN 1 ELSE 2 END, retired_at DESC`.execute(db);
  return rows;
}

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), use: 'sig', alg: SIGNING_ALGORITHM };
}

async function add(
  tx: TenantTransaction,
  sealingKeys: SealingKeys,
  jwk: JWK,
  state: 'current' | 'next',
): Promise<void> {
  const id = jwk.kid ?? '';
  const sealed = seal(sealingKeys, purposeOf(id), JSON.stringify(jwk));
  const row = { organization_id: tx.organizationId, id, state, sealed_jwk: sealed, retired_at: null };
  await tx.db.insertInto('signing_keys').values(row).execute();
}

function opened(sealingKeys: SealingKeys, keys: readonly StoredKey[]): SigningKeys {
  return {
    version: keys.map(({ id }) => id).join(' '),
    jwks: keys.map(({ id, sealed }) => JSON.parse(unseal(sealingKeys, purposeOf(id), sealed)) as JWK),
  };
}

function purposeOf(id: string): string {
  return `signing_key:${id}`;
}
