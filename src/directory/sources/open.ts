/** The kinds of directory that are pulled. A new kind is one file and one line here. */
import type { z } from 'zod';
import { unseal } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import { outboundFetch } from '../../http/outbound.ts';
import type { SealingKeys } from '../../sealing-keys.ts';
import type { Settings } from '../../settings.ts';
import type { Json } from '../../store/tables.ts';
import { csv } from './csv.ts';
import { downloader } from './download.ts';
import { entra } from './entra.ts';
import { google } from './google.ts';
import { sender } from './http.ts';
import { keycloak } from './keycloak.ts';
import { ldap } from './ldap.ts';
import { okta } from './okta.ts';
import { rest } from './rest.ts';
import { scimSource } from './scim-source.ts';
import type { Source, SourceKind } from './source.ts';
import { workday } from './workday.ts';

export const SOURCE_KINDS = {
  csv,
  entra,
  google,
  keycloak,
  ldap,
  okta,
  rest,
  'scim-source': scimSource,
  workday,
} as const satisfies Record<string, SourceKind>;

export type SourceKindName = keyof typeof SOURCE_KINDS;

export interface OpenSourceDependencies {
  readonly settings: Pick<Settings, 'secrets' | 'allowPrivateNetwork' | 'sources'>;
}

interface DirectoryToOpen {
  readonly id: string;
  readonly slug: string;
  readonly kind: string;
  readonly config: Json;
  readonly sealed_secrets: string | null;
}

/** Whether a kind of directory is pulled. */
export function isPulled(kind: string): kind is SourceKindName {
  return Object.hasOwn(SOURCE_KINDS, kind);
}

/**
 * Opens the source of a pulled directory.
 * @throws Fault `conflict` where this kind pushes, or lacks a secret
 */
export function openSource({ settings }: OpenSourceDependencies, directory: DirectoryToOpen): Source {
  const { kind, slug, config } = directory;
  if (!isPulled(kind)) {
    throw new Fault('conflict', `The directory "${slug}" is of kind ${kind}: it is not pulled.`, {
      remedy: 'Its source pushes people by itself.',
    });
  }
  const found: SourceKind = SOURCE_KINDS[kind];
  return openKind({ settings }, kind, config, openedSecrets(settings.secrets.sealingKeys, found, directory));
}

/** Opens a source of a kind as it would be set. @param secrets what the kind's schema takes, opened */
export function openKind(
  { settings: { allowPrivateNetwork, sources } }: OpenSourceDependencies,
  kind: SourceKindName,
  config: unknown,
  secrets: z.output<SourceKind['secrets']>,
): Source {
  const found: SourceKind = SOURCE_KINDS[kind];
  const { timeoutSeconds, downloadSeconds, tries } = sources;
  const idle = timeoutSeconds * 1000;
  return found.open(found.settings.parse(config), {
    secrets,
    send: sender({ fetch: outboundFetch({ allowPrivateNetwork, timeout: idle }), tries }),
    download: downloader({
      fetch: outboundFetch({ allowPrivateNetwork, timeout: downloadSeconds * 1000 }),
      idle,
      tries,
    }),
    now: () => new Date(),
    allowPrivateNetwork,
  });
}

/** What the secrets of a directory are sealed for. */
export function secretsPurpose(directoryId: string): string {
  return `directory:${directoryId}`;
}

/** What a directory keeps secret, opened. @throws Fault `conflict` where something lacks */
export function openedSecrets(
  sealingKeys: SealingKeys,
  kind: SourceKind,
  directory: DirectoryToOpen,
): z.output<SourceKind['secrets']> {
  const { id, slug, sealed_secrets: sealed } = directory;
  const opened: unknown = sealed === null ? {} : JSON.parse(unseal(sealingKeys, secretsPurpose(id), sealed));
  const parsed = kind.secrets.safeParse(opened);
  if (parsed.success) return parsed.data;
  throw new Fault('conflict', `The directory "${slug}" lacks a secret: ${parsed.error.issues[0]?.path.join('.')}.`, {
    where: 'secrets',
    remedy: 'Put the directory with its secrets.',
  });
}
