/** Writes what a source says into the run's staging rows, in batches bounded by what they take in memory. */
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../../store/tables.ts';
import { inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';
import type { Reading, SourceRecord, SourceUser } from '../sources/source.ts';
import { fingerprintOf } from './fingerprint.ts';
import { lastWord } from './last-word.ts';
import { stageSame } from './same.ts';
import { holdStaging } from './turns.ts';

const BATCH = 5000;
/** As JSON, and about; two batches are held at once. */
const BATCH_BYTES = 4 * 1024 * 1024;
/** People; oftener than a batch is full, for a source may be slow. */
const TOLD_EVERY = 1000;

export interface StagingRequest {
  readonly organizationId: string;
  readonly directoryId: string;
  readonly origin: Origin;
  readonly onProgress?: (records: number) => void;
}

type OfKind<K extends SourceRecord['kind']> = Extract<SourceRecord, { kind: K }>;

/** Stages a whole reading. @returns the number of people named */
export async function stage(
  db: Kysely<Tables>,
  request: StagingRequest,
  runId: string,
  { records, extent, journal = extent === 'changes' }: Reading,
): Promise<number> {
  let batch: SourceRecord[] = [];
  let bytes = 0;
  let people = 0;
  // While one batch is written the next is read.
  let writing = Promise.resolve();
  const flush = async () => {
    const full = batch;
    batch = [];
    bytes = 0;
    await writing;
    writing = write(full);
    // It is awaited before the next one; until then its failure waits, too.
    writing.catch(() => undefined);
  };
  const write = async (full: SourceRecord[]) => {
    await inTenant(db, request.organizationId, request.origin, async (tx) => {
      await holdStaging(tx, runId);
      const rest = journal ? full : await withoutSame(tx, request, runId, full);
      if (rest.length > 0) await writeBatch(tx, request, runId, rest, journal);
    });
  };
  try {
    for await (const record of records) {
      batch.push(record);
      if (record.kind === 'user') {
        bytes += JSON.stringify(record.attributes).length;
        people += 1;
        if (people % TOLD_EVERY === 0) request.onProgress?.(people);
      }
      if (batch.length >= BATCH || bytes >= BATCH_BYTES) await flush();
    }
    request.onProgress?.(people);
    await flush();
  } finally {
    await writing;
  }
  return people;
}

/** A journal is taken in its order; of anything else, what was said last time need not be written again. */
async function withoutSame(
  tx: TenantTransaction,
  { directoryId }: StagingRequest,
  runId: string,
  records: readonly SourceRecord[],
): Promise<readonly SourceRecord[]> {
  const users = records.filter((each): each is OfKind<'user'> => each.kind === 'user');
  if (users.length === 0) return records;
  const others = await stageSame(tx, runId, directoryId, users);
  return records.filter((each) => each.kind !== 'user' || others.has(each));
}

async function writeBatch(
  tx: TenantTransaction,
  { directoryId }: StagingRequest,
  runId: string,
  records: readonly SourceRecord[],
  journal: boolean,
): Promise<void> {
  const of = <K extends SourceRecord['kind']>(kind: K) =>
    records.filter((each): each is OfKind<K> => each.kind === kind);
  const { users, sayingGroups, groups, gone, links } = lastWord(records);
  const restated = sayingGroups.filter(({ groupsWhole }) => groupsWhole === true);
  if (users.length > 0) await writeUsers(tx, directoryId, runId, users, journal);
  await writeBad(tx, runId, of('bad'));
  await writeGone(
    tx,
    runId,
    restated.map(({ sourceKey }) => ({ what: 'memberships', key: sourceKey, member: '' })),
  );
  const stated = sayingGroups.flatMap((user) => user.groups.map((name) => ({ key: name.toLowerCase(), name, user })));
  const named = stated.map(({ key, name }) => ({ key, name, ofPeople: true }));
  const told = groups.map(({ groupKey, name }) => ({ key: groupKey, name, ofPeople: false }));
  await writeGroups(tx, runId, [...told, ...named], journal);
  await writeLinks(tx, runId, [
    ...stated.map(({ key, user }) => ({ group: key, member: user.sourceKey, memberIs: 'user' })),
    ...links.flatMap((link) =>
      link.kind === 'member' ? [{ group: link.groupKey, member: link.memberKey, memberIs: link.memberIs }] : [],
    ),
  ]);
  await writeAliases(tx, runId, of('alias'));
  await writeGone(tx, runId, [
    ...gone.map(({ what, key }) => ({ what, key, member: '' })),
    ...links.flatMap((link) =>
      link.kind === 'no-member' ? [{ what: 'member', key: link.groupKey, member: link.memberKey }] : [],
    ),
    ...groups.flatMap(({ groupKey, whole }) => (whole ? [{ what: 'members', key: groupKey, member: '' }] : [])),
  ]);
}

/** A person is in from the first moment of the first day to the last moment of the last day, where they are, else where the directory is. */
async function writeUsers(
  tx: TenantTransaction,
  directoryId: string,
  runId: string,
  users: readonly SourceUser[],
  journal: boolean,
): Promise<void> {
  const rows = JSON.stringify(users.map((user, at) => ({ ...user, at, fingerprint: fingerprintOf(user) })));
  // In a journal the later of two is right; else nobody can say which.
  const conflict = !journal
    ? sql`DO NOTHING`
    : sql`DO UPDATE SET source_key = excluded.source_key, external_id = excluded.external_id, user_name = excluded.user_name,
        email = excluded.email, display_name = excluded.display_name, active = excluded.active, starts_at = excluded.starts_at,
        ends_at = excluded.ends_at, attributes = excluded.attributes, fingerprint = excluded.fingerprint, found_at = excluded.found_at`;
  await sql`
    WITH given AS (
      SELECT u.* FROM jsonb_to_recordset(${rows}::jsonb) AS u("sourceKey" text, "externalId" text, "userName" text, email text,
        "displayName" text, active boolean, "startsOn" date, "endsOn" date, "timeZone" text, attributes jsonb, fingerprint uuid, "where" text, at integer)
    ), one AS (
      SELECT DISTINCT ON (lower("sourceKey")) * FROM given ORDER BY lower("sourceKey"), CASE WHEN ${journal} THEN -at ELSE at END
    ), back AS (
      DELETE FROM staged_gone x USING one WHERE x.run_id = ${runId} AND x.what = 'user' AND x.key = one."sourceKey"
    ), staged AS (
      INSERT INTO staged_users (organization_id, run_id, source_key, external_id, user_name, email, display_name, active, starts_at,
        ends_at, attributes, fingerprint, found_at)
      SELECT ${tx.organizationId}::uuid, ${runId}::uuid, u."sourceKey", u."externalId", u."userName", u.email, u."displayName", u.active,
        u."startsOn"::timestamp AT TIME ZONE coalesce(u."timeZone", d.time_zone),
        (u."endsOn" + 1)::timestamp AT TIME ZONE coalesce(u."timeZone", d.time_zone), u.attributes,
        u.fingerprint, u."where"
      FROM one u JOIN directories d ON d.id = ${directoryId}
      ON CONFLICT (organization_id, run_id, folded) ${conflict} RETURNING folded, found_at
    )
    INSERT INTO staged_bad (organization_id, run_id, folded, found_at, reason)
    SELECT ${tx.organizationId}::uuid, ${runId}::uuid, lower(g."sourceKey"), g."where",
      'the id ' || g."sourceKey" || ' is at ' || coalesce(s.found_at,
        -- Looked up for those few, for a join would read all that was staged before, with every batch.
        (SELECT found_at FROM staged_users earlier WHERE earlier.run_id = ${runId} AND earlier.folded = lower(g."sourceKey"))) || ' too'
    FROM given g
    LEFT JOIN staged s ON s.folded = lower(g."sourceKey")
    WHERE NOT ${journal} AND (s.folded IS NULL OR g.at NOT IN (SELECT at FROM one))`.execute(tx.db);
}

async function writeBad(tx: TenantTransaction, runId: string, bad: readonly OfKind<'bad'>[]): Promise<void> {
  if (bad.length === 0) return;
  await sql`
    INSERT INTO staged_bad (organization_id, run_id, folded, found_at, reason)
    SELECT ${tx.organizationId}::uuid, ${runId}::uuid, lower(b."sourceKey"), b."where", b.reason
    FROM jsonb_to_recordset(${JSON.stringify(bad)}::jsonb) AS b("sourceKey" text, "where" text, reason text)`.execute(
    tx.db,
  );
}

async function writeGroups(
  tx: TenantTransaction,
  runId: string,
  groups: readonly { key: string; name: string; ofPeople: boolean }[],
  journal: boolean,
): Promise<void> {
  if (groups.length === 0) return;
  await sql`
    WITH given AS (
      SELECT g.key, min(g.name) AS name, bool_and(g."ofPeople") AS of_people
      FROM jsonb_to_recordset(${JSON.stringify(groups)}::jsonb) AS g(key text, name text, "ofPeople" boolean) GROUP BY g.key
    ), back AS (
      DELETE FROM staged_gone x USING given WHERE x.run_id = ${runId} AND x.what = 'group' AND x.key = given.key
    )
    INSERT INTO staged_groups AS s (organization_id, run_id, group_key, name, of_people)
    SELECT ${tx.organizationId}::uuid, ${runId}::uuid, key, name, of_people FROM given
    ON CONFLICT (organization_id, run_id, group_key) DO UPDATE SET of_people = s.of_people AND excluded.of_people,
      name = CASE WHEN ${journal} THEN excluded.name ELSE least(s.name, excluded.name) END
      WHERE ${journal} OR s.name > excluded.name OR s.of_people > excluded.of_people`.execute(tx.db);
}

interface Link {
  readonly group: string;
  readonly member: string;
  readonly memberIs: string;
}

async function writeLinks(tx: TenantTransaction, runId: string, links: readonly Link[]): Promise<void> {
  if (links.length === 0) return;
  await sql`
    WITH given AS (
      SELECT DISTINCT ON (l."group", l.member) * FROM jsonb_to_recordset(${JSON.stringify(links)}::jsonb)
        AS l("group" text, member text, "memberIs" text) ORDER BY l."group", l.member
    ), back AS (
      DELETE FROM staged_gone g USING given WHERE g.run_id = ${runId} AND g.what = 'member' AND g.key = given."group"
        AND g.member_key = given.member
    )
    INSERT INTO staged_links (organization_id, run_id, group_key, member_key, member_is)
    SELECT ${tx.organizationId}::uuid, ${runId}::uuid, "group", member, "memberIs" FROM given ON CONFLICT DO NOTHING`.execute(
    tx.db,
  );
}

async function writeAliases(tx: TenantTransaction, runId: string, aliases: readonly OfKind<'alias'>[]): Promise<void> {
  if (aliases.length === 0) return;
  await sql`
    INSERT INTO staged_aliases (organization_id, run_id, alias, key, is_a)
    SELECT ${tx.organizationId}::uuid, ${runId}::uuid, a.alias, a.key, a."of"
    FROM jsonb_to_recordset(${JSON.stringify(aliases)}::jsonb) AS a(alias text, key text, "of" text) ON CONFLICT DO NOTHING`.execute(
    tx.db,
  );
}

async function writeGone(
  tx: TenantTransaction,
  runId: string,
  gone: readonly { what: string; key: string; member: string }[],
): Promise<void> {
  if (gone.length === 0) return;
  await sql`
    WITH given AS (
      SELECT DISTINCT * FROM jsonb_to_recordset(${JSON.stringify(gone)}::jsonb) AS g(what text, key text, member text)
    ), links AS (
      DELETE FROM staged_links l USING given g WHERE l.run_id = ${runId} AND g.what = 'member' AND l.group_key = g.key
        AND l.member_key = g.member
    ), memberships AS (
      DELETE FROM staged_links l USING given g WHERE l.run_id = ${runId} AND g.what = 'memberships' AND l.member_key = g.key
        AND l.member_is = 'user'
    ), users AS (
      DELETE FROM staged_users u USING given g
      WHERE u.run_id = ${runId} AND g.what = 'user' AND u.folded = lower(g.key) AND u.source_key = g.key
    ), groups AS (
      DELETE FROM staged_groups s USING given g WHERE s.run_id = ${runId} AND g.what = 'group' AND s.group_key = g.key
    )
    INSERT INTO staged_gone (organization_id, run_id, what, key, member_key)
    SELECT ${tx.organizationId}::uuid, ${runId}::uuid, what, key, member FROM given ON CONFLICT DO NOTHING`.execute(
    tx.db,
  );
}
