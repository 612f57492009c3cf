/** Handing a role over: its holder gives it to somebody who may have it and becomes what the model says. */
import { sql } from 'kysely';
import { z } from 'zod';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { type ActorId, permit } from './acting.ts';
import { requireReason } from './granting.ts';
import { holdActive, lockPlace, recordRole, rolesIn } from './holders.ts';
import { subjectOf } from './membership.ts';
import type { AccessModel } from './model.ts';
import type { Source } from './model-schema.ts';
import { findPerson, personInput } from './people.ts';
import { mayTransfer } from './rank.ts';
import { type Place, placeOf, scopeInput } from './scope.ts';

export const transferInput = z.strictObject({
  role: z.string().min(1).max(100),
  scope: scopeInput,
  /** Id or e-mail of who holds it now; only the operator says it, everybody else hands over what is theirs. */
  from: personInput.optional(),
  /** Id or e-mail. */
  to: personInput,
  reason: z.string().trim().max(500).default(''),
});
export type TransferInput = z.output<typeof transferInput>;

/**
 * Hands a role over.
 * @throws Fault `forbidden` where the role is not theirs to hand over or not to this person, `conflict` where one of the two is not
 * active, `not-found`, `invalid-input`
 */
export async function transferOwnership(
  tx: TenantTransaction,
  model: AccessModel,
  actor: ActorId,
  input: TransferInput,
): Promise<void> {
  const from = await holderOf(tx, actor, input);
  requireReason(model, input.reason);
  const place = await placeOf(tx, input.scope);
  await lockPlace(tx, place.id);
  const to = (await findPerson(tx, input.to)).id;
  if (to === from) throw new Fault('invalid-input', 'A role is handed over to somebody else.', { where: 'to' });
  await holdActive(tx, from, to);

  const ref = { scopeKind: place.kind, role: input.role };
  const ruling = mayTransfer(model, ref, await rolesIn(tx, from, place), await rolesIn(tx, to, place));
  permit(ruling);
  const after = ruling.formerHolderBecomes?.role ?? '';
  await sql`
    DELETE FROM memberships WHERE user_id IN (${from}, ${to}) AND scope_kind = ${place.kind} AND scope_id = ${place.id}
      AND source <> 'mapping'`.execute(tx.db);
  await give(tx, place, to, input.role, 'ownership', input.reason);
  await give(tx, place, from, after, 'manual', input.reason);
  const detail = { role: input.role, from, formerHolderBecomes: after };
  await recordRole(tx, 'ownership.transferred', to, place, detail, input.reason);
}

/** Who hands over. Somebody without the role learns nothing here of who and what there is. */
async function holderOf(tx: TenantTransaction, actor: ActorId, { role, from }: TransferInput): Promise<string> {
  if (actor === null) {
    if (from === undefined) throw new Fault('invalid-input', 'Say who hands the role over.', { where: 'from' });
    return (await findPerson(tx, from)).id;
  }
  const { memberships } = await subjectOf(tx, actor);
  if (memberships.some((each) => each.role === role)) return actor;
  throw new Fault('forbidden', `Only who holds the role "${role}" can hand it over.`);
}

async function give(
  tx: TenantTransaction,
  place: Place,
  userId: string,
  role: string,
  source: Source,
  reason: string,
): Promise<void> {
  await sql`
    INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, product_id, role, source, granted_by, reason)
    VALUES (${tx.organizationId}, ${userId}, ${place.kind}, ${place.workspaceId}, ${place.productId}, ${role}, ${source},
      ${tx.origin.actor.label}, ${reason})`.execute(tx.db);
}
