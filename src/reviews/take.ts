/** What revocations come to: memberships are taken, were gone already, or may not be taken. Set-based, however many there are. */
import { sql } from 'kysely';
import type { ActorId } from '../access/acting.ts';
import { rolesAt } from '../access/decide.ts';
import { lockPlace } from '../access/holders.ts';
import { subjectOf } from '../access/membership.ts';
import { type AccessModel, findRole } from '../access/model.ts';
import { mayLose, mayManage, type Ruling } from '../access/rank.ts';
import { type Place, resourceAt } from '../access/scope.ts';
import type { Subject } from '../access/subject.ts';
import { auditing } from '../audit/record.ts';
import type { ReconcileDependencies } from '../directory/reconcile/model.ts';
import { reconcilePeople } from '../directory/reconcile/people.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { excludeAll } from './exclusion.ts';

/** An item as revoking it needs it. */
export interface Takeable {
  readonly id: string;
  readonly membershipId: string;
  readonly userId: string;
  readonly role: string;
  readonly source: string;
  readonly place: Place;
}

export interface Outcome {
  readonly id: string;
  readonly outcome: 'revoked' | 'gone' | 'withheld';
  readonly why: string;
}

/**
 * Takes memberships away.
 * @param authorities whose rank counts; one of them that may manage a role is enough, and null, the operator, may always
 * @returns an outcome for each item
 */
export async function takeAll(
  deps: ReconcileDependencies,
  tx: TenantTransaction,
  model: AccessModel,
  items: readonly Takeable[],
  authorities: readonly ActorId[],
  reason: string,
): Promise<Outcome[]> {
  for (const id of [...new Set(items.map(({ place }) => place.id))].sort()) await lockPlace(tx, id);
  const withheld = await withheldOf(tx, model, items, authorities);
  const left = items.filter(({ id }) => !withheld.has(id));
  const derived = left.filter(({ source }) => source === 'mapping');
  const given = left.filter(({ source }) => source !== 'mapping');
  const deleted = await deleteGiven(tx, given, reason);
  if (derived.length > 0) {
    await excludeAll(tx, derived, reason);
    await reconcilePeople(deps, tx, { userIds: [...new Set(derived.map(({ userId }) => userId))] }, 'review');
  }
  return items.map(({ id, membershipId, source }) => {
    const why = withheld.get(id);
    if (why !== undefined) return { id, outcome: 'withheld', why };
    if (source === 'mapping') return { id, outcome: 'revoked', why: 'excluded from what mapping rules give' };
    if (deleted.has(membershipId)) return { id, outcome: 'revoked', why: '' };
    return { id, outcome: 'gone', why: 'no longer held when it was decided' };
  });
}

/** By item, why it may not be taken. */
async function withheldOf(
  tx: TenantTransaction,
  model: AccessModel,
  items: readonly Takeable[],
  authorities: readonly ActorId[],
): Promise<Map<string, string>> {
  const actors: (Subject | null)[] = [];
  for (const actor of authorities) actors.push(actor === null ? null : await subjectOf(tx, actor));
  const holders = await ownersOf(tx, model, items);
  const now = new Date();
  const withheld = new Map<string, string>();
  for (const { id, userId, role, place } of items) {
    const ref = { scopeKind: place.kind, role };
    const resource = resourceAt(tx.organizationId, place);
    const managing = firstAllowed(actors, (actor) => mayManage(model, rolesAt(model, actor, resource, now), ref));
    const others = holders.get(`${place.id} ${role}`) ?? new Set();
    const staying = [...others].filter((other) => other !== userId).length;
    const ruling = managing.allowed ? mayLose(model, ref, staying) : managing;
    if (ruling.allowed) others.delete(userId);
    else withheld.set(id, ruling.reason);
  }
  return withheld;
}

function firstAllowed(actors: readonly (Subject | null)[], rule: (actor: Subject) => Ruling): Ruling {
  let ruling: Ruling = { allowed: false, reason: 'Nobody has the right to take it.' };
  for (const actor of actors) {
    ruling = actor === null ? { allowed: true, reason: '' } : rule(actor);
    if (ruling.allowed) return ruling;
  }
  return ruling;
}

/** The active holders of owner roles among these, by place and role. */
async function ownersOf(
  tx: TenantTransaction,
  model: AccessModel,
  items: readonly Takeable[],
): Promise<Map<string, Set<string>>> {
  const owned = items.filter(({ place, role }) => findRole(model, { scopeKind: place.kind, role })?.owner);
  const places = [...new Set(owned.map(({ place }) => place.id))];
  if (places.length === 0) return new Map();
  const { rows } = await sql<{ key: string; holders: string[] }>`
    SELECT m.scope_id || ' ' || m.role AS key, array_agg(DISTINCT m.user_id) AS holders
    FROM memberships m JOIN users u ON u.id = m.user_id AND u.status = 'active'
    WHERE m.scope_id = ANY(${places}::uuid[]) AND coalesce(m.expires_at > now(), true) GROUP BY m.scope_id, m.role`.execute(
    tx.db,
  );
  return new Map(rows.map(({ key, holders }) => [key, new Set(holders)]));
}

/** @returns the ids of the memberships that were still there */
async function deleteGiven(tx: TenantTransaction, items: readonly Takeable[], reason: string): Promise<Set<string>> {
  if (items.length === 0) return new Set();
  const wanted = JSON.stringify(items.map(({ membershipId: id, role }) => ({ id, role })));
  const { rows } = await sql<{ id: string }>`
    WITH taken AS (
      DELETE FROM memberships m USING jsonb_to_recordset(${wanted}::jsonb) AS w(id uuid, role text)
      WHERE m.id = w.id AND m.role = w.role RETURNING m.id, m.user_id, m.scope_kind, m.scope_id, m.role, m.source
    ), told AS (${auditing(
      tx,
      sql`SELECT 'membership.removed', 'user', user_id::text, ${reason}::text,
        jsonb_build_object('scope', scope_kind, 'scopeId', scope_id, 'role', role, 'source', source) FROM taken`,
    )})
    SELECT id FROM taken`.execute(tx.db);
  return new Set(rows.map(({ id }) => id));
}
