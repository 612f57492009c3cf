/**
 * A leaver comes back by an administrator's word: the same account, at a new epoch, so that nothing issued before counts again. What
 * the grace period gives back is shown before.
 */
import { sql } from 'kysely';
import type { ActorId } from '../access/acting.ts';
import { subjectOf } from '../access/membership.ts';
import type { Models } from '../access/model-file.ts';
import { organizationModel } from '../access/organization-model.ts';
import { findPerson } from '../access/people.ts';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { HAS_ACCOUNT_ELSEWHERE } from '../tenancy/account-scope.ts';
import { graceEnd } from './restorable.ts';
import { type Restoration, restorations, restore } from './restore.ts';

/** What the directories, which are above this room, do for a rehire. */
export interface Directories {
  /** Takes this organization's turn to reconcile; before the first write. */
  takeTurn(tx: TenantTransaction): Promise<void>;
  /** Derives a person's memberships anew. */
  settle(tx: TenantTransaction, userId: string): Promise<void>;
}

export interface RehireDependencies {
  readonly models: Models;
  readonly directories: Directories;
}

export interface RehirePreview {
  readonly userId: string;
  readonly email: string;
  readonly leftAt: Date;
  readonly graceEndsAt: Date;
  readonly restores: readonly ShownRestoration[];
  readonly withholds: readonly (ShownRestoration & { readonly why: string })[];
  /** What must be put right before; empty where the person can come back. */
  readonly obstacles: readonly string[];
}

interface ShownRestoration {
  readonly scope: string;
  readonly place: string | null;
  readonly role: string;
  readonly source: string;
  readonly expiresAt: Date | null;
}

/** Shows what a rehire would do. @throws Fault `not-found`, `conflict` where the person has not left */
export async function previewRehire(
  { models }: Pick<RehireDependencies, 'models'>,
  tx: TenantTransaction,
  user: string,
  by: ActorId,
): Promise<RehirePreview> {
  return (await look(models, tx, await leaver(tx, user), by)).preview;
}

/** Rehires a person. @throws Fault `not-found`, `conflict` where they have not left or an obstacle is in the way */
export async function rehireUser(
  { models, directories }: RehireDependencies,
  tx: TenantTransaction,
  order: { readonly user: string; readonly reason: string; readonly by: ActorId },
): Promise<RehirePreview> {
  await directories.takeTurn(tx);
  const person = await leaver(tx, order.user);
  await sql`SELECT FROM users WHERE id = ${person.id} FOR UPDATE`.execute(tx.db);
  const { preview, found } = await look(models, tx, await leaver(tx, person.id), order.by);
  const [obstacle] = preview.obstacles;
  if (obstacle !== undefined) throw new Fault('conflict', obstacle, { extra: { obstacles: preview.obstacles } });
  await sql`
    UPDATE users SET status = 'active', deprovisioned_at = NULL, suspended_at = NULL, suspended_reason = NULL, access_epoch = access_epoch + 1
    WHERE id = ${person.id}`.execute(tx.db);
  const detail = {
    email: person.email,
    leftAt: preview.leftAt,
    restored: preview.restores,
    withheld: preview.withholds,
  };
  await record(tx, { action: 'user.rehired', resource: { type: 'user', id: person.id }, reason: order.reason, detail });
  await restore(tx, [person.id], found);
  await directories.settle(tx, person.id);
  return preview;
}

interface Leaver {
  readonly id: string;
  readonly email: string;
  readonly leftAt: Date;
}

async function leaver(tx: TenantTransaction, user: string): Promise<Leaver> {
  const { id, email, status, deprovisionedAt } = await findPerson(tx, user);
  if (status === 'deprovisioned') return { id, email, leftAt: deprovisionedAt ?? new Date(0) };
  throw new Fault('conflict', `This person is ${status}; only who has left is rehired.`);
}

async function look(
  models: Models,
  tx: TenantTransaction,
  { id, email, leftAt }: Leaver,
  by: ActorId,
): Promise<{ preview: RehirePreview; found: Restoration[] }> {
  const model = await organizationModel(models, tx);
  const giver = by === null ? null : await subjectOf(tx, by);
  const found = await restorations(tx, model, [id], giver, new Date());
  const restores = found.filter(({ withheld }) => withheld === null).map(shown);
  const withholds = found.flatMap((each) => (each.withheld === null ? [] : [{ ...shown(each), why: each.withheld }]));
  const obstacles = await obstaclesTo(tx, id);
  const graceEndsAt = graceEnd(model, leftAt);
  return { found, preview: { userId: id, email, leftAt, graceEndsAt, restores, withholds, obstacles } };
}

/** A directory that says somebody is gone would let them go again at its next word. */
async function obstaclesTo({ db }: TenantTransaction, userId: string): Promise<string[]> {
  const { rows } = await sql<{ erased: boolean; taken: boolean; elsewhere: boolean; directories: string[] }>`
    SELECT u.erased_at IS NOT NULL AS erased,
      EXISTS (SELECT 1 FROM users o WHERE o.email = u.email AND o.status <> 'deprovisioned') AS taken,
      EXISTS (SELECT FROM accounts_elsewhere(ARRAY[u.email])) AS elsewhere,
      array(SELECT s.slug FROM directory_users d JOIN directories s ON s.id = d.directory_id AND s.decides_lifecycle
        WHERE d.user_id = u.id AND (d.deleted_at IS NOT NULL OR NOT d.active OR d.ends_at <= now())
          AND NOT EXISTS (SELECT 1 FROM directory_users o WHERE o.directory_id = d.directory_id AND o.user_id = u.id
            AND o.deleted_at IS NULL AND o.active AND coalesce(o.ends_at > now(), true)) ORDER BY s.slug) AS directories
    FROM users u WHERE u.id = ${userId}`.execute(db);
  const { erased = false, taken = false, elsewhere = false, directories = [] } = rows[0] ?? {};
  return [
    ...(erased ? ['Their personal data has been erased: add them as a new person.'] : []),
    ...(taken ? ['Somebody else has their e-mail address now.'] : []),
    ...(elsewhere ? [HAS_ACCOUNT_ELSEWHERE] : []),
    ...directories.map((slug) => `The directory ${slug} says that they have left: have it say that they are back.`),
  ];
}

function shown({ scope, place, role, source, expiresAt }: Restoration): ShownRestoration {
  return { scope, place, role, source, expiresAt };
}
