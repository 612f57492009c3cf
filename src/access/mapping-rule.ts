/**
 * Mapping rules: when a directory says this of somebody (a group, a condition over attributes), then that role there. Here they are
 * written and read; what they give is computed by the one reconcile (directory, Mapping).
 */
import { sql } from 'kysely';
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { type Put, putRow } from '../tenancy/put.ts';
import { slug } from '../tenancy/slug.ts';
import { type ActorId, actingRoles, permit } from './acting.ts';
import { type AccessModel, findRole, type RoleRef } from './model.ts';
import { holdIfCustom } from './organization-roles.ts';
import { mayBeGiven, mayGrant, mayManage, type Recipient } from './rank.ts';
import { type Place, placeOf, type ScopeInput, scopeInput } from './scope.ts';

/** What an administrator says of a rule. */
export const mappingRuleInput = z
  .strictObject({
    slug,
    /** Slug of the directory whose word counts; null: any directory's. */
    directory: z.string().nullable().default(null),
    /** A group, by what `groupBy` says. */
    group: z.string().trim().min(1).max(256).nullable().default(null),
    /** `name`: in any case; `id`: the source's own; `pattern`: of names, in which `*` is anything, such as `eng-*`. */
    groupBy: z.enum(['name', 'id', 'pattern']).default('name'),
    /** An SQL/JSON path predicate over the directory's attributes, e.g. `$.department == "Engineering"`. */
    condition: z.string().trim().min(1).max(4000).nullable().default(null),
    effect: z.enum(['grant', 'deny']).default('grant'),
    scope: scopeInput,
    /** Which role; a denial without one denies all. */
    role: z.string().min(1).nullable().default(null),
    /** Among rules that give the same rank, the lower wins. */
    position: z.int().min(0).max(1_000_000).default(100),
    enabled: z.boolean().default(true),
  })
  .refine((rule) => rule.group !== null || rule.condition !== null, {
    error: 'needs a group or a condition',
    path: ['group'],
  })
  .refine((rule) => rule.effect === 'deny' || rule.role !== null, {
    error: 'a rule that grants needs a role',
    path: ['role'],
  });
export type MappingRuleInput = z.output<typeof mappingRuleInput>;

/**
 * Creates or updates a rule. It gives nothing yet: the caller reconciles everybody once all rules are written.
 * @throws Fault `invalid-input` where the role can't be given by a rule there or the condition is not an SQL/JSON path predicate,
 * `not-found` where directory, workspace or product are not there
 */
export async function putMappingRule(tx: TenantTransaction, model: AccessModel, input: MappingRuleInput): Promise<Put> {
  const place = await placeOf(tx, input.scope);
  refuseUnmappable(model, place.kind, input);
  if (input.role !== null) await holdIfCustom(tx, model, { scopeKind: place.kind, role: input.role });
  const condition = input.condition === null ? null : { jsonpath: await canonicalCondition(tx, input.condition) };
  return putRow(
    tx,
    'mapping_rules',
    'mapping_rule',
    { slug: input.slug },
    {
      directory_id: input.directory === null ? null : await directoryId(tx, input.directory),
      group_name: input.group,
      group_by: input.groupBy,
      condition,
      effect: input.effect,
      scope_kind: place.kind,
      workspace_id: place.workspaceId,
      product_id: place.productId,
      role: input.role,
      position: input.position,
      enabled: input.enabled,
    },
  );
}

/**
 * Whether somebody may write, change or remove a rule: whoever may give what it gives, or what it denies. Else a rule would be a way
 * round one's own rank.
 * @param to what the rule is to say; left out where it is to go
 * @throws Fault `forbidden`, `not-found` where workspace or product are not there
 */
export async function permitRule(
  tx: TenantTransaction,
  model: AccessModel,
  actor: ActorId,
  name: string,
  to?: MappingRuleInput,
): Promise<void> {
  if (actor === null) return;
  const { rows } = await sql<ShownRule>`${SHOWN} WHERE r.slug = ${name}`.execute(tx.db);
  for (const { scope, role } of to === undefined ? rows : [...rows, to]) {
    const place = await placeOf(tx, scope);
    const own = await actingRoles(tx, model, actor, place);
    for (const ref of role === null ? mappable(model, place.kind) : [{ scopeKind: place.kind, role }]) {
      const given = mayBeGiven(model, ref, 'mapping', whoeverMay(model, ref)).allowed;
      permit(given ? mayGrant(model, own, ref, 'mapping', whoeverMay(model, ref)) : mayManage(model, own, ref));
    }
  }
}

/** Every rule, in the order in which they are weighed. */
export async function listMappingRules(tx: TenantTransaction) {
  const { rows } = await sql<ShownRule>`${SHOWN} ORDER BY r.position, r.slug`.execute(tx.db);
  return rows;
}

