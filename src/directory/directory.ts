/** Directories: the sources of people and groups that an organization has. */
import { z } from 'zod';
import { Fault } from '../errors.ts';
import { isSchedule } from '../jobs/clock.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { type Put, putRow } from '../tenancy/put.ts';
import { displayName, slug } from '../tenancy/slug.ts';
import { timeZone } from '../tenancy/time-zone.ts';
import { guardSettings } from './reconcile/guard.ts';
import { csvSettings } from './sources/csv.ts';

const common = {
  slug,
  name: displayName.optional(),
  timeZone: timeZone.default('UTC'),
  guards: guardSettings.partial().default({}),
};

/** What an administrator says of a directory. Login directories come with their connection. */
export const directoryInput = z.discriminatedUnion('kind', [
  z.strictObject({
    ...common,
    kind: z.literal('csv'),
    config: csvSettings,
    schedule: z.string().refine(isSchedule, 'is not a cron expression such as "0 3 * * *"').nullable().default(null),
  }),
  z.strictObject({ ...common, kind: z.literal('scim'), config: z.strictObject({}).default({}) }),
]);

export type DirectoryInput = z.output<typeof directoryInput>;

/** Creates or updates a directory. */
export async function putDirectory(tx: TenantTransaction, input: DirectoryInput): Promise<Put> {
  const known = await tx.db.selectFrom('directories').select('kind').where('slug', '=', input.slug).executeTakeFirst();
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
  return putRow(
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
      schedule: input.kind === 'csv' ? input.schedule : null,
    },
  );
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
