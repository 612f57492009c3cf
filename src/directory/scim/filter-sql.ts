/** A filter as an SQL condition with parameters. Names reach SQL only through a schema; values only as parameters. */
import { type RawBuilder, sql } from 'kysely';
import {
  type Attribute,
  type AttributePath,
  type AttributeType,
  attributesOf,
  findAttribute,
  type ResourceType,
  splitAttributePath,
} from './attribute.ts';
import type { Filter, Literal, Operator } from './filter.ts';
import { GROUP, USER } from './schemas.ts';
import { scimFault } from './scim-fault.ts';

/** Something of a row that can be compared. */
export interface Comparable {
  readonly value: RawBuilder<unknown>;
  readonly type: AttributeType;
  readonly caseExact: boolean;
  /** Where equality has a quicker way: the condition that the row equals the text. */
  readonly equals?: (text: string) => RawBuilder<unknown>;
}

/** Where a resource type's rows keep what is not in their `attributes`. */
export interface Searchable {
  readonly type: ResourceType;
  /** By path in lower case: `username`, `meta.created`. */
  readonly columns: Readonly<Record<string, Comparable>>;
  /** Multi-valued attributes that are rows of their own: a SELECT's FROM and WHERE, and its columns by sub-attribute. */
  readonly relations: Readonly<
    Record<string, { readonly rows: RawBuilder<unknown>; readonly columns: Readonly<Record<string, Comparable>> }>
  >;
  /** For multi-valued attributes with an index: what must hold of a row of which some value equals the text. */
  readonly narrowed?: Readonly<Record<string, (text: string) => RawBuilder<unknown>>>;
  /** Whether attributes of other types are ones that these rows have no value of, instead of unknown. */
  readonly acrossTypes?: boolean;
}

type Condition = RawBuilder<unknown>;

/**
 * Compiles a filter over rows of the alias `d`.
 * @throws Fault with scimType `invalidFilter` where an attribute is unknown or compared with what it can not be compared with
 */
export function filterCondition(searchable: Searchable, filter: Filter): Condition {
  switch (filter.kind) {
    case 'and':
      return sql`(${filterCondition(searchable, filter.left)} AND ${filterCondition(searchable, filter.right)})`;
    case 'or':
      return sql`(${filterCondition(searchable, filter.left)} OR ${filterCondition(searchable, filter.right)})`;
    case 'not':
      return sql`NOT coalesce(${filterCondition(searchable, filter.filter)}, false)`;
    case 'element':
      return elementCondition(searchable, filter.path, filter.filter);
    case 'present':
    case 'compare':
      return leafCondition(searchable, filter);
  }
}

/** Whether a filter asks only what one of the columns with an index equals. */
export function isLookUp(searchable: Searchable, filter: Filter): boolean {
  if (filter.kind !== 'compare' || filter.operator !== 'eq' || typeof filter.value !== 'string') return false;
  return searchable.columns[filter.path.toLowerCase()]?.equals !== undefined;
}

type Leaf = Extract<Filter, { kind: 'present' | 'compare' }>;

function leafCondition(searchable: Searchable, leaf: Leaf): Condition {
  if (isElsewhere(searchable, leaf.path)) return ofNoValue(leaf);
  const { path, attribute } = resolve(searchable.type, leaf.path);
  const column = searchable.columns[[attribute.name, path.sub].filter(Boolean).join('.').toLowerCase()];
  if (column !== undefined && path.extension === undefined) return test(column, leaf);
  const held = path.extension === undefined ? sql`d.attributes` : sql`(d.attributes -> ${path.extension}::text)`;
  if (attribute.type !== 'complex') {
    if (path.sub !== undefined) throw unknown(leaf.path);
    return test(inJson(held, attribute), leaf);
  }
  if (leaf.kind === 'present' && path.sub === undefined)
    return someCondition(searchable, attribute, held, () => sql`true`);
  const sub = findAttribute(attribute.subAttributes, path.sub ?? 'value');
  if (sub === undefined) throw unknown(leaf.path);
  if (!attribute.multiValued) return test(inJson(sql`(${held} -> ${attribute.name}::text)`, sub), leaf);
  const some = someCondition(searchable, attribute, held, (part) => test(part(sub), leaf));
  return narrowed(searchable, attribute, { ...leaf, path: sub.name }, some);
}

