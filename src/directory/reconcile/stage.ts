/** Writes what a source says into the run's staging rows, in batches of a few thousand. */
import { createHash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../../store/tables.ts';
import { inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';
import type { Source, SourceUser } from '../sources/source.ts';

const BATCH = 2000;

export interface StagingRequest {
  readonly organizationId: string;
  readonly directoryId: string;
  readonly origin: Origin;
  readonly onProgress?: (records: number) => void;
}

/** Stages everybody; gives the number of records. */
export async function stage(
  db: Kysely<Tables>,
  request: StagingRequest,
  runId: string,
  source: Source,
): Promise<number> {
  let batch: SourceUser[] = [];
  let total = 0;
  const flush = async () => {
    const full = batch;
    batch = [];
    await inTenant(db, request.organizationId, request.origin, (tx) =>
      writeBatch(tx, request.directoryId, runId, full),
    );
    total += full.length;
    request.onProgress?.(total);
  };
  for await (const user of source.users()) {
    batch.push(user);
    if (batch.length >= BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  return total;
}

async function writeBatch(
  tx: TenantTransaction,
  directoryId: string,
  runId: string,
  users: readonly SourceUser[],
): Promise<void> {
  const rows = JSON.stringify(users.map((user) => ({ ...user, fingerprint: fingerprintOf(user) })));
  // A person is in from the first moment of the first day to the last moment of the last day, where the directory is.
  await sql`
    INSERT INTO staged_users (organization_id, run_id, source_key, external_id, user_name, email, display_name, active, starts_at,
      ends_at, attributes, fingerprint)
    SELECT ${tx.organizationId}::uuid, ${runId}::uuid, u."sourceKey", u."externalId", u."userName", u.email, u."displayName", u.active,
      u."startsOn"::timestamp AT TIME ZONE d.time_zone, (u."endsOn" + 1)::timestamp AT TIME ZONE d.time_zone, u.attributes, u.fingerprint
    FROM jsonb_to_recordset(${rows}::jsonb) AS u("sourceKey" text, "externalId" text, "userName" text, email text,
      "displayName" text, active boolean, "startsOn" date, "endsOn" date, attributes jsonb, fingerprint uuid)
    JOIN directories d ON d.id = ${directoryId}`.execute(tx.db);
  const members = users.flatMap((user) =>
    user.groups.map((group) => ({ group, key: group.toLowerCase(), user: user.sourceKey })),
  );
  if (members.length === 0) return;
  await sql`
    INSERT INTO staged_members (organization_id, run_id, group_key, group_name, user_key)
    SELECT ${tx.organizationId}::uuid, ${runId}::uuid, m.key, m."group", m."user"
    FROM jsonb_to_recordset(${JSON.stringify(members)}::jsonb) AS m("group" text, key text, "user" text)
    ON CONFLICT DO NOTHING`.execute(tx.db);
}

/** 128 bits over everything a record says, as a uuid: the smallest thing that Postgres compares well. */
function fingerprintOf({ groups: _, ...user }: SourceUser): string {
  const hex = createHash('sha256').update(JSON.stringify(user)).digest('hex');
  return hex.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
