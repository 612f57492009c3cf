/** Break-glass people: named persons who get in by password and second factor although SSO is enforced. */
import { sql } from 'kysely';
import { mayAdminister } from '../../access/administration.ts';
import { subjectOf } from '../../access/membership.ts';
import type { Models } from '../../access/model-file.ts';
import { organizationModel } from '../../access/organization-model.ts';
import { record } from '../../audit/record.ts';
import { Fault } from '../../errors.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { keepBreakGlass } from '../policy.ts';

/**
 * Names a person. They must be able to mend what is broken, or getting in is of no use.
 * @throws Fault `conflict` where they may not administer connections or are not active
 */
export async function nameBreakGlass(tx: TenantTransaction, models: Models, userId: string): Promise<void> {
  const model = await organizationModel(models, tx);
  const workspaces = await tx.db.selectFrom('workspaces').select('id').execute();
  const organization = { id: tx.organizationId, workspaceIds: workspaces.map(({ id }) => id) };
  const may = mayAdminister(model, await subjectOf(tx, userId), 'connections', organization, new Date());
  if (!may.decision) {
    throw new Fault('conflict', 'This person may not administer connections, so they could mend nothing.', {
      remedy: 'Name somebody who may.',
    });
  }
  await flag(tx, userId, true);
}

/** Takes the naming back. @throws Fault `conflict` where SSO is enforced and nobody else could get in */
export async function withdrawBreakGlass(tx: TenantTransaction, userId: string): Promise<void> {
  await flag(tx, userId, false);
  await keepBreakGlass(tx);
}

async function flag(tx: TenantTransaction, userId: string, named: boolean): Promise<void> {
  const { numUpdatedRows } = await tx.db
    .updateTable('users')
    .set({ break_glass: named })
    .where('id', '=', userId)
    .where('break_glass', '=', !named)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n) return;
  const action = named ? 'break_glass.named' : 'break_glass.withdrawn';
  await record(tx, { action, resource: { type: 'user', id: userId } });
}

/** The people named, and what each still lacks to get in. */
export async function listBreakGlass(tx: TenantTransaction) {
  const { rows } = await sql<{ id: string; email: string; password: boolean; secondFactor: boolean }>`
    SELECT u.id, u.email,
      EXISTS (SELECT 1 FROM passwords p WHERE p.user_id = u.id AND p.access_epoch = u.access_epoch) AS password,
      EXISTS (SELECT 1 FROM second_factors f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL) AS "secondFactor"
    FROM users u WHERE u.break_glass AND u.status = 'active' ORDER BY u.email`.execute(tx.db);
  return rows;
}
