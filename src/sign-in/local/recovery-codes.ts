/** Recovery codes: ten, shown once, each good for one sign-in without the second factor itself. */
import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { record } from '../../audit/record.ts';
import { hashOf } from '../../credentials/sealing.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { base32 } from './totp.ts';

const HOW_MANY = 10;

/** Makes a person's codes anew; those of before are void. @returns them, never to be read again */
export async function makeRecoveryCodes(tx: TenantTransaction, userId: string): Promise<string[]> {
  // 80 random bits each: their hashes can't be searched.
  const codes = Array.from({ length: HOW_MANY }, () => base32(randomBytes(10)));
  await tx.db.deleteFrom('recovery_codes').where('user_id', '=', userId).execute();
  const rows = codes.map((code) => ({
    organization_id: tx.organizationId,
    user_id: userId,
    code_hash: hashed(userId, code),
  }));
  await tx.db.insertInto('recovery_codes').values(rows).execute();
  await record(tx, { action: 'recovery_codes.made', resource: { type: 'user', id: userId } });
  return codes.map((code) => (code.match(/.{4}/g) ?? []).join('-'));
}

/** Uses a code: of many who try at once, one may. @returns how many are left; undefined where it is none of the person's */
export async function useRecoveryCode(
  tx: TenantTransaction,
  userId: string,
  typed: string,
): Promise<number | undefined> {
  const code = typed.toUpperCase().replace(/[^A-Z2-7]/g, '');
  const used = await tx.db
    .deleteFrom('recovery_codes')
    .where('user_id', '=', userId)
    .where('code_hash', '=', hashed(userId, code))
    .returning('user_id')
    .executeTakeFirst();
  if (used === undefined) return undefined;
  const { rows } = await sql<{ left: number }>`
    SELECT count(*)::int AS left FROM recovery_codes WHERE user_id = ${userId}`.execute(tx.db);
  const left = rows[0]?.left ?? 0;
  await record(tx, { action: 'recovery_code.used', resource: { type: 'user', id: userId }, detail: { left } });
  return left;
}

function hashed(userId: string, code: string): Buffer {
  return hashOf(`${userId} ${code}`);
}
