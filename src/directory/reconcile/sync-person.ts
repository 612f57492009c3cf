/** One person, asked for at the sources that state them, and settled at once. */
import { type Selectable, sql } from 'kysely';
import { findPerson } from '../../access/people.ts';
import { record } from '../../audit/record.ts';
import { Fault } from '../../errors.ts';
import type { DirectoryRow } from '../../store/tables.ts';
import { inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';
import { isPulled, openSource } from '../sources/open.ts';
import { askFor, type Said } from '../sources/seek.ts';
import type { SourceUser } from '../sources/source.ts';
import type { Change } from './changes.ts';
import { fingerprintOf } from './fingerprint.ts';
import { guardSettings } from './guard.ts';
import { reconcilePeople } from './people.ts';
import { PRESENT } from './present.ts';
import type { RunDependencies } from './run.ts';
import { countPeople } from './run-progress.ts';
import { asOnlyRunner } from './turns.ts';

/** What one source said. */
export interface SourceAnswer {
  readonly directory: string;
  readonly answer: 'found' | 'missing' | 'unusable';
  readonly reason: string | null;
}

export interface SyncedPerson {
  readonly directories: SourceAnswer[];
  readonly changes: Change[];
}

interface Stated {
  readonly directory: Selectable<DirectoryRow>;
  readonly recordId: string;
  readonly sourceKey: string;
}

/**
 * Asks every pulled directory that has a record of a person for that record. Their groups stay as they were last read.
 * @throws Fault `not-found`; `conflict` where no directory is pulled for them; `run-in-progress`; what the source fails with
 */
export async function syncPerson(
  deps: RunDependencies,
  { organizationId, origin }: { readonly organizationId: string; readonly origin: Origin },
  emailOrId: string,
): Promise<SyncedPerson> {
  const inside = <T>(work: (tx: TenantTransaction) => Promise<T>) =>
    inTenant(deps.store.db, organizationId, origin, work);
  const stated = await inside((tx) => statedBy(tx, emailOrId));
  const directories: SourceAnswer[] = [];
  const changes: Change[] = [];
  for (const each of stated) {
    const { id, slug: directory } = each.directory;
    const source = openSource(deps, each.directory);
    await asOnlyRunner(deps.store.db, id, async () => {
      const said = await askFor(source, each.sourceKey);
      changes.push(...(await inside((tx) => settleAnswer(deps, tx, each, said))));
      directories.push({ directory, ...answerOf(said) });
    });
  }
  return { directories, changes };
}

function answerOf({ person }: Said): Pick<SourceAnswer, 'answer' | 'reason'> {
  if (person === null) return { answer: 'missing', reason: 'the source has nobody of this key' };
  if (person.kind === 'bad') return { answer: 'unusable', reason: person.reason };
  return { answer: 'found', reason: null };
}

async function statedBy(tx: TenantTransaction, emailOrId: string): Promise<Stated[]> {
  const person = await findPerson(tx, emailOrId);
  const rows = await tx.db
    .selectFrom('directory_users as r')
    .innerJoin('directories as d', 'd.id', 'r.directory_id')
    .selectAll('d')
    .select(['r.id as recordId', 'r.source_key as sourceKey'])
    .where('r.user_id', '=', person.id)
    .orderBy('d.slug')
    .execute();
  const stated = rows.flatMap(({ recordId, sourceKey, ...directory }) =>
    isPulled(directory.kind) ? [{ directory, recordId, sourceKey }] : [],
  );
  if (stated.length > 0) return stated;
  throw new Fault('conflict', 'No directory that is pulled knows this person.', {
    remedy: 'Settle them from what is known: POST .../people/:user/reconcile.',
  });
}

async function settleAnswer(
  deps: RunDependencies,
  tx: TenantTransaction,
  { directory, recordId }: Stated,
  said: Said,
): Promise<Change[]> {
  await refuseShrunken(tx, directory, said);
  const { answer, reason } = answerOf(said);
  await record(tx, {
    action: 'directory.person_read',
    resource: { type: 'directory_user', id: recordId },
    reason: reason ?? '',
    detail: { directory: directory.slug, answer },
  });
  if (said.person === null) await recordMissing(tx, directory.id, recordId);
  else if (said.person.kind === 'user') await recordFound(tx, directory.id, recordId, said.person);
  return reconcilePeople(deps, tx, { directoryUserIds: [recordId] }, 'request');
}

/** Whoever is missing where many are is not held to have left: as a run's guard has it. */
async function refuseShrunken(
  tx: TenantTransaction,
  { id, guards }: Selectable<DirectoryRow>,
  { person, people }: Said,
): Promise<void> {
  if (person !== null || people === null) return;
  const former = await countPeople(tx, id);
  const { maxFeedShrink, shareAppliesAbove } = guardSettings.parse(guards);
  if (people > 0 && former - people <= Math.max(shareAppliesAbove, maxFeedShrink * former)) return;
  throw new Fault(
    'invalid-feed',
    `The source names ${people} people, the last run had ${former}; nothing was changed.`,
    {
      remedy: 'Run the directory: its plan waits for a person to look at it.',
    },
  );
}

async function recordFound(
  tx: TenantTransaction,
  directoryId: string,
  recordId: string,
  user: SourceUser,
): Promise<void> {
  // Groups that the record itself says are a run's to write; without a fingerprint, the next one does not take it for unchanged.
  const fingerprint = user.groups.length > 0 ? null : fingerprintOf(user);
  await sql`
    UPDATE directory_users d SET external_id = ${user.externalId}, user_name = ${user.userName}, email = ${user.email},
      display_name = ${user.displayName}, active = ${user.active},
      starts_at = ${user.startsOn}::date::timestamp AT TIME ZONE coalesce(${user.timeZone ?? null}::text, o.time_zone),
      ends_at = (${user.endsOn}::date + 1)::timestamp AT TIME ZONE coalesce(${user.timeZone ?? null}::text, o.time_zone),
      attributes = ${JSON.stringify(user.attributes)}::jsonb, fingerprint = ${fingerprint}::uuid,
      leaves_at = NULL, deleted_at = NULL, updated_at = now(), version = version + 1
    FROM directories o WHERE o.id = ${directoryId} AND d.directory_id = o.id AND d.id = ${recordId}
      AND ((d.fingerprint = ${fingerprint}::uuid) IS NOT TRUE OR d.leaves_at IS NOT NULL OR d.deleted_at IS NOT NULL)`.execute(
    tx.db,
  );
}

/** As a run has it: whoever is in today has the days of grace, of which those that have gone by are not given again. */
async function recordMissing(tx: TenantTransaction, directoryId: string, recordId: string): Promise<void> {
  const waits = sql`(o.grace_days > 0 AND ${PRESENT})`;
  await sql`
    UPDATE directory_users d SET active = d.active AND ${waits},
      leaves_at = CASE WHEN ${waits} THEN coalesce(d.leaves_at, now() + o.grace_days * interval '1 day') END,
      deleted_at = CASE WHEN NOT ${waits} THEN now() END, updated_at = now(), version = version + 1
    FROM directories o WHERE o.id = ${directoryId} AND d.directory_id = o.id AND d.id = ${recordId} AND d.deleted_at IS NULL`.execute(
    tx.db,
  );
}
