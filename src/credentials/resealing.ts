/**
 * Brings everything that is sealed under the key that seals now. Batch by batch, each its own transaction, and what is done is seen in the
 * rows themselves: however it is interrupted, it is begun again and goes on.
 */
import { type RawBuilder, sql } from 'kysely';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { SealingKeys } from '../sealing-keys.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { SEALED_COLUMNS, type SealedColumn } from './sealed-columns.ts';
import { seal, unseal } from './sealing.ts';

export interface KeyUse {
  readonly key: string;
  readonly table: string;
  readonly column: string;
  readonly rows: number;
}

export interface Resealed {
  readonly done: number;
  /** Rows that do not open: sealed under a key that is not known, or damaged. */
  readonly stuck: number;
  /** Where the next batch begins; null where this was the last. */
  readonly next: readonly unknown[] | null;
}

/** How many rows of this organization are under which key. */
export async function keyUses(tx: TenantTransaction): Promise<KeyUse[]> {
  const counts = SEALED_COLUMNS.map(
    ({ table, column }) => sql`
      SELECT split_part(${sql.id(column)}, '.', 2) AS key, ${table} AS table, ${column} AS column, count(*)::int AS rows
      FROM ${sql.id(table)} WHERE ${sql.id(column)} IS NOT NULL GROUP BY 1`,
  );
  const { rows } = await sql<KeyUse>`${sql.join(counts, sql` UNION ALL `)}`.execute(tx.db);
  return rows;
}

/** Re-seals the next rows of a column of this organization. @param after where the batch before ended; null at the beginning */
export async function resealBatch(
  tx: TenantTransaction,
  keys: SealingKeys,
  sealed: SealedColumn,
  after: readonly unknown[] | null,
  size: number,
): Promise<Resealed> {
  const rows = await rowsUnderOthers(tx, keys, sealed, after, size);
  const names = Object.keys(sealed.key);
  const last = rows.at(-1);
  const next = last === undefined || rows.length < size ? null : names.map((name) => last[name]);
  const opened = rows.flatMap((row) => {
    const text = openedOrNull(keys, sealed, row);
    return text === null ? [] : [{ row, now: seal(keys, sealed.purpose(row), text) }];
  });
  const done = opened.length === 0 ? 0 : await write(tx, sealed, opened);
  return { done, stuck: rows.length - opened.length, next };
}

/** Of an organization whose rows were all looked at. */
export async function recordResealed(tx: TenantTransaction, keys: SealingKeys, done: number): Promise<void> {
  const resource = { type: 'sealing_key', id: keys.current.id };
  await record(tx, { action: 'secrets.resealed', resource, detail: { rows: done } });
}

type Row = Readonly<Record<string, unknown>>;

async function rowsUnderOthers(
  tx: TenantTransaction,
  keys: SealingKeys,
  { table, column, key, also = [] }: SealedColumn,
  after: readonly unknown[] | null,
  size: number,
): Promise<Row[]> {
  const names = Object.keys(key);
  const columns = sql.join(names.map((name) => sql.id(name)));
  const beyond =
    after === null
      ? sql`true`
      : sql`(${columns}) > (${sql.join(Object.values(key).map((type, at) => typed(after[at], type)))})`;
  const read = sql.join([...new Set([...names, ...also, column])].map((name) => sql.id(name)));
  const { rows } = await sql<Row>`
    SELECT ${read} FROM ${sql.id(table)} WHERE ${sql.id(column)} NOT LIKE ${`v1.${keys.current.id}.%`} AND ${beyond}
    ORDER BY ${columns} LIMIT ${size}`.execute(tx.db);
  return rows;
}

function openedOrNull(keys: SealingKeys, { column, purpose }: SealedColumn, row: Row): string | null {
  try {
    return unseal(keys, purpose(row), String(row[column]));
  } catch (error) {
    if (error instanceof Fault) return null;
    throw error;
  }
}

/** A row that somebody else has written meanwhile is left as it is by now. */
async function write(
  tx: TenantTransaction,
  { table, column, key }: SealedColumn,
  opened: readonly { readonly row: Row; readonly now: string }[],
): Promise<number> {
  const names = Object.keys(key);
  const same = names.map((name) => sql`t.${sql.id(name)} = v.${sql.id(name)}`);
  const lists = Object.entries(key).map(([name, type]) =>
    typed(
      opened.map(({ row }) => row[name]),
      `${type}[]`,
    ),
  );
  const was = typed(
    opened.map(({ row }) => row[column]),
    'text[]',
  );
  const now = typed(
    opened.map((each) => each.now),
    'text[]',
  );
  const { numAffectedRows = 0n } = await sql`
    UPDATE ${sql.id(table)} t SET ${sql.id(column)} = v.now_sealed
    FROM unnest(${sql.join([...lists, was, now])}) AS v(${sql.join([...names, 'was_sealed', 'now_sealed'].map((name) => sql.id(name)))})
    WHERE ${sql.join(same, sql` AND `)} AND t.${sql.id(column)} = v.was_sealed`.execute(tx.db);
  return Number(numAffectedRows);
}

function typed(value: unknown, type: string): RawBuilder<unknown> {
  return sql`${value}::${sql.raw(type)}`;
}
