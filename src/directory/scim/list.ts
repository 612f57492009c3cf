/** Lists: filter, order, a page by index (RFC 7644, 3.4.2) or by cursor (RFC 9865), and a true total. */
import { type RawBuilder, sql } from 'kysely';
import { prepared } from '../../store/prepared.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { cursorAfter, positionOf } from './cursor.ts';
import { parseFilter } from './filter.ts';
import { filterCondition, isLookUp, type Searchable } from './filter-sql.ts';
import { GROUPS, type GroupRow } from './groups.ts';
import { DEFAULT_PAGE, MAX_PAGE } from './limits.ts';
import { scimFault } from './scim-fault.ts';
import { orderBy } from './sort-sql.ts';
import { USERS, type UserRow } from './users.ts';

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
  readonly startIndex: number;
  /** Where paging is by cursor: how to go on; null on the last page. */
  readonly nextCursor?: string | null;
}

export interface ListQuery {
  readonly filter?: string | undefined;
  readonly startIndex?: string | undefined;
  readonly count?: string | undefined;
  readonly sortBy?: string | undefined;
  readonly sortOrder?: string | undefined;
  /** Empty: the first page by cursor. */
  readonly cursor?: string | undefined;
  /** The filter may name what only other types of resources have. */
  readonly acrossTypes?: boolean;
}

/** A page of a directory's users; inactive ones are users too, deleted ones are not. */
export function listUsers(tx: TenantTransaction, directoryId: string, query: ListQuery): Promise<Page<UserRow>> {
  const all = sql`directory_users d WHERE d.directory_id = ${directoryId} AND d.deleted_at IS NULL`;
  return list<UserRow>(tx, USERS, all, query);
}

/** A page of a directory's groups. */
export function listGroups(tx: TenantTransaction, directoryId: string, query: ListQuery): Promise<Page<GroupRow>> {
  return list<GroupRow>(tx, GROUPS, sql`directory_groups d WHERE d.directory_id = ${directoryId}`, query);
}

async function list<Row extends Listed>(
  tx: TenantTransaction,
  searchable: Searchable,
  all: RawBuilder<unknown>,
  query: ListQuery,
): Promise<Page<Row>> {
  const filter = query.filter === undefined ? undefined : parseFilter(query.filter);
  const filtered =
    filter === undefined
      ? all
      : sql`${all} AND ${filterCondition({ ...searchable, acrossTypes: query.acrossTypes === true }, filter)}`;
  const count = Math.min(MAX_PAGE, Math.max(0, wholeNumber(query.count, 'count') ?? DEFAULT_PAGE));
  if (query.cursor !== undefined) return pageByCursor<Row>(tx, filtered, count, query);
  const order = orderBy(searchable, query.sortBy, query.sortOrder);
  const startIndex = Math.max(1, wholeNumber(query.startIndex, 'startIndex') ?? 1);
  const page = sql<Row & Counted>`
    WITH page AS (SELECT d.*, row_number() OVER () AS place FROM (
      SELECT d.* FROM ${filtered} ORDER BY ${order} LIMIT ${count} OFFSET ${startIndex - 1}) d)
    SELECT page.*, of_all.total FROM (SELECT count(*) AS total FROM ${filtered}) of_all LEFT JOIN page ON true ORDER BY page.place`;
  // The few questions that are asked all day are planned once; a client may think of any number of others.
  const usual = query.sortBy === undefined && (filter === undefined || isLookUp(searchable, filter));
  const { rows } = await (usual ? prepared(page) : page).execute(tx.db);
  return { rows: rows.filter((row) => row.id !== null), total: rows[0]?.total ?? 0, startIndex };
}

interface Listed {
  readonly id: string;
}

/** How many there are in all; on a row without an id where the page has none. */
interface Counted {
  readonly total: number;
}

async function pageByCursor<Row extends Listed>(
  tx: TenantTransaction,
  filtered: RawBuilder<unknown>,
  count: number,
  { cursor, filter, sortBy, startIndex }: ListQuery,
): Promise<Page<Row>> {
  if (sortBy !== undefined || startIndex !== undefined) {
    const other = sortBy === undefined ? 'startIndex' : 'sortBy';
    throw scimFault('invalidValue', `cursor and ${other} can not be combined.`, other);
  }
  const from = cursor ? positionOf(cursor, filter) : undefined;
  const total = from?.total ?? (await countAll(tx, filtered));
  const rest =
    from === undefined
      ? sql``
      : sql`AND (d.created_at, d.id) > (${from.madeAt}::timestamp AT TIME ZONE 'UTC', ${from.id}::uuid)`;
  const page = sql<Row & { made_at: string }>`
    SELECT d.*, to_char(d.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') AS made_at
    FROM ${filtered} ${rest} ORDER BY d.created_at, d.id LIMIT ${count + 1}`;
  const { rows } = await (filter === undefined ? prepared(page) : page).execute(tx.db);
  const shown = rows.slice(0, count);
  const last = rows.length > count ? shown.at(-1) : undefined;
  const nextCursor = last === undefined ? null : cursorAfter({ madeAt: last.made_at, id: last.id, total }, filter);
  return { rows: shown, total, startIndex: 1, nextCursor };
}

async function countAll(tx: TenantTransaction, filtered: RawBuilder<unknown>): Promise<number> {
  const { rows } = await sql<{ total: number }>`SELECT count(*) AS total FROM ${filtered}`.execute(tx.db);
  return rows[0]?.total ?? 0;
}

function wholeNumber(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw scimFault('invalidValue', `${name} must be a whole number.`, name);
}
