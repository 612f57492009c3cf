/**
 * Suspension: out for now. Whatever signs the person in ends, and nothing lets them in until somebody reactivates them; what they are
 * (memberships, keys, password) stays. Only an administrator suspends: a directory that says "inactive" means that somebody has left.
 */
import { sql } from 'kysely';
import { findPerson } from '../access/people.ts';
import { auditing, record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import type { OffboardingDependencies } from './deprovision.ts';
import { endSignIns } from './end-sign-ins.ts';
import { requireMayGo, requireRank } from './may-go.ts';

export interface SuspensionOrder {
  /** Id or e-mail. */
  readonly user: string;
  readonly reason: string;
  /** The person who orders it; null for operator and machines. */
  readonly by: string | null;
}

/** Suspends a person. @throws Fault `not-found`, `conflict` where they are not active, protected or a last owner, `forbidden` */
export async function suspendUser(
  deps: OffboardingDependencies,
  tx: TenantTransaction,
  { user, reason, by }: SuspensionOrder,
): Promise<void> {
  const person = await findPerson(tx, user);
  await requireMayGo(deps.models, tx, person.id, by);
  const { rows } = await sql`
    WITH suspended AS (
      UPDATE users SET status = 'suspended', suspended_at = now(), suspended_reason = ${reason}
      WHERE id = ${person.id} AND status = 'active' RETURNING id, email
    ), told AS (${auditing(
      tx,
      sql`SELECT 'user.suspended', 'user', id::text, ${reason}::text, jsonb_build_object('email', email) FROM suspended`,
    )})
    SELECT id FROM suspended`.execute(tx.db);
  if (rows.length === 0) throw new Fault('conflict', 'This person is suspended already.');
  await endSignIns(deps, tx, [person.id], 'the person was suspended');
}

/** Lets a suspended person in again, with what they had. @throws Fault `not-found`, `conflict`, `forbidden` */
export async function reactivateUser(
  deps: OffboardingDependencies,
  tx: TenantTransaction,
  { user, reason, by }: SuspensionOrder,
): Promise<void> {
  const person = await findPerson(tx, user);
  if (person.status === 'deprovisioned') {
    throw new Fault('conflict', 'This person has left.', {
      remedy: 'See what a rehire would restore, and rehire them.',
    });
  }
  await requireRank(deps.models, tx, by, person.id);
  const back = await tx.db
    .updateTable('users')
    .set({ status: 'active', suspended_at: null, suspended_reason: null })
    .where('id', '=', person.id)
    .where('status', '=', 'suspended')
    .executeTakeFirst();
  if (back.numUpdatedRows === 0n) throw new Fault('conflict', 'This person is not suspended.');
  const resource = { type: 'user', id: person.id };
  await record(tx, { action: 'user.reactivated', resource, reason, detail: { email: person.email } });
}
