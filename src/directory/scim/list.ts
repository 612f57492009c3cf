/** Lists: filter, a page by index, and a true total (RFC 7644, 3.4.2). */
import { type RawBuilder, sql } from 'kysely';
import type { TenantTransaction } from '../../store/tenant.ts';
import { parseFilter } from './filter.ts';
import { filterCondition, type Searchable } from './filter-sql.ts';
import { GROUPS, type GroupRow } from './groups.ts';
import { DEFAULT_PAGE, MAX_PAGE } from './limits.ts';
import { scimFault } from './scim-fault.ts';
import { USERS, type UserRow } from './users.ts';

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
  readonly startIndex: number;
}

export interface ListQuery {
  readonly filter?: string | undefined;
  readonly startIndex?: string | undefined;
  readonly count?: string | undefined;
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

async function list<Row>(
  tx: TenantTransaction,
  searchable: Searchable,
  all: RawBuilder<unknown>,
  query: ListQuery,
): Promise<Page<Row>> {
  const filtered =
    query.filter === undefined ? all : sql`${all} AND ${filterCondition(searchable, parseFilter(query.filter))}`;
  const startIndex = Math.max(1, wholeNumber(query.startIndex, 'startIndex') ?? 1);
  const count = Math.min(MAX_PAGE, Math.max(0, wholeNumber(query.count, 'count') ?? DEFAULT_PAGE));
  const counted = await sql<{ total: number }>`SELECT count(*) AS total FROM ${filtered}`.execute(tx.db);
  const total = counted.rows[0]?.total ?? 0;
  if (count === 0 || startIndex > total) return { rows: [], total, startIndex };
  const { rows } = await sql<Row>`
    SELECT d.* FROM ${filtered} ORDER BY d.created_at, d.id LIMIT ${count} OFFSET ${startIndex - 1}`.execute(tx.db);
  return { rows, total, startIndex };
}

function wholeNumber(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw scimFault('invalidValue', `${name} must be a whole number.`, name);
}
