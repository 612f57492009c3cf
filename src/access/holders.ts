/** Who holds what in one place, read under the locks that giving and taking roles by hand need. */
import { sql } from 'kysely';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import type { RoleRef } from './model.ts';
import type { Place } from './scope.ts';

/**
 * Lets one change by hand at a time happen in a place, until the transaction ends: two owners who leave at once must not each count
 * the other, and two grants of a role with one holder must not pass each other. Taken before any row, so that nobody waits in a ring.
 */
export async function lockPlace({ db }: TenantTransaction, placeId: string): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`holders ${placeId}`}, 0))`.execute(db);
}

/**
 * Holds people as they are: whoever is about to get something can't be let go in the same instant.
 * @throws Fault `conflict` where one of them is not active
 */
export async function holdActive({ db }: TenantTransaction, ...userIds: string[]): Promise<void> {
  const users = await db
    .selectFrom('users')
    .select(['status', 'email'])
    .where('id', 'in', userIds)
    .orderBy('id')
    .forShare()
    .execute();
  const other = users.find(({ status }) => status !== 'active');
  if (other === undefined && users.length === userIds.length) return;
  throw new Fault(
    'conflict',
    `${other?.email ?? 'Somebody'} is ${other?.status ?? 'gone'}; only active people are given roles.`,
  );
}

/** What a person holds in just this place, now. */
export async function rolesIn({ db }: TenantTransaction, userId: string, place: Place): Promise<RoleRef[]> {
  const rows = await db
    .selectFrom('memberships')
    .select('role')
    .where('user_id', '=', userId)
    .where('scope_kind', '=', place.kind)
    .where('scope_id', '=', place.id)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', sql<Date>`now()`)]))
    .execute();
  return rows.map(({ role }) => ({ scopeKind: place.kind, role }));
}

/** How many active people beside this one hold a role in a place, now. */
export async function otherHolders(
  { db }: TenantTransaction,
  userId: string,
  place: Place,
  role: string,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(DISTINCT m.user_id)::int AS count FROM memberships m JOIN users u ON u.id = m.user_id AND u.status = 'active'
    WHERE m.scope_kind = ${place.kind} AND m.scope_id = ${place.id} AND m.role = ${role} AND m.user_id <> ${userId}
      AND coalesce(m.expires_at > now(), true)`.execute(db);
  return rows[0]?.count ?? 0;
}

/** Records what became of a person's role in a place. */
export async function recordRole(
  tx: TenantTransaction,
  action: string,
  userId: string,
  place: Place,
  detail: Readonly<Record<string, unknown>>,
  reason: string,
): Promise<void> {
  await record(tx, {
    action,
    resource: { type: 'user', id: userId },
    reason,
    detail: { scope: place.kind, scopeId: place.id, ...detail },
  });
}
