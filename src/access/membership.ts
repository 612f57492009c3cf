/** Memberships: who holds which role where, given by whom and why. */
import { sql } from 'kysely';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import type { Subject } from './subject.ts';

/**
 * A person with every membership, for the rules to decide on; one statement.
 * @throws Fault `not-found`
 */
export async function subjectOf(tx: TenantTransaction, userId: string): Promise<Subject> {
  const { rows } = await sql<Subject>`
    SELECT u.status, (SELECT coalesce(jsonb_agg(jsonb_build_object('scopeKind', m.scope_kind, 'scopeId', m.scope_id,
        'workspaceId', m.workspace_id, 'role', m.role, 'expiresAt', m.expires_at)), '[]')
      FROM memberships m WHERE m.user_id = u.id) AS memberships
    FROM users u WHERE u.id = ${userId}`.execute(tx.db);
  const [found] = rows;
  if (found === undefined) throw new Fault('not-found', 'There is no such person.');
  const memberships = found.memberships.map((each) => ({
    ...each,
    expiresAt: each.expiresAt === null ? null : new Date(each.expiresAt),
  }));
  return { ...found, memberships };
}
