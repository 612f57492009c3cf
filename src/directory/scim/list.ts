/** Lists: filter, order, a page by index (RFC 7644, 3.4.2) or by cursor (RFC 9865), and a true total. */
import { type RawBuilder, sql } from 'kysely';
import { cursorAfter, positionOf } from './cursor.ts';
import { parseFilter } from './filter.ts';
import { filterCondition, isLookUp, type Searchable } from './filter-sql.ts';
import { DEFAULT_PAGE, MAX_PAGE } from './limits.ts';
import { scimFault } from './scim-fault.ts';
import { orderBy } from './sort-sql.ts';

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

/** A list as one statement, and how its rows are read. */
export interface Listing<Row> {
  readonly statement: RawBuilder<Row>;
  /** Whether it is one of the few that are asked all day; a client may think of any number of others. */
  readonly usual: boolean;
  read(rows: readonly Row[]): Page<Row>;
}

/** What every row of a list has. On a row without an id, how many there are in all is told of an empty page. */
export interface Listed {
  readonly id: string;
  readonly total?: number;
  readonly made_at?: string;
}

/**
 * A page of the rows of the alias `d`.
 * @param all FROM and WHERE
 * @param related further columns, of the alias `w`
 */
export function listing<Row extends Listed>(
  searchable: Searchable,
  all: RawBuilder<unknown>,
  related: RawBuilder<unknown>,
  query: ListQuery,
): Listing<Row> {
  const filter = query.filter === undefined ? undefined : parseFilter(query.filter);
  const filtered =
    filter === undefined
      ? all
      : sql`${all} AND ${filterCondition({ ...searchable, acrossTypes: query.acrossTypes === true }, filter)}`;
  const count = Math.min(MAX_PAGE, Math.max(0, wholeNumber(query.count, 'count') ?? DEFAULT_PAGE));
  if (query.cursor !== undefined) return listingByCursor<Row>(filtered, related, count, query);
  const order = orderBy(searchable, query.sortBy, query.sortOrder);
  const startIndex = Math.max(1, wholeNumber(query.startIndex, 'startIndex') ?? 1);
  return {
    statement: sql<Row>`
      WITH page AS (SELECT d.*, row_number() OVER () AS place FROM (
        SELECT d.* FROM ${filtered} ORDER BY ${order} LIMIT ${count} OFFSET ${startIndex - 1}) d)
      SELECT w.*, ${related}, of_all.total FROM (SELECT count(*) AS total FROM ${filtered}) of_all LEFT JOIN page w ON true ORDER BY w.place`,
    usual: query.sortBy === undefined && (filter === undefined || isLookUp(searchable, filter)),
    read: (rows) => ({ rows: rows.filter((row) => row.id !== null), total: rows[0]?.total ?? 0, startIndex }),
  };
}

function listingByCursor<Row extends Listed>(
  filtered: RawBuilder<unknown>,
  related: RawBuilder<unknown>,
  count: number,
  { cursor, filter, sortBy, startIndex }: ListQuery,
): Listing<Row> {
  if (sortBy !== undefined || startIndex !== undefined) {
    const other = sortBy === undefined ? 'startIndex' : 'sortBy';
    throw scimFault('invalidValue', `cursor and ${other} can not be combined.`, other);
  }
  const from = cursor ? positionOf(cursor, filter) : undefined;
  const rest =
    from === undefined
      ? sql``
      : sql`AND (d.created_at, d.id) > (${from.madeAt}::timestamp AT TIME ZONE 'UTC', ${from.id}::uuid)`;
  const counted = from === undefined ? sql`(SELECT count(*) FROM ${filtered})` : sql`${from.total}::bigint`;
  return {
    statement: sql<Row>`
      SELECT w.*, ${related}, ${counted} AS total, to_char(w.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') AS made_at
      FROM (SELECT d.* FROM ${filtered} ${rest} ORDER BY d.created_at, d.id LIMIT ${count + 1}) w ORDER BY w.created_at, w.id`,
    usual: filter === undefined,
    read: (found) => {
      const rows = found.filter((row) => row.id !== null);
      const total = rows[0]?.total ?? from?.total ?? 0;
      const page = rows.slice(0, count);
      const last = rows.length > count ? page.at(-1) : undefined;
      const nextCursor =
        last === undefined ? null : cursorAfter({ madeAt: last.made_at ?? '', id: last.id, total }, filter);
      return { rows: page, total, startIndex: 1, nextCursor };
    },
  };
}

function wholeNumber(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw scimFault('invalidValue', `${name} must be a whole number.`, name);
}
