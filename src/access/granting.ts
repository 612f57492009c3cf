/** Giving, changing, taking and handing over roles by hand. Who may is decided by `rank.ts`; here it is asked, done and audited. */
import { sql } from 'kysely';
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';
import { rolesAt } from './decide.ts';
import { subjectOf } from './membership.ts';
import { type AccessModel, findRole, type RoleRef } from './model.ts';
import type { Source } from './model-schema.ts';
import { findPerson } from './people.ts';
import { mayBeGiven, mayGrant, mayLose, mayManage, mayTransfer, type Recipient, type Ruling } from './rank.ts';
import { type Place, placeOf, resourceAt, scopeInput } from './scope.ts';

export const grantInput = z.strictObject({
  /** Id or e-mail. */
  user: z.string().min(1),
  scope: scopeInput,
  role: z.string().min(1),
  reason: z.string().trim().max(500).default(''),
  expiresAt: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text))
    .refine((time) => time.getTime() > Date.now(), 'is in the past')
    .nullable()
    .default(null),
});
export type GrantInput = z.output<typeof grantInput>;

export const changeInput = z.strictObject({ role: z.string().min(1), reason: z.string().trim().max(500).default('') });

export const transferInput = z.strictObject({
  role: z.string().min(1),
  scope: scopeInput,
  /** Who holds it now; left out where the caller does. */
  from: z.string().optional(),
  to: z.string().min(1),
  reason: z.string().trim().max(500).default(''),
});
export type TransferInput = z.output<typeof transferInput>;

/** Who acts: a person with their rank, or null for the operator and for machines that administer people. */
export type ActorId = string | null;

/**
 * Gives a role by hand.
 * @returns the membership's id
 * @throws Fault `forbidden` where the actor's rank doesn't allow it, `invalid-input` where the role can't be given there or so,
 * `conflict` where the person holds one there by hand already or is not active
 */
export async function grantMembership(
  tx: TenantTransaction,
  model: AccessModel,
  actor: ActorId,
  input: GrantInput,
): Promise<string> {
  const place = await placeOf(tx, input.scope);
  const person = await findPerson(tx, input.user);
  await holdActive(tx, person.id);
  const ref = { scopeKind: place.kind, role: input.role };
  const recipient = await recipientOf(tx, model, person.id, place, ref, actor);
  const source = (await isFounding(tx, model, actor, ref, place)) ? 'ownership' : 'manual';
  await requireGrant(tx, model, actor, ref, place, source, recipient);
  if (model.hierarchy.reasonRequired && input.reason === '') throw reasonMissing();
  await requireLayers(tx, model, person.id, place);
  const { rows } = await sql<{ id: string }>`
    INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, product_id, role, source, granted_by, reason, expires_at)
    VALUES (${tx.organizationId}, ${person.id}, ${place.kind}, ${place.workspaceId}, ${place.productId}, ${input.role}, ${source},
      ${tx.origin.actor.label}, ${input.reason}, ${input.expiresAt})
    ON CONFLICT (organization_id, user_id, scope_kind, scope_id, source) DO NOTHING RETURNING id`.execute(tx.db);
  const [made] = rows;
  if (made === undefined) {
    throw new Fault('conflict', 'This person holds a role here by hand already.', {
      remedy: 'Change that membership instead.',
    });
  }
  await audit(tx, 'membership.granted', person.id, place, { role: input.role, source }, input.reason);
  return made.id;
}

/** Changes the role of a membership that was given by hand. @throws Fault as `grantMembership` */
export async function changeMembership(
  tx: TenantTransaction,
  model: AccessModel,
  actor: ActorId,
  id: string,
  change: z.output<typeof changeInput>,
): Promise<void> {
  const held = await heldMembership(tx, id);
  if (held.role === change.role) return;
  await requireManage(tx, model, actor, held);
  await requireLose(tx, model, held);
  const ref = { scopeKind: held.place.kind, role: change.role };
  const recipient = await recipientOf(tx, model, held.userId, held.place, ref, actor);
  await requireGrant(tx, model, actor, ref, held.place, 'manual', recipient);
  await tx.db
    .updateTable('memberships')
    .set({ role: change.role, source: 'manual', granted_by: tx.origin.actor.label, reason: change.reason })
    .where('id', '=', id)
    .execute();
  await audit(
    tx,
    'membership.changed',
    held.userId,
    held.place,
    { role: change.role, oldRole: held.role },
    change.reason,
  );
}

/**
 * Takes a role away. What a mapping rule gave is taken by changing the rule or the directory.
 * @throws Fault `not-found`, `forbidden`, `conflict` for a last owner or a derived membership
 */
