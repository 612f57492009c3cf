/** Brings what a source sent into the shape that its schema promises, or says which attribute is wrong. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { type Attribute, findAttribute } from './attribute.ts';
import { MAX_NESTING } from './limits.ts';
import { scimFault } from './scim-fault.ts';

export type Attributes = Record<string, unknown>;

/** Whether it is a JSON object (and no array). */
export function isObject(value: unknown): value is Attributes {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The key of `object` that is `name` in some letter case. */
export function keyLike(object: Attributes, name: string): string | undefined {
  if (Object.hasOwn(object, name)) return name;
  const wanted = name.toLowerCase();
  return Object.keys(object).find((key) => key.toLowerCase() === wanted);
}

/** Which attributes differ. */
export function changedNames(before: Readonly<Attributes>, after: Attributes): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isDeepStrictEqual(before[name], after[name]));
}

/**
 * Refuses what no database column or later reader could hold: NUL, unpaired surrogates, names that reach into an object's
 * prototype, bottomless nesting.
 * @throws Fault with scimType `invalidValue` or `invalidSyntax`
 */
export function refuseHazards(value: unknown, where = '', depth = 0): void {
  if (typeof value === 'string') refuseText(value, where);
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_NESTING) throw scimFault('invalidSyntax', `${where} is nested too deep.`, where);
  if (Array.isArray(value)) {
    for (const each of value) refuseHazards(each, where, depth + 1);
    return;
  }
  const seen = new Set<string>();
  for (const [key, each] of Object.entries(value)) {
    const place = where === '' ? key : `${where}.${key}`;
    refuseText(key, place);
    const name = key.toLowerCase();
    if (name === '__proto__' || name === 'constructor' || name === 'prototype') {
      throw scimFault('invalidSyntax', `An attribute can not be called "${key}".`, place);
    }
    if (seen.has(name))
      throw scimFault('invalidSyntax', `"${place}" is given twice; letter case tells no attributes apart.`, place);
    seen.add(name);
    refuseHazards(each, place, depth + 1);
  }
}

function refuseText(text: string, where: string): void {
  if (text.includes('\0') || !text.isWellFormed()) {
    throw scimFault('invalidValue', `${where || 'The text'} has characters that are no text.`, where);
  }
}

/**
 * A value as the schema has it. Booleans come as strings from some sources, and the value of a complex attribute bare.
 * @returns undefined where the value is null or empty, which means unassigned (RFC 7643, 2.5)
 * @throws Fault with scimType `invalidValue`, naming the attribute
 */
export function conform(attribute: Attribute, value: unknown, where = attribute.name): unknown {
  if (value === null || value === undefined) return undefined;
  if (!attribute.multiValued) return conformOne(attribute, value, where);
  const list = (Array.isArray(value) ? value : [value]).map((each) => conformOne(attribute, each, where));
  const present = list.filter((each) => each !== undefined);
  return present.length === 0 ? undefined : present;
}

/** One element of a multi-valued attribute, or the value of a single-valued one. */
export function conformOne(attribute: Attribute, value: unknown, where: string): unknown {
  if (value === null || value === undefined) return undefined;
  switch (attribute.type) {
    case 'complex':
      return conformComplex(attribute, value, where);
    case 'boolean':
      return conformBoolean(value, where);
    case 'integer':
    case 'decimal':
      if (typeof value === 'number') return value;
      throw wrongType(where, 'a number', value);
    default:
      if (typeof value === 'string') return value;
      throw wrongType(where, 'a string', value);
  }
}

/**
 * The object of an attribute's or an extension's sub-attributes; those that no schema describes are kept as sent.
 */
export function conformMembers(
  attributes: readonly Attribute[],
  given: Attributes,
  where: string,
): Attributes | undefined {
  const conformed: Attributes = {};
  for (const [key, value] of Object.entries(given)) {
    const known = findAttribute(attributes, key);
    const kept = known === undefined ? (value ?? undefined) : conform(known, value, `${where}.${known.name}`);
    if (kept !== undefined) conformed[known?.name ?? key] = kept;
  }
  return Object.keys(conformed).length === 0 ? undefined : conformed;
}

function conformComplex(attribute: Attribute, value: unknown, where: string): unknown {
  const subAttributes = attribute.subAttributes ?? [];
  if (isObject(value)) return conformMembers(subAttributes, value, where);
  if (typeof value === 'string' && findAttribute(subAttributes, 'value') !== undefined) {
    return value === '' ? undefined : { value };
  }
  throw wrongType(where, 'an object', value);
}

function conformBoolean(value: unknown, where: string): boolean {
  if (typeof value === 'boolean') return value;
  const word = typeof value === 'string' ? value.toLowerCase() : undefined;
  if (word === 'true') return true;
  if (word === 'false') return false;
  throw wrongType(where, 'true or false', value);
}

function wrongType(where: string, wanted: string, value: unknown): Error {
  const found = Array.isArray(value) ? 'a list' : value === null ? 'null' : `a ${typeof value}`;
  return scimFault('invalidValue', `${where} must be ${wanted}, not ${found}.`, where);
}
