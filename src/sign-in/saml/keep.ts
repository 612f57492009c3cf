/** What is kept of a SAML connection: its configuration, and beside it its metadata's address, its certificates' ends and our keys. */
import { sql } from 'kysely';
import { Fault } from '../../errors.ts';
import type { Settings } from '../../settings.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { trustOf } from '../policy.ts';
import { keepCertificateEnds } from './certificate-alarm.ts';
import { describedByHand, descriptionOf, needsOwnKey, type SamlConfig, type SamlSaid } from './config.ts';
import { readIdpMetadata } from './metadata.ts';
import type { FetchedMetadata } from './metadata-fetch.ts';
import { type Settled, settle } from './metadata-settle.ts';
import { ensureOwnKey } from './own-key.ts';

interface KeepDependencies {
  readonly settings: Pick<Settings, 'secrets'>;
}

/**
 * How an administrator's words describe the identity provider.
 * @param fetched what the address gave that they name, asked before the transaction began
 * @param before as the connection was; an address that gives nothing now leaves what it gave before
 * @throws Fault `invalid-input`, `upstream-failed` where a new address gives nothing
 */
export function describedBy(
  said: SamlSaid,
  fetched: FetchedMetadata | undefined,
  before: SamlConfig | undefined,
  now: Date,
): Settled {
  if (said.metadata !== undefined) return settle(undefined, readIdpMetadata(said.metadata, now), now);
  if (said.metadataUrl === undefined) return { description: describedByHand(said), waiting: null };
  const known = before?.metadataUrl === said.metadataUrl ? descriptionOf(before) : undefined;
  if (fetched !== undefined && 'description' in fetched) return settle(known, fetched.description, now);
  if (known !== undefined) return { description: known, waiting: null };
  throw fetched?.fault ?? new Fault('upstream-failed', 'The metadata has not been read.', { where: 'metadataUrl' });
}

/** Keeps what stands beside the configuration. */
export async function keepBeside(
  tx: TenantTransaction,
  { settings }: KeepDependencies,
  connectionId: string,
  config: SamlConfig,
): Promise<void> {
  await keepCertificateEnds(tx, connectionId, config.certificates);
  if (needsOwnKey(config)) await ensureOwnKey(tx, settings.secrets.sealingKeys, connectionId);
}

/**
 * Replaces the configuration of a connection.
 * @param staysTested whether a sign-in that worked under the former still counts: a certificate more is no other trust
 * @returns whether anything has changed
 */
export async function keepSamlConfig(
  tx: TenantTransaction,
  deps: KeepDependencies,
  connectionId: string,
  config: SamlConfig,
  staysTested: boolean,
): Promise<boolean> {
  const row = () =>
    tx.db
      .selectFrom('connections')
      .select(['config', 'sealed_secret', 'tested_trust'])
      .where('id', '=', connectionId)
      .executeTakeFirstOrThrow();
  const before = await row();
  const { numUpdatedRows } = await tx.db
    .updateTable('connections')
    .set({ config: sql`${JSON.stringify(config)}::jsonb` })
    .where('id', '=', connectionId)
    .where(sql<boolean>`config <> ${JSON.stringify(config)}::jsonb`)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n) return false;
  if (staysTested && before.tested_trust === trustOf(before)) {
    const trust = trustOf(await row());
    await tx.db.updateTable('connections').set({ tested_trust: trust }).where('id', '=', connectionId).execute();
  }
  await keepBeside(tx, deps, connectionId, config);
  return true;
}
