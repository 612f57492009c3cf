/**
 * Carries a plan out, wholly inside the transaction it is given: accounts, facts, leavers, memberships, audit. Every statement is
 * over the whole set of changes.
 */
import { type RawBuilder, sql } from 'kysely';
import { organizationModel } from '../../access/organization-model.ts';
import { auditing, recordSelected } from '../../audit/record.ts';
import { deprovision } from '../../offboarding/deprovision.ts';
import { restorations, restore } from '../../offboarding/restore.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { ACCOUNT_SCOPE } from '../../tenancy/account-scope.ts';
import { areAll, type ChangeSet, mayHave, over } from './changes.ts';
import type { ReconcileDependencies } from './model.ts';
import { GONE, PRESENT } from './present.ts';

/** Applies account-level changes of a directory; `recordFacts` runs once the accounts exist that facts point to. */
export async function applyPeople(
  deps: ReconcileDependencies,
  tx: TenantTransaction,
  directoryId: string,
  changes: ChangeSet,
  trigger: string,
  recordFacts: () => Promise<void> = async () => undefined,
): Promise<void> {
  if (areAll(changes, NEWCOMERS)) {
    await welcome(tx, directoryId, changes);
    return;
  }
  if (mayHave(changes, 'user.create')) await over(changes, creating(tx, changes)).execute(tx.db);
  await updateUsers(tx, changes);
  if (mayHave(changes, 'user.reactivate')) await restoreReturned(deps, tx, changes);
  await recordFacts();
  if (mayHave(changes, ...NEWCOMERS)) await over(changes, linking(directoryId, changes)).execute(tx.db);
  if (mayHave(changes, ...TOLD)) await over(changes, auditing(tx, peopleEvents(changes))).execute(tx.db);
  if (!mayHave(changes, 'user.deprovision')) return;
  const leavers = await over(
    changes,
    sql<{ userId: string; reason: string }>`
      SELECT c.user_id AS "userId", c.reason FROM ${changes.rows} WHERE c.kind = 'user.deprovision'`,
  ).execute(tx.db);
  if (leavers.rows.length > 0) {
    await deprovision(deps, tx, leavers.rows, {
      kind: trigger,
      ...(changes.runId === null ? {} : { runId: changes.runId }),
    });
  }
}

/** Applies changes of derived memberships. */
export async function applyMemberships(tx: TenantTransaction, changes: ChangeSet): Promise<void> {
  if (mayHave(changes, 'membership.remove')) {
    await over(
      changes,
      sql`
      DELETE FROM memberships m USING ${changes.rows}
      WHERE c.kind = 'membership.remove' AND m.source = 'mapping' AND m.user_id = c.user_id AND m.scope_kind = c.scope_kind
        AND m.scope_id = c.scope_id`,
    ).execute(tx.db);
  }
  if (mayHave(changes, 'membership.add', 'membership.change')) await addMemberships(tx, changes);
  await recordSelected(
    tx,
    sql`SELECT CASE c.kind WHEN 'membership.add' THEN 'membership.granted' WHEN 'membership.change' THEN 'membership.changed'
        ELSE 'membership.removed' END, 'user', c.user_id::text, c.reason,
      jsonb_strip_nulls(jsonb_build_object('scope', c.scope_kind, 'scopeId', c.scope_id, 'role', c.role, 'oldRole', c.old_role,
        'rule', c.rule_id, 'run', ${changes.runId}::uuid))
      FROM ${changes.rows} WHERE c.kind IN ('membership.add', 'membership.change', 'membership.remove')`,
  );
}

async function addMemberships(tx: TenantTransaction, changes: ChangeSet): Promise<void> {
  // Whoever gives access holds the person's row, so that nobody can be let go and given access in the same instant.
  await over(
    changes,
    sql`
    WITH changed AS (SELECT c.* FROM ${changes.rows} WHERE c.kind IN ('membership.add', 'membership.change')),
    here AS (SELECT id FROM users WHERE id IN (SELECT user_id FROM changed) AND status <> 'deprovisioned' ORDER BY id FOR SHARE)
    INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, product_id, role, source, rule_id, run_id, granted_by, reason)
    SELECT ${tx.organizationId}::uuid, c.user_id, c.scope_kind, c.workspace_id, c.product_id, c.role, 'mapping', c.rule_id,
      ${changes.runId}::uuid, ${tx.origin.actor.label}, c.reason
    FROM changed c JOIN here ON here.id = c.user_id
    ON CONFLICT (organization_id, user_id, scope_kind, scope_id, source) DO UPDATE SET role = excluded.role,
      rule_id = excluded.rule_id, run_id = excluded.run_id, granted_by = excluded.granted_by, reason = excluded.reason`,
  ).execute(tx.db);
}

