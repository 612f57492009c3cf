/** What is shown of a SAML connection beside its configuration. */
import type { TenantTransaction } from '../../store/tenant.ts';
import { certificateOf } from './certificate.ts';
import { needsOwnKey, type SamlConfig } from './config.ts';
import { type MetadataSource, metadataSources } from './metadata-source.ts';
import { allPublishedCertificates, type PublishedCertificate } from './own-key.ts';

export interface SamlState {
  /** Certificates that may sign what the identity provider says. */
  readonly certificates: readonly ShownCertificate[];
  /** Null where the metadata is not read from an address. */
  readonly metadata: MetadataSource | null;
  /** Our own, latest first: two while they rotate. */
  readonly ownCertificates: readonly PublishedCertificate[];
}

interface ShownCertificate {
  /** SHA-256, in hex. */
  readonly fingerprint: string;
  readonly notAfter: Date;
  /** Whole days left; negative where it has expired. */
  readonly daysLeft: number;
}

const DAY_MS = 86_400_000;

/** Reads it for connections, by their id. */
export async function samlStates(
  tx: TenantTransaction,
  connections: readonly { readonly id: string; readonly config: SamlConfig }[],
  now: Date,
): Promise<Map<string, SamlState>> {
  if (connections.length === 0) return new Map();
  const sources = await metadataSources(tx);
  const own = await allPublishedCertificates(tx);
  return new Map(
    connections.map(({ id, config }) => [
      id,
      {
        certificates: config.certificates.map((body) => shown(body, now)),
        metadata: config.metadataUrl === null ? null : (sources.get(id) ?? null),
        ownCertificates: needsOwnKey(config) ? (own.get(id) ?? []) : [],
      },
    ]),
  );
}

function shown(body: string, now: Date): ShownCertificate {
  const { fingerprint, notAfter } = certificateOf(body);
  return { fingerprint, notAfter, daysLeft: Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS) };
}
