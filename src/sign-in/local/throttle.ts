/**
 * How often somebody may try: counted in the database, so that any number of instances count together, and before it is known whether
 * the attempt is any good. The first few are free; then each costs a wait that doubles, up to a quarter of an hour.
 */
import { createHmac } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { type Kysely, sql } from 'kysely';
import { Fault } from '../../errors.ts';
import type { Tables } from '../../store/tables.ts';
import { inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';

type Db = Kysely<Tables>;

/** Behind this wall are the attempts of all organizations, and of none. */
const NOBODYS = '00000000-0000-0000-0000-000000000000';
const THROTTLE: Origin = { actor: { kind: 'system', id: 'throttle', label: 'throttle' } };
const LONGEST_WAIT = 900;
/** Not by the transaction's own time: another that began later may have freed it while this one waited for the row. */
const FREE_NOW = sql`t.blocked_until <= clock_timestamp()`;

/** What is counted: guesses at one account, guesses from one address, guesses of one person's second factor. */
export interface Counted {
  readonly what: 'account' | 'address' | 'second-factor';
  readonly of: string;
}

const FREE: Readonly<Record<Counted['what'], number>> = { account: 5, address: 30, 'second-factor': 5 };

/**
 * Counts an attempt.
 * @throws Fault `too-many-requests` with the seconds to wait, where it comes too early; then it is not counted
 */
export async function countAttempt(db: Db, counted: Counted): Promise<void> {
  const key = keyOf(counted);
  const free = FREE[counted.what];
  const found = await inThrottle(db, async (tx) => {
    const { rows } = await sql<{ admitted: boolean; wait: number }>`
      WITH over AS (
        DELETE FROM sign_in_throttle WHERE key_hash IN (SELECT key_hash FROM sign_in_throttle
          WHERE last_at < now() - interval '1 day' AND key_hash <> ${key} LIMIT 20 FOR UPDATE SKIP LOCKED)
      )
      INSERT INTO sign_in_throttle AS t (organization_id, key_hash, attempts) VALUES (${NOBODYS}, ${key}, 1)
      ON CONFLICT (organization_id, key_hash) DO UPDATE SET
        admitted = ${FREE_NOW},
        last_at = CASE WHEN ${FREE_NOW} THEN now() ELSE t.last_at END,
        attempts = CASE WHEN NOT ${FREE_NOW} THEN t.attempts
          WHEN t.last_at < now() - ${LONGEST_WAIT} * 2 * interval '1 second' THEN 1 ELSE t.attempts + 1 END,
        blocked_until = CASE WHEN NOT ${FREE_NOW} OR t.attempts + 1 < ${free}
            OR t.last_at < now() - ${LONGEST_WAIT} * 2 * interval '1 second' THEN t.blocked_until
          ELSE now() + least(power(2, least(t.attempts + 3 - ${free}, 20)), ${LONGEST_WAIT}) * interval '1 second' END
      RETURNING admitted, ceil(extract(epoch FROM blocked_until - now()))::int AS wait`.execute(tx.db);
    return rows[0];
  });
  if (found === undefined || found.admitted) return;
  const wait = Math.max(1, found.wait);
  throw new Fault('too-many-requests', 'There were too many attempts.', {
    remedy: `Wait ${wait} seconds, then try again.`,
    extra: { retryAfter: wait },
  });
}

/** Forgets the attempts at what somebody has now proven to be theirs. */
export async function forgetAttempts(db: Db, counted: Counted): Promise<void> {
  await inThrottle(db, (tx) => tx.db.deleteFrom('sign_in_throttle').where('key_hash', '=', keyOf(counted)).execute());
}

/** Takes one attempt back: it was good, and an office behind one address has many of those. */
export async function takeBackAttempt(db: Db, counted: Counted): Promise<void> {
  await inThrottle(db, (tx) =>
    sql`UPDATE sign_in_throttle SET attempts = greatest(attempts - 1, 0), blocked_until = now()
      WHERE key_hash = ${keyOf(counted)}`.execute(tx.db),
  );
}

/**
 * Counts one of `limit` that are free within each window.
 * @throws Fault `too-many-requests` with the seconds until the next window
 */
export async function countWithin(db: Db, key: string, limit: number, windowSeconds: number): Promise<void> {
  const hash = hashed(`window ${key}`);
  const found = await inThrottle(db, async (tx) => {
    const { rows } = await sql<{ attempts: number; wait: number }>`
      INSERT INTO sign_in_throttle AS t (organization_id, key_hash, attempts) VALUES (${NOBODYS}, ${hash}, 1)
      ON CONFLICT (organization_id, key_hash) DO UPDATE SET
        attempts = CASE WHEN t.last_at <= now() - ${windowSeconds} * interval '1 second' THEN 1 ELSE t.attempts + 1 END,
        last_at = CASE WHEN t.last_at <= now() - ${windowSeconds} * interval '1 second' THEN now() ELSE t.last_at END
      RETURNING attempts, ceil(${windowSeconds} - extract(epoch FROM now() - last_at))::int AS wait`.execute(tx.db);
    return rows[0];
  });
  if (found === undefined || found.attempts <= limit) return;
  const wait = Math.max(1, found.wait);
  throw new Fault('too-many-requests', 'There were too many requests from this address.', {
    remedy: `Wait ${wait} seconds.`,
    extra: { retryAfter: wait },
  });
}

/** One address, or for IPv6 the network that one subscriber has whole. */
export function networkOf(address: string | undefined): string {
  const plain = (address ?? 'unknown').replace(/^::ffff:/i, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail = ''] = plain.split('::', 2);
  const groups = head === '' ? [] : head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  const filled = plain.includes('::')
    ? [...groups, ...Array(8 - groups.length - after.length).fill('0'), ...after]
    : groups;
  return `${filled.slice(0, 4).join(':')}::/64`;
}

function inThrottle<T>(db: Db, work: (tx: TenantTransaction) => Promise<T>): Promise<T> {
  return inTenant(db, NOBODYS, THROTTLE, work);
}

function keyOf({ what, of }: Counted): Buffer {
  return hashed(`${what} ${of}`);
}

function hashed(text: string): Buffer {
  return createHmac('sha256', 'sign-in throttle').update(text).digest();
}