const NEWCOMERS = ['user.create', 'user.link'] as const;
const TOLD = [...NEWCOMERS, 'user.update', 'user.reactivate', 'user.missing', 'user.found', 'user.protected'] as const;

/** Most of what a source pushes is somebody new: made, linked and told in one statement. */
async function welcome(tx: TenantTransaction, directoryId: string, changes: ChangeSet): Promise<void> {
  await over(
    changes,
    sql`WITH made AS (${creating(tx, changes)}), linked AS (${linking(directoryId, changes)})
      ${auditing(tx, peopleEvents(changes))}`,
  ).execute(tx.db);
}

function creating(tx: TenantTransaction, changes: ChangeSet): RawBuilder<unknown> {
  return sql`
    INSERT INTO users (organization_id, account_scope, id, email, display_name)
    SELECT ${tx.organizationId}::uuid, ${ACCOUNT_SCOPE}, c.user_id, c.email, coalesce(c.display_name, '') FROM ${changes.rows}
    WHERE c.kind = 'user.create'`;
}

/** Whoever is made or matched is present; see `rememberPresence`. */
function linking(directoryId: string, changes: ChangeSet): RawBuilder<unknown> {
  return sql`
    UPDATE directory_users d SET user_id = c.user_id, reconciled_present = true FROM ${changes.rows}
    WHERE c.kind IN ('user.create', 'user.link') AND d.directory_id = ${directoryId} AND d.source_key = c.source_key
      AND (d.user_id IS DISTINCT FROM c.user_id OR d.reconciled_present IS NOT TRUE)`;
}

async function updateUsers(tx: TenantTransaction, changes: ChangeSet): Promise<void> {
  if (mayHave(changes, 'user.update')) {
    await over(
      changes,
      sql`
      UPDATE users u SET email = c.email, display_name = coalesce(c.display_name, u.display_name) FROM ${changes.rows}
      WHERE c.kind = 'user.update' AND u.id = c.user_id`,
    ).execute(tx.db);
  }
  if (mayHave(changes, 'user.reactivate')) {
    await over(
      changes,
      sql`
      UPDATE users u SET status = 'active', deprovisioned_at = NULL, suspended_at = NULL, access_epoch = u.access_epoch + 1, email = c.email
      FROM ${changes.rows} WHERE c.kind = 'user.reactivate' AND u.id = c.user_id`,
    ).execute(tx.db);
  }
}

/** Who is back within the grace period gets back what was given by hand, as the model's policy has it; the rest is derived. */
async function restoreReturned(deps: ReconcileDependencies, tx: TenantTransaction, changes: ChangeSet): Promise<void> {
  const { rows } = await over(
    changes,
    sql<{ id: string }>`SELECT c.user_id AS id FROM ${changes.rows} WHERE c.kind = 'user.reactivate'`,
  ).execute(tx.db);
  if (rows.length === 0) return;
  const ids = rows.map(({ id }) => id);
  await restore(tx, ids, await restorations(tx, await organizationModel(deps.models, tx), ids, null, new Date()));
}

/** Remembers for each settled record what was seen; those that are in doubt are looked at again next time. */
export async function rememberPresence(
  tx: TenantTransaction,
  directoryId: string,
  changes: ChangeSet,
  ids: readonly string[] | 'all',
): Promise<void> {
  const update = sql`
    UPDATE directory_users d SET reconciled_present = ${PRESENT}
    WHERE d.directory_id = ${directoryId} AND ${ids === 'all' ? sql`true` : sql`d.id = ANY(${ids as string[]}::uuid[])`}
      AND (${PRESENT} OR ${GONE}) AND d.reconciled_present IS DISTINCT FROM ${PRESENT}
      AND d.source_key NOT IN (SELECT c.source_key FROM ${changes.rows} WHERE c.kind = 'user.ambiguous' AND c.source_key IS NOT NULL)`;
  await over(changes, update).execute(tx.db);
}

function peopleEvents(changes: ChangeSet): RawBuilder<unknown> {
  return sql`
    SELECT CASE c.kind WHEN 'user.create' THEN 'user.created' WHEN 'user.link' THEN 'user.linked' WHEN 'user.update' THEN 'user.updated'
        WHEN 'user.reactivate' THEN 'user.reactivated' WHEN 'user.missing' THEN 'user.missing' WHEN 'user.found' THEN 'user.found'
        ELSE 'user.deprovision_withheld' END, 'user', c.user_id::text, c.reason,
      jsonb_strip_nulls(jsonb_build_object('email', c.email, 'sourceKey', c.source_key, 'run', ${changes.runId}::uuid))
    FROM ${changes.rows} WHERE c.kind = ANY(${[...TOLD]}::text[])`;
}
