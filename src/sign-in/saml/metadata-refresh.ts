/**
 * Reads identity providers' metadata again: when its time has come, when a signature fits no known key, or because a person asks. The
 * reading itself holds no transaction open.
 */
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import { record } from '../../audit/record.ts';
import { Fault } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import { dueSamlMetadata } from '../../store/locate.ts';
import { inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';
import { findConnection, refusePlainAddresses, type SamlConnection } from '../connection.ts';
import { descriptionOf, type SamlConfig } from './config.ts';
import { keepSamlConfig } from './keep.ts';
import type { IdpDescription } from './metadata.ts';
import { type FetchedMetadata, fetchMetadata } from './metadata-fetch.ts';
import { settle } from './metadata-settle.ts';
import { isBeingRead, keepSource, metadataSources, type Occasion, takeTurn } from './metadata-source.ts';

export interface RefreshDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly settings: Settings;
}

/** One that does not answer must not hold up the others for long. */
const AT_ONCE = 16;
const PATIENCE_MS = 12_000;
const POLL_MS = 100;
const REFRESH: Origin = { actor: { kind: 'system', id: 'saml-metadata', label: 'metadata refresh' } };

/** Reads what is due, of every organization. */
export async function refreshDueMetadata(deps: RefreshDependencies & { readonly log: Log }): Promise<void> {
  const due = await dueSamlMetadata(deps.store.db);
  for (let at = 0; at < due.length; at += AT_ONCE) {
    const refreshed = due
      .slice(at, at + AT_ONCE)
      .map(({ organizationId, connectionId }) =>
        refreshMetadata(deps, REFRESH, organizationId, connectionId, 'due').catch((error: unknown) =>
          deps.log.error({ error, connectionId }, 'metadata could not be refreshed'),
        ),
      );
    await Promise.all(refreshed);
  }
}

/**
 * Reads once more, as a signature fits no known key. Of many logins that find so at once, one reads and the others wait for it.
 * @returns the connection, where it has other certificates by then
 */
export async function renewForUnknownKey(
  deps: RefreshDependencies,
  { id, organizationId, config }: SamlConnection,
): Promise<SamlConnection | undefined> {
  if (config.metadataUrl === null) return undefined;
  const within = <T>(work: (tx: TenantTransaction) => Promise<T>) =>
    inTenant(deps.store.db, organizationId, REFRESH, work, 'reader');
  const renewed = async () => {
    const now = await within((tx) => findConnection(tx, id));
    const same = now.kind !== 'saml' || now.config.certificates.every((each) => config.certificates.includes(each));
    return same ? undefined : now;
  };
  const already = await renewed();
  if (already !== undefined) return already;
  await refreshMetadata(deps, REFRESH, organizationId, id, 'unknown-key');
  const patience = Date.now() + PATIENCE_MS;
  while (Date.now() < patience && (await within((tx) => isBeingRead(tx, id)))) await setTimeout(POLL_MS);
  return renewed();
}

/** Reads a connection's metadata, where the occasion is one. */
export async function refreshMetadata(
  deps: RefreshDependencies,
  origin: Origin,
  organizationId: string,
  connectionId: string,
  occasion: Occasion,
): Promise<void> {
  const { db } = deps.store;
  const url = await inTenant(db, organizationId, origin, (tx) => takeTurn(tx, connectionId, occasion));
  if (url === undefined) return;
  const fetched = await fetchMetadata(url, deps.settings.allowPrivateNetwork, new Date());
  await inTenant(db, organizationId, origin, (tx) => keepReading(deps, tx, connectionId, url, fetched));
}

/**
 * Takes the description that waits: the identity provider calls itself otherwise from now on.
 * @throws Fault `conflict` where none waits
 */
export async function approveWaiting(
  deps: RefreshDependencies,
  tx: TenantTransaction,
  connection: SamlConnection,
): Promise<void> {
  const source = (await metadataSources(tx)).get(connection.id);
  if (source === undefined || source.waiting === null) {
    throw new Fault('conflict', 'Nothing waits for approval at this connection.');
  }
  const { waiting, url } = source;
  await replace(deps, tx, connection, { ...connection.config, ...waiting }, 'approved', false);
  await keepSource(
    tx,
    connection.id,
    url,
    { description: { ...waiting, validUntil: null, cacheDuration: null } },
    null,
  );
}

async function keepReading(
  deps: RefreshDependencies,
  tx: TenantTransaction,
  connectionId: string,
  url: string,
  fetched: FetchedMetadata,
): Promise<void> {
  await sql`SELECT FROM connections WHERE id = ${connectionId} FOR UPDATE`.execute(tx.db);
  const connection = await findConnection(tx, connectionId);
  const before = (await metadataSources(tx)).get(connectionId);
  // Somebody may have given another address meanwhile.
  if (connection.kind !== 'saml' || connection.config.metadataUrl !== url || before === undefined) return;
  if ('fault' in fetched) {
    await keepSource(tx, connectionId, url, fetched, null);
    if (before.failure === null) await tell(tx, connectionId, 'connection.metadata_unreadable', fetched.fault.message);
    return;
  }
  const { description, waiting } = settle(descriptionOf(connection.config), fetched.description, new Date());
  await replace(deps, tx, connection, { ...connection.config, ...description }, 'refreshed', true);
  await keepSource(tx, connectionId, url, fetched, waiting);
  if (waiting !== null && before.waiting?.entityId !== waiting.entityId) await tellOfWaiting(tx, connection, waiting);
}

async function replace(
  deps: RefreshDependencies,
  tx: TenantTransaction,
  { id, config: before }: SamlConnection,
  after: SamlConfig,
  how: 'refreshed' | 'approved',
  staysTested: boolean,
): Promise<void> {
  refusePlainAddresses(deps, after);
  if (!(await keepSamlConfig(tx, deps, id, after, staysTested))) return;
  const added = after.certificates.filter((each) => !before.certificates.includes(each)).length;
  await record(tx, {
    action: `connection.metadata_${how}`,
    resource: { type: 'connection', id },
    detail: { entityId: after.entityId, certificates: after.certificates.length, added },
  });
}

function tellOfWaiting(tx: TenantTransaction, { id, config }: SamlConnection, waiting: IdpDescription): Promise<void> {
  const reason = `The metadata names another entity, ${waiting.entityId} instead of ${config.entityId}; it waits for approval.`;
  return tell(tx, id, 'connection.metadata_waiting', reason);
}

function tell(tx: TenantTransaction, id: string, action: string, reason: string): Promise<void> {
  return record(tx, { action, resource: { type: 'connection', id }, outcome: 'failure', reason });
}
