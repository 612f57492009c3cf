/**
 * With which rank a caller gives and takes roles: by hand, and by what mapping rules give. Nobody gets round their own rank, and
 * whoever tries is written down.
 */
import type { Request } from 'express';
import type { Kysely } from 'kysely';
import { type Attempt, attempting } from '../audit/attempt.ts';
import { Fault } from '../errors.ts';
import { type Caller, callerOf } from '../http/caller.ts';
import type { Tables } from '../store/tables.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { rolesAt } from './decide.ts';
import { subjectOf } from './membership.ts';
import type { AccessModel, RoleRef } from './model.ts';
import type { Ruling } from './rank.ts';
import { type Place, resourceAt } from './scope.ts';
import { liveRoles } from './subject.ts';

/** Who acts: the id of a person, whose rank counts, or null for the operator, who is above all ranks. */
export type ActorId = string | null;

/**
 * The person whose rank a caller acts with: themselves, or the creator for whom a key acts.
 * @throws Fault `forbidden` for a key that acts as itself: it has no rank, so it could give any role
 */
export function actorOf({ actor, userId }: Caller): ActorId {
  if (actor.kind === 'operator') return null;
  if (userId !== null) return userId;
  throw new Fault('forbidden', 'A key that acts as nobody has no rank, so it neither gives nor takes roles.', {
    remedy: "Use a person's key or session, or the operator's token.",
  });
}

/** What a person holds in a place or around it, as the rules about ranks ask for it. */
export async function actingRoles(
  tx: TenantTransaction,
  model: AccessModel,
  actor: string,
  place: Place,
): Promise<RoleRef[]> {
  return rolesAt(model, await subjectOf(tx, actor), resourceAt(tx.organizationId, place), new Date());
}

/** All that a person holds now, wherever it is. */
export async function heldRoles(tx: TenantTransaction, model: AccessModel, actor: string): Promise<RoleRef[]> {
  const subject = await subjectOf(tx, actor);
  return subject.status === 'active' ? liveRoles(model, subject, new Date()).map(({ role }) => role) : [];
}

/** @throws Fault `forbidden` where the ruling is a no */
export function permit(ruling: Ruling): void {
  if (!ruling.allowed) throw new Fault('forbidden', ruling.reason);
}

/**
 * Does `work` in a transaction of the request's organization and caller; where the caller's rank forbids it, that is audited.
 * @param work takes the transaction and who acts
 */
export function withRank<T>(
  db: Kysely<Tables>,
  request: Request,
  attempt: Attempt,
  work: (tx: TenantTransaction, actor: ActorId) => Promise<T>,
): Promise<T> {
  return attempting(db, request, attempt, async (tx) => work(tx, actorOf(callerOf(request))));
}
