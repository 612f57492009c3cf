/**
 * Leaving is one transaction: the person is marked, and in the same instant sessions, keys, tokens and memberships end by the
 * model's policy, all of it audited, and what must end elsewhere is written down as steps (offboarding, One case, many steps).
 */
import { type RawBuilder, sql } from 'kysely';
import { leavingPolicy } from '../access/leaving.ts';
import type { Models } from '../access/model-file.ts';
import { organizationModel } from '../access/organization-model.ts';
import { ownerRoles } from '../access/reconcile-view.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Queue } from '../store/migrate.ts';
import { prepared } from '../store/prepared.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { closeProven } from './cases.ts';
import { ended, endings, type Held, openCases, openSteps } from './end-access.sql.ts';
import { handingOver } from './hand-over.sql.ts';

const FEW = 10;

export interface OffboardingDependencies {
  readonly jobs: JobQueue;
  readonly models: Models;
}

export interface Leaver {
  readonly userId: string;
  /** Why, for the case and the audit. */
  readonly reason: string;
}

export interface Trigger {
  /** `admin`, `schedule`, `scim` ... */
  readonly kind: string;
  /** The sync run that found it out. */
  readonly runId?: string;
  /** When the reason arose; left out: now. */
  readonly at?: Date;
}

/**
 * Deprovisions people; set-based, so ten thousand cost the same few statements as one. Who has left already is passed over.
 * Whether somebody may leave (last owner, protected) is decided before, by the reconcile's guards or `offboard.ts`.
 * @returns the cases opened
 * @throws Fault `invalid-model` where the organization's model is not there
 */
export async function deprovision(
  deps: OffboardingDependencies,
  tx: TenantTransaction,
  leavers: readonly Leaver[],
  trigger: Trigger,
): Promise<{ caseId: string; userId: string }[]> {
  const held = await holdLeavers(tx, leavers);
  const { ids } = held;
  if (ids.length === 0) return [];
  const model = await organizationModel(deps.models, tx);
  const policy = leavingPolicy(model);
  // One leaver's statements are planned once, ten thousand's for their number.
  const run = <Row>(statement: RawBuilder<Row>) => (ids.length > FEW ? statement : prepared(statement)).execute(tx.db);
  const { rows: cases } = await run(openCases(tx, held, trigger, policy));
  const caseIds = cases.map((each) => each.caseId);

  const all = [...endings(held, policy, tx.origin.actor.label), ...handingOver(held, policy, ownerRoles(model))];
  await run(ended(tx, all, sql`true`, [leavingEvents(caseIds)]));

  const { rows: steps } = await run(openSteps(caseIds));
  if (steps.length > 0) await wake(deps.jobs, tx, 'offboarding.steps');
  if (cases.some(({ apps }) => apps > 0)) await wake(deps.jobs, tx, 'logout.backchannel');
  await closeProven(tx, caseIds);
  return cases;
}

/** Waits for whoever gives these people something at this moment; from here on nobody does. */
async function holdLeavers(tx: TenantTransaction, leavers: readonly Leaver[]): Promise<Held> {
  const reasons = new Map(leavers.map(({ userId, reason }) => [userId, reason]));
  const holding = sql<{ id: string; email: string }>`
    SELECT id, email FROM users WHERE id = ANY(${[...reasons.keys()]}::uuid[]) AND status <> 'deprovisioned' ORDER BY id FOR UPDATE`;
  const { rows } = await (reasons.size > FEW ? holding : prepared(holding)).execute(tx.db);
  return {
    ids: rows.map(({ id }) => id),
    emails: rows.map(({ email }) => email),
    reasons: rows.map(({ id }) => reasons.get(id) ?? ''),
  };
}

function leavingEvents(caseIds: readonly string[]): RawBuilder<unknown> {
  return sql`SELECT 'user.deprovisioned', 'user', u.id::text, c.reason,
      jsonb_strip_nulls(jsonb_build_object('email', u.email, 'case', c.id, 'trigger', c.trigger, 'run', c.run_id, 'ended', c.ended))
      FROM offboarding_cases c JOIN users u ON u.id = c.user_id WHERE c.id = ANY(${caseIds as string[]}::uuid[])`;
}

async function wake(jobs: JobQueue, tx: TenantTransaction, queue: Queue): Promise<void> {
  const { organizationId, db } = tx;
  await jobs.enqueue(queue, { organizationId, id: organizationId }, { transaction: db });
}
