/**
 * Bearer tokens with which a source writes into its own directory. Stored as a hash, shown once; at most two are valid at a time,
 * so that one can be exchanged while the other still works (directory, SCIM server).
 */
import { type Kysely, sql } from 'kysely';
import { record } from '../audit/record.ts';
import { hashOf, randomSecret } from '../credentials/sealing.ts';
import { Fault } from '../errors.ts';
import { locateDirectory } from '../store/locate.ts';
import type { Tables } from '../store/tables.ts';
import { type Actor, inTenant, isId, type Origin, type TenantTransaction } from '../store/tenant.ts';

const VALID_AT_A_TIME = 2;

/** A directory that has proven itself with its token. */
export interface KnownDirectory {
  readonly organizationId: string;
  readonly directoryId: string;
  readonly actor: Actor;
}

/**
 * Issues a token for a directory that is written to by its source.
 * @param expiresAt when it ends by itself; null for never
 * @returns the token, which nobody can read again, and its id
 * @throws Fault `not-found`, or `conflict` where the directory is pulled, or has two valid tokens already
 */
export async function issueDirectoryToken(
  tx: TenantTransaction,
  directoryId: string,
  expiresAt: Date | null = null,
): Promise<{ token: string; id: string }> {
  await lockPushedDirectory(tx, directoryId);
  const valid = (await listDirectoryTokens(tx, directoryId)).filter((token) => token.valid);
  if (valid.length >= VALID_AT_A_TIME) {
    throw new Fault('conflict', `This directory has ${VALID_AT_A_TIME} valid tokens already.`, {
      remedy: 'Revoke the one that is no longer in use.',
    });
  }
  const token = `dbscim_${randomSecret()}`;
  const { id } = await tx.db
    .insertInto('directory_tokens')
    .values({
      organization_id: tx.organizationId,
      directory_id: directoryId,
      token_hash: hashOf(token),
      expires_at: expiresAt,
      last_used_at: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await recordToken(tx, 'directory_token.issued', id, directoryId);
  return { token, id };
}

/**
 * Ends a token at once.
 * @throws Fault `not-found`
 */
export async function revokeDirectoryToken(tx: TenantTransaction, directoryId: string, id: string): Promise<void> {
  const revoked = isId(id)
    ? await tx.db
        .deleteFrom('directory_tokens')
        .where('directory_id', '=', directoryId)
        .where('id', '=', id)
        .returning('id')
        .executeTakeFirst()
    : undefined;
  if (revoked === undefined) throw new Fault('not-found', 'This directory has no such token.', { where: 'token' });
  await recordToken(tx, 'directory_token.revoked', id, directoryId);
}

/** The tokens of a directory, newest first, without their secrets. */
export async function listDirectoryTokens(tx: TenantTransaction, directoryId: string) {
  const rows = await tx.db
    .selectFrom('directory_tokens')
    .select([
      'id',
      'created_at',
      'expires_at',
      'last_used_at',
      sql<boolean>`coalesce(expires_at > now(), true)`.as('valid'),
    ])
    .where('directory_id', '=', directoryId)
    .orderBy('created_at', 'desc')
    .execute();
  return rows.map((row) => ({
    id: row.id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
    valid: row.valid,
  }));
}

/**
 * Recognises a directory by its id and token, and remembers the use (to the minute).
 * @param origin request id and address, for the audit of a refusal; who it is, is found here
 * @returns undefined where the directory does not exist or the token is not valid for it; the latter is audited
 */
export async function authenticateDirectory(
  db: Kysely<Tables>,
  directoryId: string,
  token: string | undefined,
  origin: Omit<Origin, 'actor'> = {},
): Promise<KnownDirectory | undefined> {
  const organizationId = await locateDirectory(db, directoryId);
  if (organizationId === undefined) return undefined;
  const asNobody: Origin = { ...origin, actor: { kind: 'directory', id: directoryId, label: 'unrecognised' } };
  return inTenant(db, organizationId, asNobody, async (tx) => {
    const slug = token === undefined ? undefined : await slugOfToken(tx, directoryId, token);
    if (slug === undefined) {
      await recordRefusal(tx, directoryId, token === undefined ? 'no token' : 'token not valid for this directory');
      return undefined;
    }
    return { organizationId, directoryId, actor: { kind: 'directory', id: directoryId, label: slug } };
  });
}

async function slugOfToken(tx: TenantTransaction, directoryId: string, token: string): Promise<string | undefined> {
  const found = await tx.db
    .selectFrom('directory_tokens as t')
    .innerJoin('directories as d', 'd.id', 't.directory_id')
    .select(['t.id', 'd.slug', sql<boolean>`coalesce(t.last_used_at > now() - interval '1 minute', false)`.as('noted')])
    .where('t.directory_id', '=', directoryId)
    .where('t.token_hash', '=', hashOf(token))
    .where((is) => is.or([is('t.expires_at', 'is', null), is('t.expires_at', '>', sql<Date>`now()`)]))
    .executeTakeFirst();
  if (found !== undefined && !found.noted) {
    await tx.db.updateTable('directory_tokens').set({ last_used_at: sql`now()` }).where('id', '=', found.id).execute();
  }
  return found?.slug;
}

/** One event per address and minute: whoever hammers at the door shall not fill the audit. */
async function recordRefusal(tx: TenantTransaction, directoryId: string, reason: string): Promise<void> {
  const recent = await tx.db
    .selectFrom('audit_events')
    .select('id')
    .where('resource_type', '=', 'directory')
    .where('resource_id', '=', directoryId)
    .where('action', '=', 'scim.refused')
    .where('reason', '=', reason)
    .where('address', 'is not distinct from', tx.origin.address ?? null)
    .where('at', '>', sql<Date>`now() - interval '1 minute'`)
    .limit(1)
    .executeTakeFirst();
  if (recent !== undefined) return;
  const resource = { type: 'directory', id: directoryId };
  await record(tx, { action: 'scim.refused', resource, outcome: 'denied', reason });
}

async function lockPushedDirectory(tx: TenantTransaction, directoryId: string): Promise<void> {
  const found = isId(directoryId)
    ? await tx.db.selectFrom('directories').select('kind').where('id', '=', directoryId).forUpdate().executeTakeFirst()
    : undefined;
  if (found === undefined) throw new Fault('not-found', 'There is no such directory.', { where: 'directory' });
  if (found.kind !== 'scim') {
    throw new Fault('conflict', `A directory of kind "${found.kind}" is not written to by its source.`, {
      where: 'directory',
      remedy: 'Tokens are for directories of kind "scim".',
    });
  }
}

async function recordToken(tx: TenantTransaction, action: string, id: string, directoryId: string): Promise<void> {
  await record(tx, { action, resource: { type: 'directory_token', id }, detail: { directory: directoryId } });
}
