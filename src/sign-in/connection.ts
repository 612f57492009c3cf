/** Connections: the identity providers through which an organization's people sign in. */

import type { Selectable } from 'kysely';
import { z } from 'zod';
import type { Models } from '../access/model-file.ts';
import { record } from '../audit/record.ts';
import { seal, unseal } from '../credentials/sealing.ts';
import { Fault } from '../errors.ts';
import type { Settings } from '../settings.ts';
import type { ConnectionRow } from '../store/tables.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { type Put, type PutValue, putRow } from '../tenancy/put.ts';
import type { ConnectionInput, OidcInput, SamlInput } from './connection-input.ts';
import { checkDefaultRole, refuseUnknownWorkspace, warnOfAdministrativeDefault } from './default-role.ts';
import { ensureClientKey } from './oidc/client-key.ts';
import { type OidcConfig, oidcConfig, oidcConfigOf } from './oidc/config.ts';
import { trustOf } from './policy.ts';
import { requestAddress, type SamlConfig, samlConfig, samlConfigOf } from './saml/config.ts';
import { describedBy, keepBeside } from './saml/keep.ts';
import type { IdpDescription } from './saml/metadata.ts';
import { type FetchedMetadata, fetchMetadata } from './saml/metadata-fetch.ts';
import { keepSource } from './saml/metadata-source.ts';
import { refuseUnclaimed } from './served-domains.ts';

export { type ConnectionInput, connectionInput } from './connection-input.ts';

export interface ConnectionDependencies {
  readonly settings: Pick<Settings, 'secrets' | 'allowPrivateNetwork'>;
  readonly models: Models;
}

interface CommonConnection {
  readonly id: string;
  readonly organizationId: string;
  readonly slug: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly defaultRole: string | null;
  readonly justInTime: boolean | null;
  readonly directoryId: string;
  /** Whose people it may vouch for; empty: those of every verified domain. */
  readonly domains: readonly string[];
  readonly priority: number;
  /** Stands for its configuration and secret as they are now. */
  readonly trust: string;
  /** Whether a sign-in through it has worked under just this trust. */
  readonly tested: boolean;
  /** Another after every change. */
  readonly version: number;
}

export type SamlConnection = CommonConnection & { readonly kind: 'saml'; readonly config: SamlConfig };
export type OidcConnection = CommonConnection & {
  readonly kind: 'oidc';
  readonly config: OidcConfig;
  readonly sealedSecret: string | null;
};
export type Connection = SamlConnection | OidcConnection;

/** What has to be read from elsewhere before a connection is put, so that no transaction waits for it. */
export async function readAhead(
  { settings }: ConnectionDependencies,
  input: ConnectionInput,
): Promise<FetchedMetadata | undefined> {
  if (input.kind !== 'saml' || input.metadataUrl === undefined) return undefined;
  return fetchMetadata(input.metadataUrl, settings.allowPrivateNetwork, new Date());
}

/**
 * Creates or updates a connection, with the directory that holds what logins through it say.
 * @param known what `readAhead` gave, and the id of a connection that is made now, where its addresses were given away before
 * @throws Fault `invalid-input` where metadata, an address, a certificate, a domain or the default role won't do, `conflict` where the
 * kind would change
 */
export async function putConnection(
  tx: TenantTransaction,
  deps: ConnectionDependencies,
  input: ConnectionInput,
  known: { readonly fetched?: FetchedMetadata | undefined; readonly newId?: string } = {},
): Promise<Put> {
  const { fetched, newId } = known;
  const before = await tx.db
    .selectFrom('connections')
    .selectAll()
    .where('slug', '=', input.slug)
    .forUpdate()
    .executeTakeFirst();
  if (before !== undefined && before.kind !== input.kind) {
    throw new Fault(
      'conflict',
      `The connection "${input.slug}" is of kind ${before.kind}; a connection's kind can not change.`,
      {
        where: 'kind',
        remedy: 'Give the new one another slug.',
      },
    );
  }
  const saml = input.kind === 'saml' ? keptSaml(deps, input, fetched, before?.config) : undefined;
  const config = input.kind === 'saml' ? saml?.config : keptOidc(deps, input);
  const newRole = input.defaultRole !== null && input.defaultRole !== before?.default_role;
  const administrative = newRole && (await checkDefaultRole(tx, deps.models, input));
  await refuseUnknownWorkspace(tx, input.defaultWorkspace);
  await refuseUnclaimed(tx, input.domains, before?.domains);

  const directory = await putDirectoryOf(tx, input, before?.directory_id);
  const put = await putRow(
    tx,
    'connections',
    'connection',
    { slug: input.slug },
    {
      ...(before === undefined && newId !== undefined ? { id: newId } : {}),
      kind: input.kind,
      name: input.name ?? input.slug,
      config: { json: config },
      default_role: input.defaultRole,
      just_in_time: input.justInTime,
      directory_id: directory,
      enabled: input.enabled,
      domains: input.domains,
      priority: input.priority,
    },
  );
  if (saml !== undefined) {
    await keepSource(tx, put.id, saml.config.metadataUrl, fetched, saml.waiting);
    await keepBeside(tx, deps, put.id, saml.config);
  }
  const secret = input.kind === 'oidc' ? await putSecret(tx, deps, put.id, input.clientSecret) : false;
  if (input.kind === 'oidc' && input.clientAuthentication === 'private_key_jwt') {
    await ensureClientKey(tx, deps.settings.secrets.sealingKeys, put.id);
  }
  if (administrative) await warnOfAdministrativeDefault(tx, put.id, input);
  if (!secret) return put;
  return { ...put, action: put.action === 'keep' ? 'update' : put.action, changed: [...put.changed, 'client_secret'] };
}

