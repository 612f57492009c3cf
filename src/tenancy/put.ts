/**
 * "Make it so": creates a named thing, updates it, or leaves it as it is, and says which. Organization as code and the
 * administration API share it, so that both are idempotent and both audit exactly what changed.
 */
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { Tables } from '../store/tables.ts';
import type { TenantTransaction } from '../store/tenant.ts';

export interface Put {
  readonly id: string;
  readonly action: 'create' | 'update' | 'keep';
  /** Names of the fields that differ from before; all given ones where it is new. */
  readonly changed: readonly string[];
}

export type PutValue =
  | string
  | number
  | boolean
  | null
  | Date
  | readonly string[]
  | { readonly json: unknown }
  | { readonly jsonpath: string };

/**
 * Puts the row of `table` whose `key` columns match to `values`. Columns that are not named keep what they have.
 * @param resource the audit's name for such a thing, e.g. `workspace`; the action is `<resource>.created` or `.updated`
 */
export async function putRow(
  tx: TenantTransaction,
  table: keyof Tables,
  resource: string,
  key: Readonly<Record<string, string>>,
  values: Readonly<Record<string, PutValue>>,
): Promise<Put> {
  const where = sql.join(
    Object.entries({ organization_id: tx.organizationId, ...key }).map(
      ([column, value]) => sql`${sql.id(column)} = ${value}`,
    ),
    sql` AND `,
  );
  const columns = sql.join(Object.keys(values).map((column) => sql.id(column)));
  const found = await sql<Record<string, unknown> & { id: string }>`
    SELECT id, ${columns} FROM ${sql.table(table)} WHERE ${where} FOR UPDATE`.execute(tx.db);
  const before = found.rows[0];
  const changed = changedFields(before, values);
  if (before !== undefined && changed.length === 0) return { id: before.id, action: 'keep', changed };

  const id = before === undefined ? await insert(tx, table, { ...key, ...values }) : before.id;
  if (before !== undefined) {
    const set = sql.join(changed.map((column) => sql`${sql.id(column)} = ${written(values[column] ?? null)}`));
    await sql`UPDATE ${sql.table(table)} SET ${set} WHERE ${where}`.execute(tx.db);
  }
  const action = before === undefined ? 'create' : 'update';
  await record(tx, {
    action: `${resource}.${action}d`,
    resource: { type: resource, id },
    detail: { ...key, fields: changed },
  });
  return { id, action, changed };
}

/** Names of the `values` that differ from a row as it was read; all of them where there was none. */
export function changedFields(
  before: Readonly<Record<string, unknown>> | undefined,
  values: Readonly<Record<string, PutValue>>,
): string[] {
  return Object.keys(values).filter((name) => before === undefined || !same(before[name], values[name] ?? null));
}

/**
 * Runs a write that a unique key may refuse.
 * @param key the one that is meant; left out: whichever
 * @throws `fault` in place of the database's own words
 */
export async function unlessTaken<T>(work: () => Promise<T>, fault: Fault, key?: string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code, constraint } = error as { code?: string; constraint?: string };
    throw code === '23505' && (key === undefined || key === constraint) ? fault : error;
  }
}

async function insert(
  tx: TenantTransaction,
  table: keyof Tables,
  row: Readonly<Record<string, PutValue>>,
): Promise<string> {
  const columns = sql.join(['organization_id', ...Object.keys(row)].map((column) => sql.id(column)));
  const values = sql.join([sql`${tx.organizationId}`, ...Object.values(row).map(written)]);
  const adding = sql<{ id: string }>`
    INSERT INTO ${sql.table(table)} (${columns}) VALUES (${values}) RETURNING id`;
  const meanwhile = new Fault('conflict', 'Somebody else is making the same thing at this moment.', {
    remedy: 'Repeat the request.',
  });
  const { rows } = await unlessTaken(() => adding.execute(tx.db), meanwhile);
  return rows[0]?.id ?? '';
}

function written(value: PutValue) {
  if (value !== null && typeof value === 'object' && 'json' in value) return sql`${JSON.stringify(value.json)}::jsonb`;
  if (value !== null && typeof value === 'object' && 'jsonpath' in value) return sql`${value.jsonpath}::jsonpath`;
  return sql`${value}`;
}

function same(before: unknown, value: PutValue): boolean {
  if (value !== null && typeof value === 'object' && 'json' in value) {
    return isDeepStrictEqual(before, JSON.parse(JSON.stringify(value.json)));
  }
  if (value !== null && typeof value === 'object' && 'jsonpath' in value) return before === value.jsonpath;
  return isDeepStrictEqual(before ?? null, value);
}
