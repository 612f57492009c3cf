/** One person, asked for at the sources that state them, and settled at once. */
import { type Selectable, sql } from 'kysely';
import { findPerson } from '../../access/people.ts';
import { record } from '../../audit/record.ts';
import { Fault } from '../../errors.ts';
import type { DirectoryRow } from '../../store/tables.ts';
import { inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';
import { isPulled, openSource } from '../sources/open.ts';
import type { BadRecord, Source, SourceUser } from '../sources/source.ts';
import type { Change } from './changes.ts';
import { fingerprintOf } from './fingerprint.ts';
import { reconcilePeople } from './people.ts';
import { PRESENT } from './present.ts';
import type { RunDependencies } from './run.ts';
import { asOnlyRunner } from './turns.ts';

/** What one source said. */
export interface SourceAnswer {
  readonly directory: string;
  readonly answer: 'found' | 'missing' | 'unusable' | 'not-asked';
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
    const { id, slug: directory, kind } = each.directory;
    const source = openSource(deps, each.directory);
    if (source.readPerson === undefined) {
      const reason = `a source of kind ${kind} can not be asked for one person: run the directory`;
      directories.push({ directory, answer: 'not-asked', reason });
      continue;
    }
    await asOnlyRunner(deps.store.db, id, async () => {
      const said = await (source as Required<Source>).readPerson(each.sourceKey);
      changes.push(...(await inside((tx) => settleAnswer(deps, tx, each, said))));
      directories.push({ directory, ...answerOf(said) });
    });
  }
  return { directories, changes };
}

function answerOf(said: SourceUser | BadRecord | null): Pick<SourceAnswer, 'answer' | 'reason'> {
  if (said === null) return { answer: 'missing', reason: 'the source has nobody of this key' };
  if (said.kind === 'bad') return { answer: 'unusable', reason: said.reason };
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
  said: SourceUser | BadRecord | null,
): Promise<Change[]> {
  const { answer, reason } = answerOf(said);
  await record(tx, {
    action: 'directory.person_read',
    resource: { type: 'directory_user', id: recordId },
    reason: reason ?? '',
    detail: { directory: directory.slug, answer },
  });
  if (said === null) await recordMissing(tx, directory.id, recordId);
  else if (said.kind === 'user') await recordFound(tx, directory.id, recordId, said);
  return reconcilePeople(deps, tx, { directoryUserIds: [recordId] }, 'request');
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
