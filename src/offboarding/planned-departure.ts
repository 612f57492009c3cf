/** Departures that are known beforehand: planned by an administrator, seen and cancelled until their time, carried out by the clock. */
import { sql } from 'kysely';
import { z } from 'zod';
import type { Models } from '../access/model-file.ts';
import { findPerson, personInput } from '../access/people.ts';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/database.ts';
import { locateOrganizations } from '../store/locate.ts';
import { inTenant, isId, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { unlessTaken } from '../tenancy/put.ts';
import { deprovision, type OffboardingDependencies } from './deprovision.ts';
import { requireMayGo, requireRank } from './may-go.ts';

export const departureInput = z.strictObject({
  /** Id or e-mail. */
  user: personInput,
  at: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text))
    .refine((time) => time.getTime() > Date.now(), 'is in the past'),
  reason: z.string().trim().min(1).max(500),
});

export interface PlannedDeparture {
  readonly id: string;
  readonly userId: string;
  readonly email: string;
  readonly at: Date;
  readonly reason: string;
  readonly plannedBy: string;
  readonly plannedAt: Date;
  /** `overtaken`: they had left before; `withheld`: it could not be, `settledReason` says why. */
  readonly state: 'planned' | 'done' | 'cancelled' | 'overtaken' | 'withheld';
  readonly settledAt: Date | null;
  readonly settledBy: string | null;
  readonly settledReason: string | null;
  readonly caseId: string | null;
}

const CLOCK: Origin = { actor: { kind: 'system', id: 'clock', label: 'clock' } };

/** Plans one. @param by as for `offboardUser` @throws Fault `conflict` where one is planned or the person may not go, `forbidden` */
export async function planDeparture(
  models: Models,
  tx: TenantTransaction,
  by: string | null,
  input: z.output<typeof departureInput>,
): Promise<PlannedDeparture> {
  const person = await findPerson(tx, input.user);
  await requireMayGo(models, tx, person.id, by);
  const row = {
    organization_id: tx.organizationId,
    user_id: person.id,
    due_at: input.at,
    reason: input.reason,
    planned_by: tx.origin.actor.label,
  };
  const taken = new Fault('conflict', 'A departure is planned for this person already.', {
    remedy: 'Cancel that one first.',
  });
  const planning = tx.db.insertInto('planned_departures').values(row).returning('id');
  const { id } = await unlessTaken(() => planning.executeTakeFirstOrThrow(), taken);
  const detail = { departure: id, at: input.at };
  await record(tx, {
    action: 'user.departure_planned',
    resource: { type: 'user', id: person.id },
    reason: input.reason,
    detail,
  });
  return findDeparture(tx, id);
}

/** All that are planned, the next first; with `all` also those that are settled. */
export async function listDepartures({ db }: TenantTransaction, all: boolean): Promise<PlannedDeparture[]> {
  const { rows } =
    await sql<PlannedDeparture>`${SHOWN} WHERE ${all} OR d.state = 'planned' ORDER BY d.due_at, d.id LIMIT 500`.execute(
      db,
    );
  return rows;
}

/** Cancels one. @throws Fault `not-found`, `conflict` where it is settled, `forbidden` */
export async function cancelDeparture(
  models: Models,
  tx: TenantTransaction,
  by: string | null,
  id: string,
  reason: string,
): Promise<PlannedDeparture> {
  const found = await findDeparture(tx, id);
  await requireRank(models, tx, by, found.userId);
  if (!(await settle(tx, id, 'cancelled', reason))) throw new Fault('conflict', 'This departure is planned no more.');
  await record(tx, {
    action: 'user.departure_cancelled',
    resource: { type: 'user', id: found.userId },
    reason,
    detail: { departure: id },
  });
  return findDeparture(tx, id);
}

/** Lets everybody go whose time has come. */
export async function carryOutDepartures(
  deps: OffboardingDependencies & { readonly store: Pick<Store, 'db'>; readonly log: Log },
): Promise<void> {
  for (const organizationId of await locateOrganizations(deps.store.db)) {
    const within = <T>(work: (tx: TenantTransaction) => Promise<T>) =>
      inTenant(deps.store.db, organizationId, CLOCK, work);
    for (const id of await within(due)) {
      const state = await within((tx) => carryOut(deps, tx, id));
      if (state === 'withheld')
        deps.log.error({ organizationId, departure: id }, 'a planned departure could not be carried out');
    }
  }
}

async function due({ db }: TenantTransaction): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM planned_departures WHERE state = 'planned' AND due_at <= now() ORDER BY due_at LIMIT 1000`.execute(
    db,
  );
  return rows.map(({ id }) => id);
}

async function carryOut(
  deps: OffboardingDependencies,
  tx: TenantTransaction,
  id: string,
): Promise<PlannedDeparture['state']> {
  const { rows } = await sql<{ userId: string; at: Date; reason: string; status: string }>`
    SELECT d.user_id AS "userId", d.due_at AS at, d.reason, u.status FROM planned_departures d JOIN users u ON u.id = d.user_id
    WHERE d.id = ${id} AND d.state = 'planned' FOR UPDATE OF d SKIP LOCKED`.execute(tx.db);
  const [plan] = rows;
  // Another instance is at it, or it was cancelled in this moment.
  if (plan === undefined) return 'planned';
  const { userId, at, reason } = plan;
  if (plan.status === 'deprovisioned') return settledAs(tx, id, 'overtaken', 'they had left before');
  try {
    await requireMayGo(deps.models, tx, userId, null);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const resource = { type: 'user', id: userId };
    await record(tx, {
      action: 'user.deprovision_withheld',
      resource,
      outcome: 'failure',
      reason: error.message,
      detail: { departure: id },
    });
    return settledAs(tx, id, 'withheld', error.message);
  }
  const [opened] = await deprovision(deps, tx, [{ userId, reason }], { kind: 'planned', at });
  return settledAs(tx, id, 'done', null, opened?.caseId);
}

async function settledAs(
  tx: TenantTransaction,
  id: string,
  state: PlannedDeparture['state'],
  reason: string | null,
  caseId: string | null = null,
): Promise<PlannedDeparture['state']> {
  await settle(tx, id, state, reason, caseId);
  return state;
}

async function settle(
  tx: TenantTransaction,
  id: string,
  state: PlannedDeparture['state'],
  reason: string | null,
  caseId: string | null = null,
): Promise<boolean> {
  const { numUpdatedRows } = await tx.db
    .updateTable('planned_departures')
    .set({ state, settled_at: sql`now()`, settled_by: tx.origin.actor.label, settled_reason: reason, case_id: caseId })
    .where('id', '=', id)
    .where('state', '=', 'planned')
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

async function findDeparture({ db }: TenantTransaction, id: string): Promise<PlannedDeparture> {
  const { rows } = isId(id) ? await sql<PlannedDeparture>`${SHOWN} WHERE d.id = ${id}`.execute(db) : { rows: [] };
  const [found] = rows;
  if (found === undefined) throw new Fault('not-found', 'There is no such planned departure.', { where: 'path' });
  return found;
}

const SHOWN = sql`
  SELECT d.id, d.user_id AS "userId", u.email, d.due_at AS at, d.reason, d.planned_by AS "plannedBy", d.planned_at AS "plannedAt", d.state,
    d.settled_at AS "settledAt", d.settled_by AS "settledBy", d.settled_reason AS "settledReason", d.case_id AS "caseId"
  FROM planned_departures d JOIN users u ON u.id = d.user_id`;