/** Puts before a search through elements what an index can answer. */
function narrowed(searchable: Searchable, attribute: Attribute, filter: Filter, some: Condition): Condition {
  const narrow = searchable.narrowed?.[attribute.name];
  const value = narrow === undefined ? undefined : valueAsked(filter);
  return narrow === undefined || value === undefined ? some : sql`(${narrow(value)} AND ${some})`;
}

/** What an element's `value` must equal for the filter to hold, where it says so. */
function valueAsked(filter: Filter): string | undefined {
  if (filter.kind === 'and') return valueAsked(filter.left) ?? valueAsked(filter.right);
  if (filter.kind !== 'compare' || filter.operator !== 'eq' || filter.path.toLowerCase() !== 'value') return undefined;
  return typeof filter.value === 'string' && isText(filter.value) ? filter.value : undefined;
}

function isElsewhere({ type, acrossTypes }: Searchable, text: string): boolean {
  const knows = (each: ResourceType) => describedBy(each, text) !== undefined;
  return acrossTypes === true && !knows(type) && [USER, GROUP].some(knows);
}

function ofNoValue(leaf: Leaf): Condition {
  const holds =
    leaf.kind === 'compare' &&
    (leaf.operator === 'ne') === (leaf.value !== null) &&
    (leaf.operator === 'ne' || leaf.operator === 'eq');
  return holds ? sql`true` : sql`false`;
}

function elementCondition(searchable: Searchable, text: string, filter: Filter): Condition {
  if (isElsewhere(searchable, text)) return sql`false`;
  const { path, attribute } = resolve(searchable.type, text);
  if (!attribute.multiValued || attribute.type !== 'complex' || path.sub !== undefined) {
    throw scimFault('invalidFilter', `"${text}" has no elements to filter.`, text);
  }
  const held = path.extension === undefined ? sql`d.attributes` : sql`(d.attributes -> ${path.extension}::text)`;
  const some = someCondition(searchable, attribute, held, (part) => inElement(attribute, filter, part));
  return narrowed(searchable, attribute, filter, some);
}

type Part = (sub: Attribute) => Comparable;

function inElement(attribute: Attribute, filter: Filter, part: Part): Condition {
  switch (filter.kind) {
    case 'and':
      return sql`(${inElement(attribute, filter.left, part)} AND ${inElement(attribute, filter.right, part)})`;
    case 'or':
      return sql`(${inElement(attribute, filter.left, part)} OR ${inElement(attribute, filter.right, part)})`;
    case 'not':
      return sql`NOT coalesce(${inElement(attribute, filter.filter, part)}, false)`;
    case 'element':
      throw scimFault('invalidFilter', 'Element filters do not nest.', attribute.name);
    default: {
      const sub = findAttribute(attribute.subAttributes, filter.path);
      if (sub === undefined) throw unknown(`${attribute.name}.${filter.path}`);
      return test(part(sub), filter);
    }
  }
}

/** Whether some element of a complex attribute holds. */
function someCondition(
  searchable: Searchable,
  attribute: Attribute,
  held: RawBuilder<unknown>,
  holds: (part: Part) => Condition,
): Condition {
  const relation = searchable.relations[attribute.name];
  if (relation === undefined) {
    const elements = sql`jsonb_path_query(${held}, ${`lax $."${attribute.name}"[*]`}::jsonpath)`;
    return sql`EXISTS (SELECT 1 FROM ${elements} AS e(element) WHERE ${holds((sub) => inJson(sql`e.element`, sub))})`;
  }
  const part = (sub: Attribute) => {
    const column = relation.columns[sub.name];
    if (column === undefined)
      throw scimFault('invalidFilter', `${attribute.name} can not be searched by "${sub.name}".`, attribute.name);
    return column;
  };
  return sql`EXISTS (SELECT 1 ${relation.rows} AND ${holds(part)})`;
}

