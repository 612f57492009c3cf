/** Where identity providers publish their metadata: how the last reading went, and when the next is due. */
import { sql } from 'kysely';
import type { TenantTransaction } from '../../store/tenant.ts';
import type { Freshness, IdpDescription } from './metadata.ts';
import type { FetchedMetadata } from './metadata-fetch.ts';

export interface MetadataSource {
  readonly url: string;
  readonly readAt: Date | null;
  readonly nextAt: Date;
  /** Why the last reading failed; null: it didn't. */
  readonly failure: string | null;
  readonly waiting: IdpDescription | null;
}

/** Why somebody wants to read now: its time has come, a signature fits no known key, or a person asks. */
export type Occasion = 'due' | 'unknown-key' | 'asked';

const HOUR_MS = 3_600_000;
const USUAL_MS = 12 * HOUR_MS;
const LONGEST_MS = 24 * HOUR_MS;

/** What stands between two readings; a minute, however often a wrong signature comes. */
const CONDITIONS = {
  due: sql`next_at <= now()`,
  'unknown-key': sql`asked_at < now() - interval '1 minute'`,
  asked: sql`true`,
};

/** Keeps what a reading came to; none where the connection is described otherwise. */
export async function keepSource(
  tx: TenantTransaction,
  connectionId: string,
  url: string | null,
  fetched: FetchedMetadata | undefined,
  waiting: IdpDescription | null,
): Promise<void> {
  if (url === null) {
    await tx.db.deleteFrom('saml_metadata_sources').where('connection_id', '=', connectionId).execute();
    return;
  }
  const description = fetched !== undefined && 'description' in fetched ? fetched.description : undefined;
  const failure = fetched !== undefined && 'fault' in fetched ? fetched.fault.message : null;
  const pause = description === undefined ? HOUR_MS : pauseAfter(description, new Date());
  const read = description !== undefined;
  await sql`
    INSERT INTO saml_metadata_sources AS s (organization_id, connection_id, url, read_at, next_at, failure, waiting)
    VALUES (${tx.organizationId}, ${connectionId}, ${url}, CASE WHEN ${read} THEN now() END,
      now() + ${pause} * interval '1 millisecond', ${failure}, ${waiting === null ? null : JSON.stringify(waiting)}::jsonb)
    ON CONFLICT (organization_id, connection_id) DO UPDATE SET url = excluded.url, settled_at = now(), next_at = excluded.next_at,
      read_at = coalesce(excluded.read_at, s.read_at), failure = excluded.failure,
      waiting = CASE WHEN ${read} THEN excluded.waiting ELSE s.waiting END`.execute(tx.db);
}

/** Takes the turn of reading, for ten minutes at most. @returns the address; undefined where it is not the time */
export async function takeTurn(
  tx: TenantTransaction,
  connectionId: string,
  occasion: Occasion,
): Promise<string | undefined> {
  const { rows } = await sql<{ url: string }>`
    UPDATE saml_metadata_sources SET asked_at = now(), next_at = greatest(next_at, now() + interval '10 minutes')
    WHERE connection_id = ${connectionId} AND ${CONDITIONS[occasion]} RETURNING url`.execute(tx.db);
  return rows[0]?.url;
}

/** Whether somebody has taken the turn and is not done. */
export async function isBeingRead(tx: TenantTransaction, connectionId: string): Promise<boolean> {
  const { rows } = await sql`
    SELECT FROM saml_metadata_sources
    WHERE connection_id = ${connectionId} AND asked_at > settled_at AND asked_at > now() - interval '30 seconds'`.execute(
    tx.db,
  );
  return rows.length > 0;
}

/** The sources of an organization's connections, by the connection's id. */
export async function metadataSources(tx: TenantTransaction): Promise<Map<string, MetadataSource>> {
  const { rows } = await sql<MetadataSource & { id: string }>`
    SELECT connection_id AS id, url, read_at AS "readAt", next_at AS "nextAt", failure, waiting FROM saml_metadata_sources
    `.execute(tx.db);
  return new Map(rows.map(({ id, ...source }) => [id, source]));
}

/** How long what was read stands, in milliseconds: as it says itself, but an hour at least and a day at most. */
function pauseAfter({ cacheDuration, validUntil }: Freshness, now: Date): number {
  const untilHalf = validUntil === null ? LONGEST_MS : (validUntil.getTime() - now.getTime()) / 2;
  return Math.max(HOUR_MS, Math.min(cacheDuration ?? USUAL_MS, untilHalf, LONGEST_MS));
}
