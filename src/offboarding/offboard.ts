/** An administrator lets one person go, now. */
import { sql } from 'kysely';
import { rolesAt } from '../access/decide.ts';
import { subjectOf } from '../access/membership.ts';
import { findRole } from '../access/model.ts';
import { organizationModel } from '../access/organization-model.ts';
import { findPerson } from '../access/people.ts';
import { mayManage } from '../access/rank.ts';
import { ownerRoles } from '../access/reconcile-view.ts';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { type Case, findCase, listCases } from './cases.ts';
import { deprovision, type OffboardingDependencies } from './deprovision.ts';

/**
 * Deprovisions a person.
 * @param by the id of the person who orders it, whose rank must be above every role of the leaver; null for operator and machines
 * @returns the case
 * @throws Fault `not-found`, `conflict` where the person has left already, is protected or a last owner, `forbidden`
 */
export async function offboardUser(
  deps: OffboardingDependencies,
  tx: TenantTransaction,
  order: { readonly user: string; readonly reason: string; readonly by: string | null },
): Promise<Case> {
  const person = await findPerson(tx, order.user);
  await refuseIfNeeded(tx, person.id);
  if (order.by !== null) await refuseUnlessAbove(deps, tx, order.by, person.id);
  await refuseLastOwner(deps, tx, person.id);
  const [opened] = await deprovision(deps, tx, [{ userId: person.id, reason: order.reason }], { kind: 'admin' });
  if (opened === undefined)
    throw new Fault('conflict', 'This person has left already.', { remedy: 'See the earlier case.' });
  return findCase(tx, opened.caseId);
}

/** Cases of one person, by id or e-mail, latest first. @throws Fault `not-found` */
export async function casesOf(tx: TenantTransaction, user: string): Promise<Case[]> {
  const person = await findPerson(tx, user);
  return listCases(tx, { userId: person.id });
}

/** Puts a step that waits for a person back to work. @throws Fault `not-found`, `conflict` where it waits for nobody */
export async function retryStep(
  deps: OffboardingDependencies,
  tx: TenantTransaction,
  caseId: string,
  stepId: string,
): Promise<Case> {
  const found = await findCase(tx, caseId);
  const step = found.steps.find(({ id }) => id === stepId);
  if (step === undefined) throw new Fault('not-found', 'There is no such step in this case.', { where: 'path' });
  if (step.state !== 'needs_human') throw new Fault('conflict', `This step is ${step.state}; it waits for nobody.`);
  await tx.db
    .updateTable('offboarding_steps')
    .set({ state: 'retry', attempts: 0, next_attempt_at: sql`now()` })
    .where('case_id', '=', caseId)
    .where('id', '=', stepId)
    .execute();
  await record(tx, {
    action: 'offboarding.step_retried',
    resource: { type: 'offboarding_step', id: stepId },
    detail: { case: caseId },
  });
  const { organizationId, db } = tx;
  await deps.jobs.enqueue('offboarding.steps', { organizationId, id: organizationId }, { transaction: db });
  return findCase(tx, caseId);
}

async function refuseIfNeeded(tx: TenantTransaction, userId: string): Promise<void> {
  const user = await tx.db
    .selectFrom('users')
    .select(['status', 'protected'])
    .where('id', '=', userId)
    .forUpdate()
    .executeTakeFirstOrThrow();
  if (user.status === 'deprovisioned') {
    throw new Fault('conflict', 'This person has left already.', {
      remedy: 'See the earlier case with: drawbridge offboard show.',
    });
  }
  if (user.protected) {
    throw new Fault('conflict', 'This is a protected account.', {
      remedy: 'Lift the protection first, if this person really leaves.',
    });
  }
}

async function refuseLastOwner(deps: OffboardingDependencies, tx: TenantTransaction, userId: string): Promise<void> {
  const owners = ownerRoles(await organizationModel(deps.models, tx));
  const { rows } = await sql<{ role: string; scope: string }>`
    SELECT m.role, coalesce(w.slug, o.slug) AS scope FROM memberships m
    JOIN organizations o ON o.id = m.organization_id LEFT JOIN workspaces w ON w.id = m.workspace_id
    WHERE m.user_id = ${userId} AND m.role = ANY(${owners}::text[]) AND NOT EXISTS (
      SELECT 1 FROM memberships n JOIN users u ON u.id = n.user_id AND u.status = 'active'
      WHERE n.scope_kind = m.scope_kind AND n.scope_id = m.scope_id AND n.role = m.role AND n.user_id <> m.user_id
        AND coalesce(n.expires_at > now(), true))`.execute(tx.db);
  const [last] = rows;
  if (last === undefined) return;
  throw new Fault('conflict', `This person is the last ${last.role} of ${last.scope}.`, {
    remedy: 'Hand the role over to somebody who stays, then let the person go.',
  });
}

async function refuseUnlessAbove(
  deps: OffboardingDependencies,
  tx: TenantTransaction,
  actorId: string,
  userId: string,
): Promise<void> {
  if (actorId === userId)
    throw new Fault('forbidden', 'Nobody lets themselves go.', { remedy: 'Ask another administrator.' });
  const model = await organizationModel(deps.models, tx);
  const actor = await subjectOf(tx, actorId);
  const leaver = await subjectOf(tx, userId);
  const now = new Date();
  for (const held of leaver.memberships) {
    const product =
      held.scopeKind === 'product' ? { id: held.scopeId, subscription: { status: 'active', endsAt: null } } : null;
    const place = { organizationId: tx.organizationId, workspaceId: held.workspaceId, product };
    const ruling = mayManage(model, rolesAt(model, actor, place, now), held);
    if (ruling.allowed) continue;
    const label = findRole(model, held)?.label ?? held.role;
    throw new Fault(
      'forbidden',
      `Letting go of a person with the role "${label}" is not yours to do: ${ruling.reason}`,
    );
  }
}
