/**
 * The log of a directory's requests, for whoever sets up the identity provider: what was asked, what was answered, what it changed. Kept
 * for seven days. It is written after the answer, many requests in one statement, so that it costs the request nothing.
 */
import { type Insertable, type Kysely, sql } from 'kysely';
import type { Log } from '../../log.ts';
import { locateOrganizations } from '../../store/locate.ts';
import type { ScimRequestRow, Tables } from '../../store/tables.ts';
import { inTenant, isId, type Origin, type TenantTransaction } from '../../store/tenant.ts';

type Db = Kysely<Tables>;
export type LoggedRequest = Omit<Insertable<ScimRequestRow>, 'id'>;

const LOGGER: Origin = { actor: { kind: 'system', id: 'scim-log', label: 'request log' } };
const PAUSE_MS = 250;
/** Beyond this many waiting ones the oldest are let go: a log must not take the memory of the server. */
const MOST_WAITING = 5_000;

/** Takes requests in, and writes them to the database a few times a second. */
export class RequestLog {
  readonly #db: Db;
  readonly #log: Log;
  #waiting: LoggedRequest[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(db: Db, log: Log) {
    this.#db = db;
    this.#log = log;
  }

  add(request: LoggedRequest): void {
    if (this.#waiting.length >= MOST_WAITING) this.#waiting.shift();
    this.#waiting.push(request);
    this.#timer ??= setTimeout(() => void this.#write(), PAUSE_MS);
  }

  async #write(): Promise<void> {
    const written = this.#waiting;
    this.#waiting = [];
    this.#timer = undefined;
    for (const [organizationId, requests] of Map.groupBy(written, (request) => request.organization_id)) {
      try {
        await inTenant(this.#db, organizationId, LOGGER, (tx) => insertAll(tx, requests));
      } catch (error) {
        this.#log.warn({ error, requests: requests.length }, 'SCIM requests could not be logged');
      }
    }
  }
}

async function insertAll(tx: TenantTransaction, requests: readonly LoggedRequest[]): Promise<void> {
  // A directory may be deleted in the meantime; and the log may be late, it need not wait for the disk.
  await sql`SET LOCAL synchronous_commit = off`.execute(tx.db);
  await sql`
    INSERT INTO scim_requests (organization_id, directory_id, at, request_id, address, token_id, method, path, status, took_ms, outcome,
      told, request, answer)
    SELECT r.* FROM jsonb_to_recordset(${JSON.stringify(requests)}::jsonb) AS r(organization_id uuid, directory_id uuid, at timestamptz,
      request_id text, address text, token_id uuid, method text, path text, status smallint, took_ms integer, outcome text, told jsonb,
      request text, answer text)
    JOIN directories d ON d.id = r.directory_id`.execute(tx.db);
}

export interface ShownRequest {
  readonly id: string;
  readonly at: Date;
  readonly requestId: string;
  readonly address: string | null;
  readonly token: string | null;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly tookMs: number;
  readonly outcome: ScimRequestRow['outcome'];
  readonly changed: readonly string[];
  readonly ignored: readonly string[];
  readonly because: string | null;
  readonly request: string | null;
  readonly answer: string | null;
}

/** A directory's requests, newest first, from before a given one on. */
export async function listRequests(
  tx: TenantTransaction,
  directoryId: string,
  {
    before,
    outcome,
    limit = 100,
  }: { before?: string | undefined; outcome?: string | undefined; limit?: number | undefined },
): Promise<ShownRequest[]> {
  const earlier = before === undefined || !isId(before) ? null : before;
  const { rows } = await sql<ShownRequest>`
    SELECT r.id, r.at, r.request_id AS "requestId", r.address, r.token_id AS token, r.method, r.path, r.status, r.took_ms AS "tookMs",
      r.outcome, r.told -> 'changed' AS changed, r.told -> 'ignored' AS ignored, r.told ->> 'because' AS because, r.request, r.answer
    FROM scim_requests r LEFT JOIN scim_requests b ON b.directory_id = r.directory_id AND b.id = ${earlier}::uuid
    WHERE r.directory_id = ${directoryId} AND (${earlier}::uuid IS NULL OR (r.at, r.id) < (b.at, b.id))
      AND (${outcome ?? null}::text IS NULL OR r.outcome = ${outcome ?? null})
    ORDER BY r.at DESC, r.id DESC LIMIT ${limit}`.execute(tx.db);
  return rows;
}

/** Lets go of what is older than seven days; for the clock. */
export async function sweepRequestLog({ store: { db } }: { readonly store: { readonly db: Db } }): Promise<void> {
  for (const organizationId of await locateOrganizations(db)) {
    await inTenant(db, organizationId, LOGGER, (tx) =>
      sql`DELETE FROM scim_requests WHERE directory_id IN (SELECT id FROM directories) AND at < now() - interval '7 days'`.execute(
        tx.db,
      ),
    );
  }
}