function inJson(holder: RawBuilder<unknown>, attribute: Attribute): Comparable {
  return { value: sql`(${holder} ->> ${attribute.name}::text)`, type: attribute.type, caseExact: attribute.caseExact };
}

function resolve(type: ResourceType, text: string): { path: AttributePath; attribute: Attribute } {
  const described = describedBy(type, text);
  if (described === undefined) throw unknown(text);
  return described;
}

function describedBy(type: ResourceType, text: string): { path: AttributePath; attribute: Attribute } | undefined {
  const path = splitAttributePath(type, text);
  const attribute = path?.name === undefined ? undefined : findAttribute(attributesOf(type, path.extension), path.name);
  return path === undefined || attribute === undefined || attribute.returned === 'never'
    ? undefined
    : { path, attribute };
}

function isText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

function test({ value, type, caseExact, equals }: Comparable, leaf: Leaf): Condition {
  // Empty is not present (RFC 7644, 3.4.2.2).
  if (leaf.kind === 'present') return sql`((${value})::text <> '')`;
  const { operator, value: wanted } = leaf;
  if (wanted === null) {
    if (operator === 'eq') return sql`(${value} IS NULL)`;
    if (operator === 'ne') return sql`(${value} IS NOT NULL)`;
    throw incomparable(leaf.path, operator, wanted);
  }
  if (type === 'boolean') return testBoolean(value, leaf);
  if (typeof wanted !== 'string') throw incomparable(leaf.path, operator, wanted);
  if (!isText(wanted)) throw incomparable(leaf.path, operator, wanted);
  if (type === 'dateTime') return testDate(value, leaf, wanted);
  if (operator === 'eq' && equals !== undefined) return equals(wanted);
  return caseExact
    ? testText(value, operator, sql`${wanted}::text`)
    : testText(sql`lower(${value})`, operator, sql`lower(${wanted}::text)`);
}

function testText(value: RawBuilder<unknown>, operator: Operator, wanted: RawBuilder<unknown>): Condition {
  switch (operator) {
    case 'co':
      return sql`(strpos(${value}, ${wanted}) > 0)`;
    case 'sw':
      return sql`starts_with(${value}, ${wanted})`;
    case 'ew':
      return sql`(right(${value}, length(${wanted})) = ${wanted})`;
    default:
      return compared(value, operator, sql`${wanted} COLLATE "C"`);
  }
}

function testBoolean(
  value: RawBuilder<unknown>,
  { path, operator, value: wanted }: Extract<Filter, { kind: 'compare' }>,
): Condition {
  const word = String(wanted).toLowerCase();
  if ((operator !== 'eq' && operator !== 'ne') || (word !== 'true' && word !== 'false'))
    throw incomparable(path, operator, wanted);
  return compared(sql`(${value})::boolean`, operator, sql`${word}::boolean`);
}

function testDate(
  value: RawBuilder<unknown>,
  { path, operator }: Extract<Filter, { kind: 'compare' }>,
  wanted: string,
): Condition {
  const date = new Date(wanted);
  const ordering = operator !== 'co' && operator !== 'sw' && operator !== 'ew';
  if (Number.isNaN(date.getTime()) || !ordering) throw incomparable(path, operator, wanted);
  return compared(sql`date_trunc('milliseconds', (${value})::timestamptz)`, operator, sql`${date}::timestamptz`);
}

/** Only these words become SQL. */
const COMPARISONS = { eq: '=', ne: 'IS DISTINCT FROM', gt: '>', ge: '>=', lt: '<', le: '<=' } as const;

function compared(value: RawBuilder<unknown>, operator: Operator, wanted: RawBuilder<unknown>): Condition {
  return sql`(${value} ${sql.raw(COMPARISONS[operator as keyof typeof COMPARISONS])} ${wanted})`;
}

function unknown(path: string): Error {
  return scimFault('invalidFilter', `There is no attribute "${path.slice(0, 100)}" to filter by.`, path.slice(0, 100));
}

function incomparable(path: string, operator: string, value: Literal): Error {
  return scimFault(
    'invalidFilter',
    `"${path}" can not be asked "${operator} ${JSON.stringify(value).slice(0, 60)}".`,
    path,
  );
}