/** One rule, by slug. @throws Fault `not-found` */
export async function findMappingRule(tx: TenantTransaction, name: string): Promise<ShownRule> {
  const { rows } = await sql<ShownRule>`${SHOWN} WHERE r.slug = ${name}`.execute(tx.db);
  const [found] = rows;
  if (found === undefined) throw new Fault('not-found', `There is no mapping rule "${name}".`, { where: 'rule' });
  return found;
}

/** Removes a rule; what it gave goes with the reconcile that the caller runs next. @throws Fault `not-found` */
export async function deleteMappingRule(tx: TenantTransaction, name: string): Promise<void> {
  const { id } = await findMappingRule(tx, name);
  await tx.db.deleteFrom('mapping_rules').where('id', '=', id).execute();
  await record(tx, { action: 'mapping_rule.deleted', resource: { type: 'mapping_rule', id }, detail: { slug: name } });
}

export interface ShownRule {
  readonly id: string;
  readonly slug: string;
  readonly directory: string | null;
  readonly group: string | null;
  readonly groupBy: 'name' | 'id' | 'pattern';
  readonly condition: string | null;
  readonly effect: 'grant' | 'deny';
  readonly scope: ScopeInput;
  readonly role: string | null;
  readonly position: number;
  readonly enabled: boolean;
  /** How many memberships it gives at this moment. */
  readonly gives: number;
}

const SHOWN = sql`
  SELECT r.id, r.slug, d.slug AS directory, r.group_name AS "group", r.group_by AS "groupBy", r.condition::text AS condition, r.effect,
    CASE r.scope_kind WHEN 'organization' THEN '"organization"'::jsonb
      WHEN 'workspace' THEN jsonb_build_object('workspace', w.slug)
      ELSE jsonb_build_object('product', w.slug || '/' || p.slug) END AS scope,
    r.role, r.position, r.enabled, (SELECT count(*)::int FROM memberships m WHERE m.rule_id = r.id) AS gives
  FROM mapping_rules r
  LEFT JOIN directories d ON d.id = r.directory_id
  LEFT JOIN workspaces w ON w.id = r.workspace_id LEFT JOIN products p ON p.id = r.product_id`;

function refuseUnmappable(model: AccessModel, scopeKind: Place['kind'], { role, effect }: MappingRuleInput): void {
  if (role === null) return;
  const ref = { scopeKind, role };
  if (effect === 'deny' && findRole(model, ref) !== undefined) return;
  const ruling = mayBeGiven(model, ref, 'mapping', whoeverMay(model, ref));
  if (!ruling.allowed) throw new Fault('invalid-input', ruling.reason, { where: 'role' });
}

/** What a role requires and how many hold it is asked of each person when the rule is carried out, not of the rule. */
function whoeverMay(model: AccessModel, ref: RoleRef): Recipient {
  const held = findRole(model, ref)?.requires;
  return { roles: held === undefined ? [] : [{ ...ref, role: held }], self: false, otherHolders: 0 };
}

/** Every role of a scope that a rule can give, and so all that a denial without a role denies. */
function mappable(model: AccessModel, scopeKind: Place['kind']): RoleRef[] {
  return [...model.roles.values()].filter((role) => role.scopeKind === scopeKind && role.sources.includes('mapping'));
}

async function directoryId(tx: TenantTransaction, name: string): Promise<string> {
  const found = await tx.db.selectFrom('directories').select('id').where('slug', '=', name).executeTakeFirst();
  if (found === undefined) throw new Fault('not-found', `There is no directory "${name}".`, { where: 'directory' });
  return found.id;
}

/**
 * The condition in Postgres' own spelling, so that the same condition is never taken for a changed one. Asked in a savepoint: a
 * condition that Postgres refuses must not spoil the transaction that others' work is in.
 */
async function canonicalCondition(tx: TenantTransaction, condition: string): Promise<string> {
  await sql`SAVEPOINT condition`.execute(tx.db);
  try {
    const { rows } = await sql<{ text: string; answers: unknown[] }>`
      SELECT ${condition}::jsonpath::text AS text,
        jsonb_path_query_array('{}', ${condition}::jsonpath, '{}', true) AS answers`.execute(tx.db);
    await sql`RELEASE SAVEPOINT condition`.execute(tx.db);
    const { text = condition, answers = [] } = rows[0] ?? {};
    if (isVerdict(answers)) return text;
  } catch (cause) {
    await sql`ROLLBACK TO SAVEPOINT condition`.execute(tx.db);
    throw badCondition(cause instanceof Error ? cause.message : 'unknown reason', cause);
  }
  throw badCondition('it finds something, but says neither yes nor no');
}

/** What a predicate answers, whatever it is asked of: one yes, no or unknown. Any other path would quietly match nobody. */
function isVerdict(answers: readonly unknown[]): boolean {
  return answers.length === 1 && (answers[0] === null || typeof answers[0] === 'boolean');
}

function badCondition(reason: string, cause?: unknown): Fault {
  return new Fault('invalid-input', `The condition is not an SQL/JSON path predicate: ${reason}.`, {
    where: 'condition',
    remedy: 'Write one that is true or false, such as $.department == "Engineering".',
    cause,
  });
}
