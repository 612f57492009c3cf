/** Directories: the sources of people and groups that an organization has. */
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { seal, unseal } from '../credentials/sealing.ts';
import { Fault } from '../errors.ts';
import type { Settings } from '../settings.ts';
import type { Json } from '../store/tables.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { type Put, putRow } from '../tenancy/put.ts';
import { displayName, slug } from '../tenancy/slug.ts';
import { timeZone } from '../tenancy/time-zone.ts';
import { guardSettings } from './reconcile/guard.ts';
import { isPulled, SOURCE_KINDS, type SourceKindName, secretsPurpose } from './sources/open.ts';
import type { SourceKind } from './sources/source.ts';
import { isSchedule } from './timetable.ts';

const common = {
  slug,
  name: displayName.optional(),
  timeZone: timeZone.default('UTC'),
  guards: guardSettings.partial().default({}),
};

/** Somebody whom the source no longer names may be missing by mistake: for so long they are kept as they are. */
const graceDays = z.number().min(0).max(90).default(0);
const spreadMinutes = z.number().int().min(0).max(720).default(10);
const schedule = z.string().refine(isSchedule, 'is not a cron expression such as "0 3 * * *"').nullable().default(null);

/** What is said of a pulled directory; its secrets may be left out when it is put again: those that are kept stay. */
function pulled<K extends SourceKindName>(kind: K) {
  const { settings, secrets } = SOURCE_KINDS[kind];
  return z.strictObject({
    ...common,
    kind: z.literal(kind),
    config: settings,
    secrets: secrets.optional(),
    schedule,
    spreadMinutes,
    graceDays,
  });
}

/** What an administrator says of a directory. Login directories come with their connection. */
export const directoryInput = z.discriminatedUnion('kind', [
  pulled('csv'),
  pulled('entra'),
  pulled('google'),
  pulled('keycloak'),
  pulled('ldap'),
  pulled('okta'),
  pulled('rest'),
  pulled('scim-source'),
  pulled('workday'),
  z.strictObject({ ...common, kind: z.literal('scim'), config: z.strictObject({}).default({}) }),
]);

export type DirectoryInput = z.output<typeof directoryInput>;

export interface DirectoryDependencies {
  readonly settings: Pick<Settings, 'secrets'>;
}

/** Creates or updates a directory. */
export async function putDirectory(
  tx: TenantTransaction,
  deps: DirectoryDependencies,
  input: DirectoryInput,
): Promise<Put> {
  const known = await tx.db
    .selectFrom('directories')
    .select(['kind', 'config', 'sealed_secrets', 'grace_days'])
    .where('slug', '=', input.slug)
    .forUpdate()
    .executeTakeFirst();
  if (known !== undefined && known.kind !== input.kind) {
    throw new Fault(
      'conflict',
      `The directory "${input.slug}" is of kind ${known.kind}; a directory's kind can not change.`,
      {
        where: 'kind',
        remedy: 'Give the new one another slug.',
      },
    );
  }
  refuseServerFiles(tx, input, known?.config);
  const graceDays = 'graceDays' in input ? input.graceDays : 0;
  const put = await putRow(
    tx,
    'directories',
    'directory',
    { slug: input.slug },
    {
      kind: input.kind,
      name: input.name ?? input.slug,
      config: { json: input.config },
      guards: { json: input.guards },
      time_zone: input.timeZone,
      schedule: 'schedule' in input ? input.schedule : null,
      spread_minutes: 'spreadMinutes' in input ? input.spreadMinutes : 0,
      grace_days: graceDays,
    },
  );
  // What a cursor stands for was read under other settings.
  if (put.changed.includes('config')) {
    await tx.db.updateTable('directories').set({ cursor: null }).where('id', '=', put.id).execute();
  }
  if (put.changed.includes('grace_days')) await moveGrace(tx, put.id, graceDays - (known?.grace_days ?? 0));
  if (put.changed.includes('time_zone')) await forgetDays(tx, put.id);
  if (put.changed.some((column) => ['schedule', 'time_zone', 'spread_minutes'].includes(column)))
    await beginSchedule(tx, put.id);
  if (!isPulled(input.kind) || !(await putSecrets(tx, deps, put.id, known?.sealed_secrets ?? null, input))) return put;
  return { ...put, action: put.action === 'keep' ? 'update' : put.action, changed: [...put.changed, 'secrets'] };
}

/** What the new schedule would have had before it was set is nothing that was missed. */
async function beginSchedule(tx: TenantTransaction, directoryId: string): Promise<void> {
  await tx.db.updateTable('directories').set({ scheduled_from: new Date() }).where('id', '=', directoryId).execute();
}

/** Whoever waits has as many days more, or fewer. */
async function moveGrace(tx: TenantTransaction, directoryId: string, days: number): Promise<void> {
  await sql`
    UPDATE directory_users SET leaves_at = leaves_at + ${days}::float8 * interval '1 day'
    WHERE directory_id = ${directoryId} AND leaves_at IS NOT NULL`.execute(tx.db);
}

/** First and last days begin and end at other times: whoever has one is read anew, though it is said as before. */
async function forgetDays(tx: TenantTransaction, directoryId: string): Promise<void> {
  await sql`
    UPDATE directory_users SET fingerprint = NULL
    WHERE directory_id = ${directoryId} AND (starts_at IS NOT NULL OR ends_at IS NOT NULL)`.execute(tx.db);
}

/** What stands already may stay, so that an organization's own administrators can change the rest. */
export function refuseServerFiles({ origin }: TenantTransaction, input: DirectoryInput, known: Json | undefined): void {
  const { kind, config } = input;
  if (origin.actor.kind === 'operator' || !isPulled(kind)) return;
  const found: SourceKind = SOURCE_KINDS[kind];
  if (found.readsServerFiles?.(config) !== true || isDeepStrictEqual(known, config)) return;
  throw new Fault('forbidden', "Only the operator may have the server's own files read.", {
    where: 'config',
    remedy: 'Give an address, or ask the operator.',
  });
}

/** @returns whether they have changed */
async function putSecrets(
  tx: TenantTransaction,
  { settings: { secrets: keys } }: DirectoryDependencies,
  id: string,
  sealed: string | null,
  input: DirectoryInput,
): Promise<boolean> {
  const said = 'secrets' in input ? input.secrets : undefined;
  if (said === undefined || Object.keys(said).length === 0) return false;
  const text = JSON.stringify(said);
  if (sealed !== null && unseal(keys.sealingKeys, secretsPurpose(id), sealed) === text) return false;
  const resealed = seal(keys.sealingKeys, secretsPurpose(id), text);
  await tx.db.updateTable('directories').set({ sealed_secrets: resealed }).where('id', '=', id).execute();
  await record(tx, { action: 'directory.secrets_set', resource: { type: 'directory', id } });
  return true;
}

/**
 * Finds a directory by slug or id.
 * @throws Fault `not-found`
 */
export async function findDirectory(tx: TenantTransaction, slugOrId: string) {
  const directory = await tx.db
    .selectFrom('directories')
    .selectAll()
    .where((is) => is.or([is('slug', '=', slugOrId), is(is.cast<string>('id', 'text'), '=', slugOrId)]))
    .executeTakeFirst();
  if (directory === undefined)
    throw new Fault('not-found', `There is no directory "${slugOrId}".`, { where: 'directory' });
  return directory;
}
