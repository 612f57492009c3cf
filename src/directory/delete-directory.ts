/**
 * A directory goes for good. What becomes of the people whom only it states is asked for, never guessed: they are kept with what they
 * have, frozen until somebody decides, or let go.
 */
import { sql } from 'kysely';
import { organizationModel } from '../access/organization-model.ts';
import { ownerRoles } from '../access/reconcile-view.ts';
import { auditing, record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import { deprovision } from '../offboarding/deprovision.ts';
import { endSignIns } from '../offboarding/end-sign-ins.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { findDirectory } from './directory.ts';
import type { ReconcileDependencies } from './reconcile/model.ts';
import { reconcileEverybody } from './reconcile/people.ts';
import { takeTurn } from './reconcile/turns.ts';

export const PEOPLE_POLICIES = ['keep', 'freeze', 'deprovision'] as const;
export type PeoplePolicy = (typeof PEOPLE_POLICIES)[number];

export interface Deleted {
  /** Whom only this directory stated. */
  readonly people: number;
  /** Protected accounts and last owners: kept, whatever the policy says. */
  readonly withheld: number;
}

/**
 * Deletes a directory.
 * @param policy needed where it states people
 * @throws Fault `not-found`, `conflict` where a policy is needed, or logins come through a connection that needs the directory
 */
export async function deleteDirectory(
  deps: ReconcileDependencies,
  tx: TenantTransaction,
  slug: string,
  policy: PeoplePolicy | undefined,
): Promise<Deleted> {
  await takeTurn(tx, 'alone');
  const directory = await findDirectory(tx, slug);
  await refuseOfConnection(tx, directory.id);
  const people = directory.decides_lifecycle ? await onlyHere(deps, tx, directory.id) : [];
  if (people.length > 0 && policy === undefined) throw policyNeeded(people.length);
  const reason = `the directory ${directory.slug} was deleted`;
  const going = people.filter(({ kept }) => !kept).map(({ id }) => id);
  if (policy === 'keep' || policy === 'freeze')
    await keepRoles(
      tx,
      people.map(({ id }) => id),
      reason,
    );
  if (policy === 'freeze' && going.length > 0) await freeze(deps, tx, going, reason);
  if (policy === 'deprovision') {
    await deprovision(
      deps,
      tx,
      going.map((userId) => ({ userId, reason })),
      { kind: 'directory-deleted' },
    );
  }
  const counts = { people: people.length, withheld: policy === 'keep' ? 0 : people.length - going.length };
  await tx.db.deleteFrom('directories').where('id', '=', directory.id).execute();
  const resource = { type: 'directory', id: directory.id };
  await record(tx, {
    action: 'directory.deleted',
    resource,
    detail: { slug: directory.slug, policy: policy ?? null, ...counts },
  });
  await reconcileEverybody(deps, tx, 'directory-deleted');
  return counts;
}

interface Stated {
  readonly id: string;
  readonly kept: boolean;
}

/** People whom no other directory that decides names as present; and whether they are protected or a last owner. */
async function onlyHere(deps: ReconcileDependencies, tx: TenantTransaction, directoryId: string): Promise<Stated[]> {
  const owners = ownerRoles(await organizationModel(deps.models, tx));
  const { rows } = await sql<Stated>`
    WITH theirs AS (
      SELECT DISTINCT u.id, u.protected FROM users u JOIN directory_users d ON d.user_id = u.id AND d.directory_id = ${directoryId}
      WHERE u.status <> 'deprovisioned' AND NOT EXISTS (
        SELECT 1 FROM directory_users o JOIN directories s ON s.id = o.directory_id AND s.decides_lifecycle
        WHERE o.user_id = u.id AND o.directory_id <> ${directoryId} AND o.deleted_at IS NULL AND o.active))
    SELECT t.id, t.protected OR EXISTS (
      SELECT 1 FROM memberships m WHERE m.user_id = t.id AND m.role = ANY(${owners}::text[]) AND NOT EXISTS (
        SELECT 1 FROM memberships o JOIN users u ON u.id = o.user_id AND u.status = 'active'
        WHERE o.role = m.role AND o.scope_id = m.scope_id AND o.user_id NOT IN (SELECT id FROM theirs))) AS kept
    FROM theirs t ORDER BY t.id`.execute(tx.db);
  return rows;
}

/** What a rule derived from the directory's word is from now on given by hand; else it would go with the directory. */
async function keepRoles(tx: TenantTransaction, ids: readonly string[], reason: string): Promise<void> {
  await sql`
    WITH derived AS (DELETE FROM memberships WHERE user_id = ANY(${ids as string[]}::uuid[]) AND source = 'mapping' RETURNING *),
    kept AS (
      INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, product_id, role, source, granted_by, reason)
      SELECT organization_id, user_id, scope_kind, workspace_id, product_id, role, 'manual', ${tx.origin.actor.label}, ${reason} FROM derived
      ON CONFLICT (organization_id, user_id, scope_kind, scope_id, source) DO NOTHING RETURNING *)
    ${auditing(
      tx,
      sql`SELECT 'membership.kept', 'user', user_id::text, ${reason}::text,
        jsonb_build_object('scope', scope_kind, 'scopeId', scope_id, 'role', role) FROM kept`,
    )}`.execute(tx.db);
}

async function freeze(
  deps: ReconcileDependencies,
  tx: TenantTransaction,
  ids: readonly string[],
  reason: string,
): Promise<void> {
  await sql`
    WITH frozen AS (
      UPDATE users SET status = 'suspended', suspended_at = now(), suspended_reason = ${reason}
      WHERE id = ANY(${ids as string[]}::uuid[]) AND status = 'active' RETURNING id, email)
    ${auditing(tx, sql`SELECT 'user.suspended', 'user', id::text, ${reason}::text, jsonb_build_object('email', email) FROM frozen`)}
    `.execute(tx.db);
  await endSignIns(deps, tx, ids, reason);
}

async function refuseOfConnection({ db }: TenantTransaction, directoryId: string): Promise<void> {
  const used = await db
    .selectFrom('connections')
    .select('slug')
    .where('directory_id', '=', directoryId)
    .executeTakeFirst();
  if (used === undefined) return;
  throw new Fault('conflict', `It holds what logins through the connection ${used.slug} say.`, {
    remedy: 'Turn the connection off instead.',
  });
}

function policyNeeded(people: number): Fault {
  return new Fault('conflict', `Nobody else states ${people} of its people; say what becomes of them.`, {
    where: 'people',
    remedy:
      'keep: with what they have, by hand from now on; freeze: suspended until somebody decides; deprovision: let go.',
    extra: { people, policies: PEOPLE_POLICIES },
  });
}