export async function revokeMembership(
  tx: TenantTransaction,
  model: AccessModel,
  actor: ActorId,
  id: string,
  reason: string,
): Promise<void> {
  const held = await heldMembership(tx, id);
  await requireManage(tx, model, actor, held);
  await requireLose(tx, model, held);
  if (model.hierarchy.reasonRequired && reason === '') throw reasonMissing();
  await tx.db.deleteFrom('memberships').where('id', '=', id).execute();
  await audit(tx, 'membership.removed', held.userId, held.place, { role: held.role, source: held.source }, reason);
}

/** Hands a role over to somebody who may have it; the former holder becomes what the model says. @throws Fault `forbidden`, `not-found` */
export async function transferOwnership(
  tx: TenantTransaction,
  model: AccessModel,
  actor: ActorId,
  input: TransferInput,
): Promise<void> {
  const place = await placeOf(tx, input.scope);
  const from = actor ?? (input.from === undefined ? undefined : (await findPerson(tx, input.from)).id);
  if (from === undefined) throw new Fault('invalid-input', 'Say who hands the role over.', { where: 'from' });
  const to = (await findPerson(tx, input.to)).id;
  if (to === from) throw new Fault('invalid-input', 'A role is handed over to somebody else.', { where: 'to' });
  await holdActive(tx, to);
  const ref = { scopeKind: place.kind, role: input.role };
  const ruling = mayTransfer(model, ref, await rolesIn(tx, from, place), await rolesIn(tx, to, place));
  if (!ruling.allowed || ruling.formerHolderBecomes === undefined) throw new Fault('forbidden', ruling.reason);
  const { role: after } = ruling.formerHolderBecomes;
  const drop = (userId: string) =>
    sql`
    DELETE FROM memberships WHERE user_id = ${userId} AND scope_kind = ${place.kind} AND scope_id = ${place.id} AND source <> 'mapping'`.execute(
      tx.db,
    );
  await drop(from);
  await drop(to);
  const give = (userId: string, role: string, source: Source) =>
    sql`
    INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, product_id, role, source, granted_by, reason)
    VALUES (${tx.organizationId}, ${userId}, ${place.kind}, ${place.workspaceId}, ${place.productId}, ${role}, ${source},
      ${tx.origin.actor.label}, ${input.reason})`.execute(tx.db);
  await give(to, input.role, 'ownership');
  await give(from, after, 'manual');
  await audit(
    tx,
    'ownership.transferred',
    to,
    place,
    { role: input.role, from, formerHolderBecomes: after },
    input.reason,
  );
}

/** Memberships with their source, rule and reason; of one person where `userId` is given. */
export async function listMemberships(
  tx: TenantTransaction,
  filter: { readonly userId?: string | undefined; readonly scopeId?: string | undefined },
) {
  const { rows } = await sql<Readonly<Record<string, unknown>>>`
    SELECT m.id, m.user_id AS "userId", u.email, m.scope_kind AS scope, m.scope_id AS "scopeId",
      concat_ws('/', w.slug, p.slug) AS place, m.role, m.source, r.slug AS rule, m.run_id AS "runId", m.granted_by AS "grantedBy",
      m.reason, m.expires_at AS "expiresAt", m.created_at AS "createdAt"
    FROM memberships m JOIN users u ON u.id = m.user_id
    LEFT JOIN workspaces w ON w.id = m.workspace_id LEFT JOIN products p ON p.id = m.product_id
    LEFT JOIN mapping_rules r ON r.id = m.rule_id
    WHERE (${filter.userId ?? null}::uuid IS NULL OR m.user_id = ${filter.userId ?? null}::uuid)
      AND (${filter.scopeId ?? null}::uuid IS NULL OR m.scope_id = ${filter.scopeId ?? null}::uuid)
    ORDER BY u.email, m.scope_kind, place, m.source LIMIT 1000`.execute(tx.db);
  return rows;
}

interface Held {
  readonly id: string;
  readonly userId: string;
  readonly role: string;
  readonly source: Source;
  readonly place: Place;
}

async function heldMembership(tx: TenantTransaction, id: string): Promise<Held> {
  const row = isId(id)
    ? await tx.db.selectFrom('memberships').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()
    : undefined;
  if (row === undefined || row.scope_kind === 'platform')
    throw new Fault('not-found', 'There is no such membership.', { where: 'path' });
  if (row.source === 'mapping') {
    throw new Fault('conflict', 'This membership is derived by a mapping rule.', {
      remedy: 'Change the rule, or what the directory says of this person.',
    });
  }
  const place: Place = {
    kind: row.scope_kind,
    id: row.scope_id,
    workspaceId: row.workspace_id,
    productId: row.product_id,
  };
  return { id: row.id, userId: row.user_id, role: row.role, source: row.source, place };
}

