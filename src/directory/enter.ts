/** How a source comes in: with its directory's token, proven in the very transaction that does its work. */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { record } from '../audit/record.ts';
import { hashOf } from '../credentials/sealing.ts';
import { Fault } from '../errors.ts';
import { locateDirectory } from '../store/locate.ts';
import { prepared } from '../store/prepared.ts';
import type { Tables } from '../store/tables.ts';
import { inTenant, isId, type Origin, type TenantTransaction } from '../store/tenant.ts';

type Db = Kysely<Tables>;

/** What a request presents; whether it is worth anything is found when it enters. */
export interface Presented {
  readonly directoryId: string;
  readonly tokenHash: Buffer;
}

/** Tells one presented token from another, for what is remembered of it. */
export function keyOf({ directoryId, tokenHash }: Presented): string {
  return `${directoryId} ${tokenHash.toString('base64url')}`;
}

/** A directory that has proven itself. */
export interface EnteredDirectory {
  readonly organizationId: string;
  readonly directoryId: string;
  readonly tokenId: string;
  /** Name of the organization's access model. */
  readonly model: string;
}

/** Who comes in to do what: `directory` writes beside others, but not beside a run that has the organization to itself. */
export type EntryRole = 'reader' | 'directory' | 'system';

export interface Caller {
  readonly requestId?: string;
  readonly address?: string | undefined;
}

/** @returns undefined where there is no token, or no such directory can be */
export function presented(directoryId: string, token: string | undefined): Presented | undefined {
  return token === undefined || !isId(directoryId) ? undefined : { directoryId, tokenHash: hashOf(token) };
}

/**
 * Runs `work` in one transaction inside a directory's organization. The token is looked at in the same statement that opens it, so a
 * revoked one ends at once.
 * @throws Fault `unauthenticated` where the token is not valid for the directory
 */
export function inDirectory<T>(
  db: Db,
  { directoryId, tokenHash }: Presented,
  caller: Caller,
  role: EntryRole,
  work: (tx: TenantTransaction, directory: EnteredDirectory) => Promise<T>,
): Promise<T> {
  return db.transaction().execute(async (transaction) => {
    // Literals (an id, a digest, a word of ours), so that it goes out together with the transaction's beginning.
    const given = [directoryId, `\\x${tokenHash.toString('hex')}`, role].map((each) => sql.lit(each));
    const { rows } = await sql<{ organization_id: string; slug: string; model: string; token_id: string }>`
      SELECT * FROM enter_directory(${sql.join(given)})`.execute(transaction);
    const [found] = rows;
    if (found === undefined) throw unauthenticated();
    const { organization_id: organizationId, slug, model, token_id: tokenId } = found;
    const origin: Origin = { ...caller, actor: { kind: 'directory', id: directoryId, label: slug } };
    return work({ db: transaction, organizationId, origin }, { organizationId, directoryId, tokenId, model });
  });
}

/**
 * Asks one question of a directory, in one statement that enters first: row-level security lets it see nothing before that.
 * @param question a SELECT over the directory whose id is `ENTERED`
 * @param usual whether its text is the program's own, to be planned once
 * @throws Fault `unauthenticated` where the token is not valid for the directory
 */
export async function askDirectory<Row>(
  db: Db,
  { directoryId, tokenHash }: Presented,
  question: RawBuilder<Row>,
  usual: boolean,
): Promise<(Row | Nothing)[]> {
  // OFFSET 0 and the reference to what was entered keep the order: enter, then look.
  const asking = sql<Row | Nothing>`
    SELECT answer.* FROM enter_directory(${directoryId}::uuid, ${tokenHash}::bytea, 'reader') AS entered
    LEFT JOIN LATERAL (SELECT * FROM (${question}) AS asked OFFSET 0) AS answer ON true`;
  const { rows } = await (usual ? prepared(asking) : asking).execute(db);
  if (rows.length === 0) throw unauthenticated();
  return rows;
}

/** The id of the directory that a question has entered. */
export const ENTERED: RawBuilder<unknown> = sql`entered.directory_id`;

/** The row of an answer that has none. */
export interface Nothing {
  readonly id: null;
}

/** To everybody who has not proven to be the directory, all directories look alike, those that exist and those that do not. */
export function unauthenticated(): Fault {
  return new Fault('unauthenticated', 'This needs a valid token of this directory.', {
    remedy: 'Send it as "Authorization: Bearer ...".',
  });
}

/** Audits a refused entry: one event per address and minute, for whoever hammers at the door shall not fill the audit. */
export async function recordRefusal(db: Db, directoryId: string, reason: string, caller: Caller): Promise<void> {
  const organizationId = await locateDirectory(db, directoryId);
  if (organizationId === undefined) return;
  const origin: Origin = { ...caller, actor: { kind: 'directory', id: directoryId, label: 'unrecognised' } };
  await inTenant(db, organizationId, origin, async (tx) => {
    const recent = await tx.db
      .selectFrom('audit_events')
      .select('id')
      .where('resource_type', '=', 'directory')
      .where('resource_id', '=', directoryId)
      .where('action', '=', 'scim.refused')
      .where('reason', '=', reason)
      .where('address', 'is not distinct from', caller.address ?? null)
      .where('at', '>', sql<Date>`now() - interval '1 minute'`)
      .limit(1)
      .executeTakeFirst();
    if (recent !== undefined) return;
    const resource = { type: 'directory', id: directoryId };
    await record(tx, { action: 'scim.refused', resource, outcome: 'denied', reason });
  });
}
