/** Passwords of people, and the one-time links with which they set them. */
import { sql } from 'kysely';
import { record } from '../../audit/record.ts';
import { holdActive } from '../../credentials/holder.ts';
import { hashOf, randomSecret } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { hashPassword, isOutdated } from './password-hash.ts';

const LINK_HOURS = 24;

/**
 * Makes the link's token with which a person sets their password, once; a former link is void from then on.
 * @throws Fault `conflict` where the person is not active
 */
export async function makePasswordLink(
  tx: TenantTransaction,
  userId: string,
): Promise<{ token: string; expiresAt: Date }> {
  const holder = await holdActive(tx, userId, 'conflict');
  const token = randomSecret();
  const { rows } = await sql<{ expiresAt: Date }>`
    INSERT INTO password_links (organization_id, user_id, token_hash, access_epoch, expires_at)
    VALUES (${tx.organizationId}, ${userId}, ${hashOf(token)}, ${holder.accessEpoch}, now() + ${LINK_HOURS} * interval '1 hour')
    ON CONFLICT (organization_id, user_id) DO UPDATE SET token_hash = excluded.token_hash, access_epoch = excluded.access_epoch,
      expires_at = excluded.expires_at
    RETURNING expires_at AS "expiresAt"`.execute(tx.db);
  const [made] = rows;
  if (made === undefined) throw new Error('a password link was not made');
  await record(tx, {
    action: 'password.link_made',
    resource: { type: 'user', id: userId },
    detail: { email: holder.email, expiresAt: made.expiresAt },
  });
  return { token, expiresAt: made.expiresAt };
}

/** Whose link a token is; it is not used by being looked at. @throws Fault `not-found` where it is unknown, used or expired */
export async function findPasswordLink(tx: TenantTransaction, token: string): Promise<LinkHolder> {
  const { rows } = await sql<LinkHolder>`
    SELECT u.id AS "userId", u.email FROM password_links l JOIN users u ON u.id = l.user_id
    WHERE l.token_hash = ${hashOf(token)} AND ${USABLE}`.execute(tx.db);
  return rows[0] ?? unusable();
}

export interface LinkHolder {
  readonly userId: string;
  readonly email: string;
}

/** Uses a link: of many who try at once, one may. @throws Fault `not-found` as `findPasswordLink` does */
export async function consumePasswordLink(tx: TenantTransaction, token: string): Promise<LinkHolder> {
  const { rows } = await sql<LinkHolder>`
    DELETE FROM password_links l USING users u WHERE u.id = l.user_id AND l.token_hash = ${hashOf(token)} AND ${USABLE}
    RETURNING u.id AS "userId", u.email`.execute(tx.db);
  return rows[0] ?? unusable();
}

const USABLE = sql`l.expires_at > now() AND u.status = 'active' AND u.access_epoch = l.access_epoch`;

function unusable(): never {
  throw new Fault('not-found', 'This link was used before, or has expired.', {
    remedy: 'Ask your administrator for a new one.',
  });
}

/**
 * Sets a person's password. Whatever was begun with the former one is over: sessions (but for `keepSession`), sign-ins under way, and
 * links.
 * @param phc see `hashPassword`: hashing takes its time, and no row is to be locked meanwhile
 */
export async function setPassword(
  tx: TenantTransaction,
  userId: string,
  phc: string,
  how: 'link' | 'change',
  keepSession: string | null = null,
): Promise<void> {
  const { accessEpoch, email } = await holdActive(tx, userId);
  const { rows } = await sql<{ ended: number }>`
    WITH ended AS (
      UPDATE sessions SET ended_at = now(), ended_reason = 'password set'
      WHERE user_id = ${userId} AND ended_at IS NULL AND id IS DISTINCT FROM ${keepSession}::uuid RETURNING id
    ), half AS (DELETE FROM half_sign_ins WHERE user_id = ${userId}),
    links AS (DELETE FROM password_links WHERE user_id = ${userId}),
    written AS (
      INSERT INTO passwords (organization_id, user_id, access_epoch, phc) VALUES (${tx.organizationId}, ${userId}, ${accessEpoch}, ${phc})
      ON CONFLICT (organization_id, user_id) DO UPDATE SET phc = excluded.phc, access_epoch = excluded.access_epoch, set_at = now()
    )
    SELECT count(*)::int AS ended FROM ended`.execute(tx.db);
  await record(tx, {
    action: 'password.set',
    resource: { type: 'user', id: userId },
    reason: how,
    detail: { email, sessionsEnded: rows[0]?.ended ?? 0 },
  });
}

/** The PHC string of a person's password; undefined where they have none that counts. */
export async function passwordOf(tx: TenantTransaction, userId: string): Promise<string | undefined> {
  const { rows } = await sql<{ phc: string }>`
    SELECT p.phc FROM passwords p JOIN users u ON u.id = p.user_id AND u.access_epoch = p.access_epoch
    WHERE p.user_id = ${userId}`.execute(tx.db);
  return rows[0]?.phc;
}

/**
 * Holds a password that was just verified until the transaction ends, and hashes it anew where it was hashed at another cost.
 * @throws Fault `sign-in-refused` where it has been changed meanwhile
 */
export async function holdPassword(
  tx: TenantTransaction,
  userId: string,
  phc: string,
  password: string,
): Promise<void> {
  const anew = isOutdated(phc) ? await hashPassword(password) : phc;
  const { numUpdatedRows } = await tx.db
    .updateTable('passwords')
    .set({ phc: anew })
    .where('user_id', '=', userId)
    .where('phc', '=', phc)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 1n) return;
  throw new Fault('sign-in-refused', 'The password was changed at this moment.', {
    remedy: 'Sign in with the new one.',
  });
}
