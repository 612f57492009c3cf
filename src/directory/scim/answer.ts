/** Rows as SCIM resources: what was sent, with what this server adds, less what was not asked for. Pure. */
import { type ResourceType, splitAttributePath } from './attribute.ts';
import { type Attributes, isObject, keyLike } from './conform.ts';
import type { GroupRow, Member } from './groups.ts';
import { schemasOf } from './resource.ts';
import { GROUP, USER } from './schemas.ts';
import { scimFault } from './scim-fault.ts';
import type { UserRow } from './users.ts';

const ALWAYS: ReadonlySet<string> = new Set(['schemas', 'id']);

/** @param base the directory's address, `https://.../scim/v2/<directory>` */
export function shownUser(base: string, row: UserRow): Attributes {
  const groups = (row.related ?? []).map((group) => reference(base, '/Groups', group, 'direct'));
  return { ...start(USER, row), ...(groups.length === 0 ? {} : { groups }), meta: meta(base, USER, row) };
}

/** Members only where they were read. */
export function shownGroup(base: string, row: GroupRow): Attributes {
  const members = row.related?.map((member) => reference(base, '/Users', member, 'User')) ?? [];
  return { ...start(GROUP, row), ...(row.related === undefined ? {} : { members }), meta: meta(base, GROUP, row) };
}

/** A resource's ETag; weak, for the same state may be written out differently. */
export function versionOf(row: { readonly version: number }): string {
  return `W/"${row.version}"`;
}

function start(type: ResourceType, row: UserRow | GroupRow): Attributes {
  return { schemas: schemasOf(type, row.attributes), id: row.id, ...row.attributes };
}

function meta(base: string, type: ResourceType, row: UserRow | GroupRow): Attributes {
  return {
    resourceType: type.name,
    created: row.created_at.toISOString(),
    lastModified: row.updated_at.toISOString(),
    location: `${base}${type.endpoint}/${row.id}`,
    version: versionOf(row),
  };
}

function reference(base: string, endpoint: string, { id, name }: Member, type: string): Attributes {
  return { value: id, $ref: `${base}${endpoint}/${id}`, display: name, type };
}

/** Which attributes a request wants (RFC 7644, 3.9). */
export interface Projection {
  readonly only?: readonly string[];
  readonly without: readonly string[];
}

/**
 * Reads `attributes` and `excludedAttributes`, each a list with commas.
 * @throws Fault with scimType `invalidValue` where both are given, or a name is none
 */
export function readProjection(
  type: ResourceType,
  attributes: string | undefined,
  excluded: string | undefined,
): Projection {
  if (attributes !== undefined && excluded !== undefined) {
    throw scimFault('invalidValue', 'Give attributes or excludedAttributes, not both.', 'excludedAttributes');
  }
  return {
    ...(attributes === undefined ? {} : { only: namesIn(type, attributes) }),
    without: excluded === undefined ? [] : namesIn(type, excluded),
  };
}

/** Whether a top-level attribute of the core is wanted in any part. */
export function wants({ only, without }: Projection, name: string): boolean {
  const wanted = name.toLowerCase();
  if (only !== undefined) return only.some((path) => (path.toLowerCase().split('.')[0] ?? '') === wanted);
  return !without.some((path) => path.toLowerCase() === wanted);
}

/** The resource with what is wanted of it; `id` and `schemas` always stay. */
export function projected(type: ResourceType, resource: Attributes, { only, without }: Projection): Attributes {
  if (only !== undefined) {
    const picked: Attributes = {};
    for (const name of ALWAYS) picked[name] = resource[name];
    for (const path of only) pick(type, resource, picked, path);
    return picked;
  }
  if (without.length === 0) return resource;
  const left = structuredClone(resource);
  for (const path of without) drop(type, left, path);
  return left;
}

function namesIn(type: ResourceType, list: string): string[] {
  const names = list.split(',').map((name) => name.trim());
  for (const name of names.filter((each) => splitAttributePath(type, each) === undefined)) {
    throw scimFault('invalidValue', `"${name.slice(0, 100)}" is not an attribute's name.`, 'attributes');
  }
  return names;
}

/** The names on the way to what a path means. */
function stepsOf(type: ResourceType, path: string): string[] {
  const { extension, name, sub } = splitAttributePath(type, path) ?? {};
  return [extension, name, sub].filter((step): step is string => step !== undefined);
}

function pick(type: ResourceType, from: Attributes, into: Attributes, path: string): void {
  const [first, ...rest] = stepsOf(type, path);
  const key = first === undefined ? undefined : keyLike(from, first);
  if (key !== undefined) into[key] = merged(into[key], pickIn(from[key], rest));
}

function pickIn(value: unknown, [step, ...rest]: readonly string[]): unknown {
  if (step === undefined) return value;
  if (Array.isArray(value)) return value.map((each) => pickIn(each, [step, ...rest]));
  const key = isObject(value) ? keyLike(value, step) : undefined;
  return key === undefined || !isObject(value) ? {} : { [key]: pickIn(value[key], rest) };
}

function merged(before: unknown, value: unknown): unknown {
  if (Array.isArray(before) && Array.isArray(value)) return value.map((each, i) => merged(before[i], each));
  if (!isObject(before) || !isObject(value)) return value;
  const both = { ...before };
  for (const [key, each] of Object.entries(value)) both[key] = merged(both[key], each);
  return both;
}

function drop(type: ResourceType, from: Attributes, path: string): void {
  const steps = stepsOf(type, path);
  if (steps.length === 1 && ALWAYS.has(steps[0]?.toLowerCase() ?? '')) return;
  dropIn(from, steps);
}

function dropIn(value: unknown, [step, ...rest]: readonly string[]): void {
  if (Array.isArray(value)) {
    for (const each of value) dropIn(each, [step ?? '', ...rest]);
    return;
  }
  const key = isObject(value) && step !== undefined ? keyLike(value, step) : undefined;
  if (key === undefined || !isObject(value)) return;
  if (rest.length === 0) delete value[key];
  else dropIn(value[key], rest);
}