/** Every connection of the organization, by slug. */
export async function listConnections(tx: TenantTransaction): Promise<Connection[]> {
  const rows = await tx.db.selectFrom('connections').selectAll().orderBy('slug').execute();
  return rows.map(connectionOf);
}

/** Finds a connection by slug or id. @throws Fault `not-found` */
export async function findConnection(tx: TenantTransaction, slugOrId: string): Promise<Connection> {
  const row = await tx.db
    .selectFrom('connections')
    .selectAll()
    .where((is) => is.or([is('slug', '=', slugOrId), is(is.cast<string>('id', 'text'), '=', slugOrId)]))
    .executeTakeFirst();
  if (row === undefined) throw new Fault('not-found', `There is no connection "${slugOrId}".`, { where: 'connection' });
  return connectionOf(row);
}

/** The client secret that we present to an identity provider; undefined where there is none. */
export function clientSecretOf(settings: Pick<Settings, 'secrets'>, connection: OidcConnection): string | undefined {
  if (connection.sealedSecret === null) return undefined;
  return unseal(settings.secrets.sealingKeys, purposeOf(connection.id), connection.sealedSecret);
}

function connectionOf(row: Selectable<ConnectionRow>): Connection {
  const trust = trustOf(row);
  const common = {
    id: row.id,
    organizationId: row.organization_id,
    slug: row.slug,
    name: row.name,
    enabled: row.enabled,
    defaultRole: row.default_role,
    justInTime: row.just_in_time,
    directoryId: row.directory_id,
    domains: row.domains,
    priority: row.priority,
    trust,
    tested: row.tested_trust === trust,
    version: row.version,
  };
  return row.kind === 'saml'
    ? { ...common, kind: 'saml', config: samlConfig.parse(row.config) }
    : { ...common, kind: 'oidc', config: oidcConfig.parse(row.config), sealedSecret: row.sealed_secret };
}

function keptSaml(
  deps: ConnectionDependencies,
  input: SamlInput,
  fetched: FetchedMetadata | undefined,
  before: unknown,
): { readonly config: SamlConfig; readonly waiting: IdpDescription | null } {
  const former = before === undefined ? undefined : samlConfig.parse(before);
  const { description, waiting } = describedBy(input, fetched, former, new Date());
  const config = samlConfigOf(input, description);
  requestAddress(config);
  refusePlainAddresses(deps, config);
  return { config, waiting };
}

/** Whatever a browser is sent to, or metadata is read from, is encrypted. @throws Fault `invalid-input` */
export function refusePlainAddresses(deps: Pick<ConnectionDependencies, 'settings'>, config: SamlConfig): void {
  for (const where of ['ssoUrl', 'ssoPostUrl', 'logoutUrl', 'logoutResponseUrl', 'metadataUrl'] as const) {
    const address = config[where];
    if (address !== null) refusePlain(deps, address, where);
  }
}

function keptOidc(deps: ConnectionDependencies, input: OidcInput): OidcConfig {
  const config = oidcConfigOf(input);
  refusePlain(deps, config.issuer, 'issuer');
  if (config.groupsEndpoint !== null) refusePlain(deps, config.groupsEndpoint, 'groupsEndpoint');
  return config;
}

/** What people sign in through must be encrypted; only the demo and tests talk to themselves without. */
function refusePlain(deps: Pick<ConnectionDependencies, 'settings'>, address: string, where: string): void {
  const parsed = z.url().safeParse(address);
  const { protocol = '' } = parsed.success ? new URL(address) : {};
  if (protocol === 'https:' || (protocol === 'http:' && deps.settings.allowPrivateNetwork)) return;
  throw new Fault('invalid-input', `The address ${address} is not an https one.`, {
    where,
    remedy: 'Give one that begins with https://.',
  });
}

/** Made once with the connection. It never decides that somebody has left: nobody signs in to say so. */
async function putDirectoryOf(
  tx: TenantTransaction,
  input: ConnectionInput,
  existing: string | undefined,
): Promise<string> {
  if (existing !== undefined) return existing;
  const made = await putRow(
    tx,
    'directories',
    'directory',
    { slug: `login-${input.slug}`.slice(0, 63) },
    {
      kind: 'login',
      name: `Logins through ${input.name ?? input.slug}`,
      decides_lifecycle: false,
    },
  );
  if (made.action === 'create') return made.id;
  throw new Fault('conflict', `There is already a directory "login-${input.slug}".`, {
    where: 'slug',
    remedy: 'Choose another slug.',
  });
}

async function putSecret(
  tx: TenantTransaction,
  { settings: { secrets } }: ConnectionDependencies,
  id: string,
  secret: string | undefined,
): Promise<boolean> {
  if (secret === undefined) return false;
  const { sealed_secret: sealed } = await tx.db
    .selectFrom('connections')
    .select('sealed_secret')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  if (sealed !== null && unseal(secrets.sealingKeys, purposeOf(id), sealed) === secret) return false;
  const value: PutValue = seal(secrets.sealingKeys, purposeOf(id), secret);
  await tx.db.updateTable('connections').set({ sealed_secret: value }).where('id', '=', id).execute();
  await record(tx, { action: 'connection.secret_set', resource: { type: 'connection', id } });
  return true;
}

function purposeOf(id: string): string {
  return `connection:${id}`;
}
