/** An administrator lets one person go, now. */
import { sql } from 'kysely';
import { findPerson } from '../access/people.ts';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { type Case, findCase, listCases } from './cases.ts';
import { deprovision, type OffboardingDependencies } from './deprovision.ts';
import { requireMayGo } from './may-go.ts';

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
  await requireMayGo(deps.models, tx, person.id, order.by);
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
  return retry(deps, tx, caseId, [stepId]);
}

/** The same for every step of a case that waits for a person. @throws Fault `not-found`, `conflict` where none does */
export async function retryCase(deps: OffboardingDependencies, tx: TenantTransaction, caseId: string): Promise<Case> {
  const { steps } = await findCase(tx, caseId);
  const waiting = steps.filter(({ state }) => state === 'needs_human').map(({ id }) => id);
  if (waiting.length === 0) throw new Fault('conflict', 'No step of this case waits for a person.');
  return retry(deps, tx, caseId, waiting);
}

async function retry(
  { jobs }: OffboardingDependencies,
  tx: TenantTransaction,
  caseId: string,
  stepIds: readonly string[],
): Promise<Case> {
  await tx.db
    .updateTable('offboarding_steps')
    .set({ state: 'retry', attempts: 0, next_attempt_at: sql`now()` })
    .where('case_id', '=', caseId)
    .where('id', 'in', stepIds)
    .where('state', '=', 'needs_human')
    .execute();
  const retried = (id: string) => ({ type: 'offboarding_step', id });
  const events = stepIds.map((id) => ({
    action: 'offboarding.step_retried',
    resource: retried(id),
    detail: { case: caseId },
  }));
  await record(tx, ...events);
  const { organizationId, db } = tx;
  await jobs.enqueue('offboarding.steps', { organizationId, id: organizationId }, { transaction: db });
  return findCase(tx, caseId);
}
