/** A person's second factors: what they have enrolled, and the use of a one-time code. */
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { record } from '../../audit/record.ts';
import { seal, unseal } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import type { SealingKeys } from '../../sealing-keys.ts';
import { isId, type TenantTransaction } from '../../store/tenant.ts';
import { matchingStep, newTotpSecret } from './totp.ts';

const MOST = 10;

export interface ShownFactor {
  readonly id: string;
  readonly kind: 'totp' | 'webauthn';
  readonly name: string;
  readonly confirmedAt: Date;
  readonly lastUsedAt: Date | null;
}

/** The factors that a person has confirmed, oldest first. */
export async function listFactors(tx: TenantTransaction, userId: string): Promise<ShownFactor[]> {
  const { rows } = await sql<ShownFactor>`
    SELECT id, kind, name, confirmed_at AS "confirmedAt", last_used_at AS "lastUsedAt" FROM second_factors
    WHERE user_id = ${userId} AND confirmed_at IS NOT NULL ORDER BY created_at, id`.execute(tx.db);
  return rows;
}

/** Begins to enrol an authenticator app; it counts once a code of it was given. What was begun before is dropped. */
export async function beginTotp(
  tx: TenantTransaction,
  sealingKeys: SealingKeys,
  userId: string,
  name: string,
): Promise<{ id: string; secret: string }> {
  await refuseTooMany(tx, userId);
  await tx.db.deleteFrom('second_factors').where('user_id', '=', userId).where('confirmed_at', 'is', null).execute();
  const [id, secret] = [randomUUID(), newTotpSecret()];
  const sealed = seal(sealingKeys, purposeOf(id), secret);
  const row = { organization_id: tx.organizationId, id, user_id: userId, kind: 'totp' as const, name };
  await tx.db
    .insertInto('second_factors')
    .values({ ...row, sealed_secret: sealed, credential_id: null, public_key: null, confirmed_at: null })
    .execute();
  return { id, secret };
}

/** @throws Fault `conflict` where a person has as many as there may be */
export async function refuseTooMany(tx: TenantTransaction, userId: string): Promise<void> {
  const factors = await listFactors(tx, userId);
  if (factors.length < MOST) return;
  throw new Fault('conflict', `There are ${MOST} second factors already.`, { remedy: 'Remove one first.' });
}

/** Confirms an authenticator app by a code of it. @throws Fault `not-found`, `invalid-input` */
export async function confirmTotp(
  tx: TenantTransaction,
  sealingKeys: SealingKeys,
  own: { readonly userId: string; readonly id: string },
  code: string,
  now: number,
): Promise<void> {
  const begun = isId(own.id)
    ? await tx.db
        .selectFrom('second_factors')
        .select(['sealed_secret', 'name'])
        .where('id', '=', own.id)
        .where('user_id', '=', own.userId)
        .where('confirmed_at', 'is', null)
        .forUpdate()
        .executeTakeFirst()
    : undefined;
  if (!begun?.sealed_secret) throw new Fault('not-found', 'Nothing of that kind is being set up.', { where: 'path' });
  const step = matchingStep(unseal(sealingKeys, purposeOf(own.id), begun.sealed_secret), code.replace(/\s/g, ''), now);
  if (step === undefined) {
    throw new Fault('invalid-input', 'This is not the code of this moment.', {
      where: 'code',
      remedy: "Check the clock of the app's device, and type the latest code.",
    });
  }
  await tx.db
    .updateTable('second_factors')
    .set({ confirmed_at: sql`now()`, counter: step })
    .where('id', '=', own.id)
    .execute();
  await recordAdded(tx, own.userId, 'totp', begun.name);
}

/** Records that a factor counts from now on. */
export async function recordAdded(tx: TenantTransaction, userId: string, kind: string, name: string): Promise<void> {
  await record(tx, {
    action: 'second_factor.added',
    resource: { type: 'user', id: userId },
    detail: { kind, name },
  });
}

/** Uses a one-time code: each is good once, and none is after a later one. @returns whether it was good */
export async function useTotp(
  tx: TenantTransaction,
  sealingKeys: SealingKeys,
  userId: string,
  code: string,
  now: number,
): Promise<boolean> {
  const enrolled = await tx.db
    .selectFrom('second_factors')
    .select(['id', 'sealed_secret'])
    .where('user_id', '=', userId)
    .where('kind', '=', 'totp')
    .where('confirmed_at', 'is not', null)
    .execute();
  for (const { id, sealed_secret: sealed } of enrolled) {
    const step = matchingStep(unseal(sealingKeys, purposeOf(id), sealed ?? ''), code, now);
    if (step === undefined) continue;
    const { numUpdatedRows } = await tx.db
      .updateTable('second_factors')
      .set({ counter: step, last_used_at: sql`now()` })
      .where('id', '=', id)
      .where('counter', '<', step)
      .executeTakeFirstOrThrow();
    return numUpdatedRows === 1n;
  }
  return false;
}

/** Removes a factor; with the last one, the recovery codes. @throws Fault `not-found` */
export async function removeFactor(tx: TenantTransaction, userId: string, id: string): Promise<void> {
  const removed = isId(id)
    ? await tx.db
        .deleteFrom('second_factors')
        .where('id', '=', id)
        .where('user_id', '=', userId)
        .returning(['kind', 'name'])
        .executeTakeFirst()
    : undefined;
  if (removed === undefined) throw new Fault('not-found', 'There is no such second factor.', { where: 'path' });
  await record(tx, { action: 'second_factor.removed', resource: { type: 'user', id: userId }, detail: removed });
  if ((await listFactors(tx, userId)).length === 0) await forgetRecovery(tx, userId);
}

/** Removes every second factor of somebody who has lost theirs. @returns how many there were */
export async function removeAllFactors(tx: TenantTransaction, userId: string): Promise<number> {
  const { numDeletedRows } = await tx.db
    .deleteFrom('second_factors')
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow();
  await forgetRecovery(tx, userId);
  const count = Number(numDeletedRows);
  await record(tx, { action: 'second_factor.reset', resource: { type: 'user', id: userId }, detail: { count } });
  return count;
}

async function forgetRecovery(tx: TenantTransaction, userId: string): Promise<void> {
  await tx.db.deleteFrom('recovery_codes').where('user_id', '=', userId).execute();
}

function purposeOf(id: string): string {
  return `second-factor:${id}`;
}
