/** `sortBy` as an SQL expression (RFC 7644, 3.4.2.3). */
import { type RawBuilder, sql } from 'kysely';
import { attributesOf, findAttribute, splitAttributePath } from './attribute.ts';
import type { Searchable } from './filter-sql.ts';
import { scimFault } from './scim-fault.ts';

/**
 * The order of rows of the alias `d`; equal ones keep the order in which they were made. Of an attribute with several values the primary
 * one counts, else the first. Who has none comes last, or first where the order is descending.
 * @throws Fault with scimType `invalidValue` where there is nothing to sort by
 */
export function orderBy(
  searchable: Searchable,
  sortBy: string | undefined,
  sortOrder: string | undefined,
): RawBuilder<unknown> {
  const made = sql`d.created_at, d.id`;
  if (sortBy === undefined) return made;
  const wanted = (sortOrder ?? 'ascending').toLowerCase();
  if (wanted !== 'ascending' && wanted !== 'descending') {
    throw scimFault('invalidValue', 'sortOrder must be "ascending" or "descending".', 'sortOrder');
  }
  const direction = wanted === 'ascending' ? sql`ASC NULLS LAST` : sql`DESC NULLS FIRST`;
  return sql`${sortedValue(searchable, sortBy)} ${direction}, ${made}`;
}

function sortedValue({ type, columns, relations }: Searchable, sortBy: string): RawBuilder<unknown> {
  const path = splitAttributePath(type, sortBy);
  const attribute = path?.name === undefined ? undefined : findAttribute(attributesOf(type, path.extension), path.name);
  if (path === undefined || attribute === undefined || attribute.returned === 'never') throw unsortable(sortBy);
  const column =
    path.extension === undefined
      ? columns[[attribute.name, path.sub].filter(Boolean).join('.').toLowerCase()]
      : undefined;
  if (column !== undefined)
    return column.type === 'string' && !column.caseExact ? sql`lower(${column.value})` : column.value;
  if (relations[attribute.name] !== undefined) throw unsortable(sortBy);

  const held = path.extension === undefined ? sql`d.attributes` : sql`(d.attributes -> ${path.extension}::text)`;
  const one = sql`(${held} -> ${attribute.name}::text)`;
  if (attribute.type !== 'complex') {
    if (path.sub !== undefined) throw unsortable(sortBy);
    return asText(sql`${held} ->> ${attribute.name}::text`, attribute.caseExact);
  }
  const sub = findAttribute(attribute.subAttributes, path.sub ?? 'value');
  if (sub === undefined) throw unsortable(sortBy);
  const primary = sql`jsonb_path_query_first(${one}, '$[*] ? (@.primary == true)')`;
  const element = attribute.multiValued ? sql`coalesce(${primary}, ${one} -> 0)` : one;
  return asText(sql`${element} ->> ${sub.name}::text`, sub.caseExact);
}

function asText(value: RawBuilder<unknown>, caseExact: boolean): RawBuilder<unknown> {
  return caseExact ? sql`(${value})` : sql`lower(${value})`;
}

function unsortable(sortBy: string): Error {
  return scimFault('invalidValue', `There is no attribute "${sortBy.slice(0, 100)}" to sort by.`, 'sortBy');
}
