/**
 * Our own keys at a provider, one set a connection: with them we prove who we are (private_key_jwt, OpenID Connect Core 9). The private
 * half is sealed; the public half is published. While keys rotate the next one is published before it signs.
 */
import { exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { sql } from 'kysely';
import { record } from '../../audit/record.ts';
import { randomSecret, seal, unseal } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import type { SealingKeys } from '../../sealing-keys.ts';
import type { TenantTransaction } from '../../store/tenant.ts';

export const CLIENT_KEY_ALGORITHM = 'RS256';
/** How long the next key is published before it signs, and the former after it has signed last. */
const OVERLAP = sql`interval '1 hour'`;

export interface SigningKey {
  readonly kid: string;
  readonly sealed: string;
}

export interface PublishedKey {
  readonly kid: string;
  readonly jwk: JWK;
  readonly signsFrom: Date;
  readonly retiresAt: Date | null;
}

/** Makes a connection's first key, where it has none. */
export async function ensureClientKey(
  tx: TenantTransaction,
  sealingKeys: SealingKeys,
  connectionId: string,
): Promise<void> {
  if ((await publishedKeys(tx, connectionId)).length > 0) return;
  await addKey(tx, sealingKeys, connectionId, true);
}

/**
 * Makes the next key of a connection. It signs in an hour, and the former retires an hour later.
 * @param atOnce it signs now, and every other is void: for a key that others may have
 * @throws Fault `conflict` where the former rotation is not over yet
 */
export async function rotateClientKey(
  tx: TenantTransaction,
  sealingKeys: SealingKeys,
  connectionId: string,
  atOnce: boolean,
): Promise<PublishedKey[]> {
  await sql`SELECT FROM connections WHERE id = ${connectionId} FOR UPDATE`.execute(tx.db);
  const published = await publishedKeys(tx, connectionId);
  if (published.length > 1 && !atOnce) {
    throw new Fault('conflict', 'The keys of this connection are rotating already.', {
      remedy: 'Wait until the former key has retired, or rotate at once where a key may be in wrong hands.',
    });
  }
  await sql`
    UPDATE oidc_client_keys SET retires_at = CASE WHEN ${atOnce} THEN now() ELSE now() + 2 * ${OVERLAP} END
    WHERE connection_id = ${connectionId} AND coalesce(retires_at > now(), true)`.execute(tx.db);
  await addKey(tx, sealingKeys, connectionId, atOnce || published.length === 0);
  return publishedKeys(tx, connectionId);
}

/** The keys that a provider may meet, latest first. */
export async function publishedKeys(tx: TenantTransaction, connectionId: string): Promise<PublishedKey[]> {
  const { rows } = await sql<PublishedKey>`
    SELECT kid, public_jwk AS jwk, signs_from AS "signsFrom", retires_at AS "retiresAt" FROM oidc_client_keys
    WHERE connection_id = ${connectionId} AND coalesce(retires_at > now(), true) ORDER BY signs_from DESC`.execute(
    tx.db,
  );
  return rows;
}

/** The key that signs now, still sealed; undefined where there is none. */
export async function signingKey(tx: TenantTransaction, connectionId: string): Promise<SigningKey | undefined> {
  const { rows } = await sql<SigningKey>`
    SELECT kid, sealed_key AS sealed FROM oidc_client_keys
    WHERE connection_id = ${connectionId} AND signs_from <= now() AND coalesce(retires_at > now(), true)
    ORDER BY signs_from DESC LIMIT 1`.execute(tx.db);
  return rows[0];
}

/** Opens a key for signing; it can not be taken out again. */
export async function openKey(
  sealingKeys: SealingKeys,
  connectionId: string,
  { kid, sealed }: SigningKey,
): Promise<{ kid: string; key: CryptoKey }> {
  const jwk = JSON.parse(unseal(sealingKeys, purposeOf(connectionId, kid), sealed)) as JWK;
  const key = await importJWK(jwk, CLIENT_KEY_ALGORITHM, { extractable: false });
  return { kid, key: key as CryptoKey };
}

async function addKey(
  tx: TenantTransaction,
  sealingKeys: SealingKeys,
  connectionId: string,
  atOnce: boolean,
): Promise<void> {
  const { privateKey, publicKey } = await generateKeyPair(CLIENT_KEY_ALGORITHM, { extractable: true });
  const kid = randomSecret().slice(0, 16);
  const jwk = { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: CLIENT_KEY_ALGORITHM };
  const sealed = seal(sealingKeys, purposeOf(connectionId, kid), JSON.stringify(await exportJWK(privateKey)));
  await sql`
    INSERT INTO oidc_client_keys (organization_id, connection_id, kid, public_jwk, sealed_key, signs_from)
    VALUES (${tx.organizationId}, ${connectionId}, ${kid}, ${JSON.stringify(jwk)}::jsonb, ${sealed},
      CASE WHEN ${atOnce} THEN now() ELSE now() + ${OVERLAP} END)`.execute(tx.db);
  await record(tx, {
    action: 'connection.client_key_made',
    resource: { type: 'connection', id: connectionId },
    detail: { kid, signs: atOnce ? 'at once' : 'in an hour' },
  });
}

function purposeOf(connectionId: string, kid: string): string {
  return `connection-client-key:${connectionId}:${kid}`;
}
