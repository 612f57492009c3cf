/** `drawbridge audit`: verify, checkpoint, search and export. */
import type { Writable } from 'node:stream';
import type { JWK } from 'jose';
import { Fault } from '../errors.ts';
import { faultOf } from '../http/problem.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import { locateOrganization, locateOrganizations } from '../store/locate.ts';
import { INSTALLATION, inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { type Checkpoint, checkpointKey, makeCheckpoint, readCheckpoints } from './checkpoint.ts';
import { exportEvents, exportFormat } from './export.ts';
import { sealOrganization } from './seal.ts';
import { type AuditFilter, auditFilter, pageInput, searchPage } from './search.ts';
import { type Verification, verifyOrganization } from './verify.ts';

interface CommandDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly settings: Pick<Settings, 'secrets' | 'http'>;
}

type FilterOptions = { readonly [K in keyof AuditFilter]?: string };

const COMMAND: Origin = { actor: { kind: 'operator', id: 'command-line', label: 'command line' } };

/**
 * Verifies the chain of one organization, or of all and the installation's own.
 * @param kept checkpoints, one a line, and the public key (a JWK) that signed them where it is no longer the installation's
 * @returns a line for each, and whether all of them hold
 * @throws Fault `not-found` where there is no such organization, `invalid-input` where a checkpoint is none
 */
export async function auditVerify(
  deps: CommandDependencies,
  organizationSlug?: string,
  kept?: { readonly checkpoints: string; readonly key?: string | undefined },
): Promise<{ lines: string[]; ok: boolean }> {
  const checkpoints = kept === undefined ? [] : await readCheckpoints(kept.checkpoints, trustedKeys(deps, kept.key));
  const lines: string[] = [];
  let ok = true;
  for (const id of await chainIds(deps, organizationSlug)) {
    const witnesses = checkpoints.filter((checkpoint) => checkpoint.organizationId === id);
    const verification = await verifyOrganization(deps, id, witnesses);
    if (id === INSTALLATION && verification.ok && verification.head === null) continue;
    lines.push(lineOf(await slugOf(deps, id), verification, witnesses));
    ok &&= verification.ok;
  }
  return { lines: lines.length === 0 ? ['Nothing has happened yet.'] : lines, ok };
}

/** Signs where the chain of one organization, or of all and the installation's own, ends now: a line for each, to be kept elsewhere. */
export async function auditCheckpoint(deps: CommandDependencies, organizationSlug?: string): Promise<string[]> {
  const { settings, store } = deps;
  const { current } = settings.secrets.sealingKeys;
  const lines: string[] = [];
  for (const id of await chainIds(deps, organizationSlug)) {
    await sealOrganization(deps, id);
    const sign = (tx: TenantTransaction) => makeCheckpoint(tx, current, settings.http.baseUrl);
    const signed = await inTenant(store.db, id, COMMAND, sign, 'reader');
    if (signed !== undefined) lines.push(signed);
  }
  return lines;
}

/** The public key of checkpoints, as JSON. */
export async function auditCheckpointKey({ settings }: CommandDependencies): Promise<string> {
  return JSON.stringify(await checkpointKey(settings.secrets.sealingKeys.current));
}

/**
 * Exports one organization's events.
 * @param options `format` (ndjson if left out) and the filter's fields, as the API takes them
 * @throws Fault `not-found`, `invalid-input`
 */
export async function auditExport(
  deps: CommandDependencies,
  organizationSlug: string,
  options: { readonly format?: string } & FilterOptions,
  writable: Writable,
): Promise<void> {
  const { format = 'ndjson', ...rest } = options;
  const chosen = exportFormat.safeParse(format);
  if (!chosen.success) {
    throw new Fault('invalid-input', `There is no format "${format}".`, {
      where: 'format',
      remedy: `Use ${exportFormat.options.join(', ')}.`,
    });
  }
  const filter = filterOf(rest);
  const id = await organizationId(deps, organizationSlug);
  await exportEvents(deps, id, COMMAND, { format: chosen.data, filter }, writable);
}

/** A page of one organization's events, newest first, as the API answers it. @throws Fault `not-found`, `invalid-input` */
export async function auditSearch(
  deps: CommandDependencies,
  organizationSlug: string,
  options: FilterOptions & { readonly cursor?: string; readonly limit?: string },
) {
  const { cursor, limit, ...rest } = options;
  const page = pageInput.safeParse({ cursor, limit });
  if (!page.success) throw faultOf(page.error, 'page');
  const filter = filterOf(rest);
  const id = await organizationId(deps, organizationSlug);
  return inTenant(deps.store.db, id, COMMAND, (tx) => searchPage(tx, filter, page.data), 'reader');
}

function filterOf(options: FilterOptions): AuditFilter {
  const parsed = auditFilter.strict().safeParse(options);
  if (!parsed.success) throw faultOf(parsed.error, 'filter');
  return parsed.data;
}

/** The keys of this installation, or the one that is given. */
function trustedKeys({ settings }: CommandDependencies, given: string | undefined) {
  return async (kid: string): Promise<JWK | undefined> => {
    if (given !== undefined) return readKey(given);
    const sealing = settings.secrets.sealingKeys.find(kid);
    return sealing && checkpointKey(sealing);
  };
}

function readKey(text: string): JWK {
  try {
    return JSON.parse(text) as JWK;
  } catch (cause) {
    throw new Fault('invalid-input', 'The public key is not JSON.', { where: 'key', cause });
  }
}

async function chainIds(deps: CommandDependencies, organizationSlug: string | undefined): Promise<string[]> {
  if (organizationSlug !== undefined) return [await organizationId(deps, organizationSlug)];
  return [...(await locateOrganizations(deps.store.db)), INSTALLATION];
}

async function organizationId(deps: CommandDependencies, slug: string): Promise<string> {
  const id = await locateOrganization(deps.store.db, slug);
  if (id === undefined) throw new Fault('not-found', `There is no organization "${slug}".`);
  return id;
}

async function slugOf(deps: CommandDependencies, id: string): Promise<string> {
  if (id === INSTALLATION) return 'the installation';
  const find = (tx: TenantTransaction) =>
    tx.db.selectFrom('organizations').select('slug').where('id', '=', id).executeTakeFirst();
  return (await inTenant(deps.store.db, id, COMMAND, find, 'reader'))?.slug ?? id;
}

function lineOf(slug: string, verification: Verification, witnesses: readonly Checkpoint[]): string {
  const { verified, unsealed, head, expired, broken } = verification;
  const count = `${verified} sealed ${verified === 1 ? 'event' : 'events'} verified`;
  if (broken !== null)
    return `${slug}: BROKEN at event ${broken.eventId} (${broken.kind}). ${broken.finding} ${count} before it.`;
  const comparable = witnesses.filter(({ position }) => position > (expired?.position ?? 0)).length;
  return [
    `${slug}: ok, ${count}`,
    ...(unsealed === 0 ? [] : [`, ${unsealed} not sealed yet`]),
    ...(expired === null ? [] : [`, ${expired.position} before ${expired.before.toISOString()} let go by retention`]),
    ...(witnesses.length === 0 ? [] : [`; ${comparable} of ${witnesses.length} checkpoints met, the rest let go`]),
    ...(head === null ? [] : [`; head ${head.position} ${head.hash}`]),
  ].join('');
}
