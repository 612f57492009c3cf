/**
 * Bearer tokens with which a source writes into its own directory. Stored as a hash, shown once; at most two are valid at a time,
 * so that one can be exchanged while the other still works (directory, SCIM server).
 */
import { sql } from 'kysely';
import { record } from '../audit/record.ts';
import { hashOf, randomSecret } from '../credentials/sealing.ts';
import { Fault } from '../errors.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';

const VALID_AT_A_TIME = 2;

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
