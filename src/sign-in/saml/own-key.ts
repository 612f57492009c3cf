/**
 * Our own keys at an identity provider, one set a connection: requests are signed with them, assertions encrypted to them. Administrators
 * copy certificates by hand, so a new one is published for weeks before it signs, and the former decrypts for weeks after.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { sql } from 'kysely';
import { generate } from 'selfsigned';
import { record } from '../../audit/record.ts';
import { seal, unseal } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import type { SealingKeys } from '../../sealing-keys.ts';
import type { TenantTransaction } from '../../store/tenant.ts';

/** How long the next key is published before it signs, and the former after it has signed last. */
const OVERLAP = sql`interval '14 days'`;
const YEARS = 10;

export interface PublishedCertificate {
  /** SHA-256 of the certificate, in hex. */
  readonly fingerprint: string;
  /** PEM. */
  readonly certificate: string;
  readonly signsFrom: Date;
  readonly retiresAt: Date | null;
}

export interface OwnKey {
  /** PEM. */
  readonly privateKey: string;
  /** PEM. */
  readonly certificate: string;
}

export interface OwnKeys {
  /** Undefined where there is none. */
  readonly signing: OwnKey | undefined;
  /** Every key that an assertion may still be encrypted to. */
  readonly decrypting: readonly OwnKey[];
}

/** Makes a connection's first key, where it has none. */
export async function ensureOwnKey(
  tx: TenantTransaction,
  sealingKeys: SealingKeys,
  connectionId: string,
): Promise<void> {
  if ((await publishedCertificates(tx, connectionId)).length > 0) return;
  await addKey(tx, sealingKeys, connectionId, true);
}

/**
 * Makes the next key of a connection. It signs in two weeks, and the former retires two weeks later.
 * @param atOnce it signs now, and every other is void: for a key that others may have
 * @throws Fault `conflict` where the former rotation is not over yet
 */
export async function rotateOwnKey(
  tx: TenantTransaction,
  sealingKeys: SealingKeys,
  connectionId: string,
  atOnce: boolean,
): Promise<PublishedCertificate[]> {
  await sql`SELECT FROM connections WHERE id = ${connectionId} FOR UPDATE`.execute(tx.db);
  const published = await publishedCertificates(tx, connectionId);
  if (published.length > 1 && !atOnce) {
    throw new Fault('conflict', 'The keys of this connection are rotating already.', {
      remedy: 'Wait until the former key has retired, or rotate at once where a key may be in wrong hands.',
    });
  }
  await sql`
    UPDATE saml_keys SET retires_at = CASE WHEN ${atOnce} THEN now() ELSE now() + 2 * ${OVERLAP} END
    WHERE connection_id = ${connectionId} AND coalesce(retires_at > now(), true)`.execute(tx.db);
  await addKey(tx, sealingKeys, connectionId, atOnce || published.length === 0);
  return publishedCertificates(tx, connectionId);
}

/** The certificates that stand in our metadata, latest first. */
export async function publishedCertificates(
  tx: TenantTransaction,
  connectionId: string,
): Promise<PublishedCertificate[]> {
  const { rows } = await sql<PublishedCertificate>`
    SELECT fingerprint, certificate, signs_from AS "signsFrom", retires_at AS "retiresAt" FROM saml_keys
    WHERE connection_id = ${connectionId} AND coalesce(retires_at > now(), true) ORDER BY signs_from DESC`.execute(
    tx.db,
  );
  return rows;
}

/** The same of every connection, by its id. */
export async function allPublishedCertificates(tx: TenantTransaction): Promise<Map<string, PublishedCertificate[]>> {
  const { rows } = await sql<PublishedCertificate & { id: string }>`
    SELECT connection_id AS id, fingerprint, certificate, signs_from AS "signsFrom", retires_at AS "retiresAt" FROM saml_keys
    WHERE coalesce(retires_at > now(), true) ORDER BY signs_from DESC`.execute(tx.db);
  const byConnection = new Map<string, PublishedCertificate[]>();
  for (const { id, ...certificate } of rows) byConnection.set(id, [...(byConnection.get(id) ?? []), certificate]);
  return byConnection;
}

/** Opens a connection's keys. */
export async function ownKeys(tx: TenantTransaction, sealingKeys: SealingKeys, connectionId: string): Promise<OwnKeys> {
  const { rows } = await sql<{ fingerprint: string; certificate: string; sealed: string; signs: boolean }>`
    SELECT fingerprint, certificate, sealed_key AS sealed, signs_from <= now() AS signs FROM saml_keys
    WHERE connection_id = ${connectionId} AND coalesce(retires_at > now(), true) ORDER BY signs_from DESC`.execute(
    tx.db,
  );
  const keys = rows.map(({ fingerprint, certificate, sealed, signs }) => ({
    signs,
    certificate,
    privateKey: unseal(sealingKeys, purposeOf(connectionId, fingerprint), sealed),
  }));
  return { signing: keys.find(({ signs }) => signs), decrypting: keys };
}

async function addKey(
  tx: TenantTransaction,
  sealingKeys: SealingKeys,
  connectionId: string,
  atOnce: boolean,
): Promise<void> {
  const { privateKey, certificate } = await selfSigned();
  const fingerprint = createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex');
  await sql`
    INSERT INTO saml_keys (organization_id, connection_id, fingerprint, certificate, sealed_key, signs_from)
    VALUES (${tx.organizationId}, ${connectionId}, ${fingerprint}, ${certificate},
      ${seal(sealingKeys, purposeOf(connectionId, fingerprint), privateKey)},
      CASE WHEN ${atOnce} THEN now() ELSE now() + ${OVERLAP} END)`.execute(tx.db);
  await record(tx, {
    action: 'connection.saml_key_made',
    resource: { type: 'connection', id: connectionId },
    detail: { fingerprint, signs: atOnce ? 'at once' : 'in two weeks' },
  });
}

/** Nobody checks who signed it: identity providers take it from our metadata. */
async function selfSigned(): Promise<OwnKey> {
  const now = Date.now();
  const { private: privateKey, cert: certificate } = await generate([{ name: 'commonName', value: 'Drawbridge' }], {
    algorithm: 'sha256',
    keySize: 2048,
    notBeforeDate: new Date(now - 86_400_000),
    notAfterDate: new Date(now + YEARS * 365 * 86_400_000),
  });
  return { privateKey, certificate };
}

function purposeOf(connectionId: string, fingerprint: string): string {
  return `connection-saml-key:${connectionId}:${fingerprint}`;
}