/** Whoever is about to get something can't be let go in the same instant. */
async function holdActive(tx: TenantTransaction, userId: string): Promise<void> {
  const user = await tx.db.selectFrom('users').select('status').where('id', '=', userId).forShare().executeTakeFirst();
  if (user?.status !== 'active')
    throw new Fault('conflict', `This person is ${user?.status ?? 'unknown'}; only an active one is given roles.`);
}

async function rolesIn({ db }: TenantTransaction, userId: string, place: Place): Promise<RoleRef[]> {
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

async function otherHolders({ db }: TenantTransaction, userId: string, place: Place, role: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(DISTINCT m.user_id)::int AS count FROM memberships m JOIN users u ON u.id = m.user_id AND u.status = 'active'
    WHERE m.scope_kind = ${place.kind} AND m.scope_id = ${place.id} AND m.role = ${role} AND m.user_id <> ${userId}
      AND coalesce(m.expires_at > now(), true)`.execute(db);
  return rows[0]?.count ?? 0;
}

async function recipientOf(
  tx: TenantTransaction,
  model: AccessModel,
  userId: string,
  place: Place,
  ref: RoleRef,
  actor: ActorId,
): Promise<Recipient> {
  const single = findRole(model, ref)?.holders === 'one';
  // Two grants of a role with one holder must not pass each other.
  if (single)
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`holder ${place.id} ${ref.role}`}, 0))`.execute(tx.db);
  return {
    roles: await rolesIn(tx, userId, place),
    self: actor === userId,
    otherHolders: single ? await otherHolders(tx, userId, place, ref.role) : 0,
  };
}

async function requireGrant(
  tx: TenantTransaction,
  model: AccessModel,
  actor: ActorId,
  ref: RoleRef,
  place: Place,
  how: Source,
  recipient: Recipient,
): Promise<void> {
  const possible = mayBeGiven(model, ref, how, recipient);
  if (!possible.allowed) throw new Fault('invalid-input', possible.reason, { where: 'role' });
  if (actor === null) return;
  permit(mayGrant(model, await actingRoles(tx, model, actor, place), ref, how, recipient));
}

/** The operator names a scope's first owner; from then on the role is only handed over. */
async function isFounding(
  tx: TenantTransaction,
  model: AccessModel,
  actor: ActorId,
  ref: RoleRef,
  place: Place,
): Promise<boolean> {
  const role = findRole(model, ref);
  if (actor !== null || role === undefined || !role.owner || role.sources.includes('manual')) return false;
  const { rows } = await sql`
    SELECT 1 FROM memberships WHERE scope_kind = ${place.kind} AND scope_id = ${place.id} AND role = ${ref.role} LIMIT 1`.execute(
    tx.db,
  );
  return rows.length === 0;
}

async function requireManage(tx: TenantTransaction, model: AccessModel, actor: ActorId, held: Held): Promise<void> {
  if (actor === null) return;
  permit(
    mayManage(model, await actingRoles(tx, model, actor, held.place), { scopeKind: held.place.kind, role: held.role }),
  );
}

async function requireLose(tx: TenantTransaction, model: AccessModel, held: Held): Promise<void> {
  const ref = { scopeKind: held.place.kind, role: held.role };
  if (findRole(model, ref)?.owner) {
    // Two owners who leave at once must not each count the other.
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`owner ${held.place.id}`}, 0))`.execute(tx.db);
  }
  const ruling = mayLose(model, ref, await otherHolders(tx, held.userId, held.place, held.role));
  if (!ruling.allowed) throw new Fault('conflict', ruling.reason, { remedy: 'Hand the role over first.' });
}

async function actingRoles(tx: TenantTransaction, model: AccessModel, actor: string, place: Place): Promise<RoleRef[]> {
  return rolesAt(model, await subjectOf(tx, actor), resourceAt(tx.organizationId, place), new Date());
}

/** A product's role counts for nothing without what the model asks for before it, so it is not given without. */
async function requireLayers(tx: TenantTransaction, model: AccessModel, userId: string, place: Place): Promise<void> {
  if (place.kind !== 'product' || place.workspaceId === null || !model.layers.includes('workspace')) return;
  const workspace: Place = {
    kind: 'workspace',
    id: place.workspaceId,
    workspaceId: place.workspaceId,
    productId: null,
  };
  if ((await rolesIn(tx, userId, workspace)).length > 0) return;
  throw new Fault('conflict', 'This person is not a member of the workspace that the product is in.', {
    remedy: 'Make them a member of the workspace first.',
  });
}

function permit(ruling: Ruling): void {
  if (!ruling.allowed) throw new Fault('forbidden', ruling.reason);
}

function reasonMissing(): Fault {
  return new Fault('invalid-input', 'This access model asks for a reason.', { where: 'reason' });
}

async function audit(
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
