/**
 * What a PATCH makes of a resource's attributes (RFC 7644, 3.5.2), with the forms that identity providers really send. Pure: takes
 * attributes, gives new ones. A form that is not understood is refused, never skipped.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Attribute, attributesOf, findAttribute, type ResourceType } from './attribute.ts';
import { type Attributes, conform, conformOne, isObject, keyLike } from './conform.ts';
import { describedElement, matches, subAttribute } from './element.ts';
import type { Filter } from './filter.ts';
import { type Operation, type PatchPath, readPath } from './patch-request.ts';
import { checkResource } from './resource.ts';
import { scimFault } from './scim-fault.ts';

/**
 * Applies operations in their order, all or none.
 * @param current the stored attributes; they are not changed
 * @param id the resource's id, which a source may repeat
 * @throws Fault with scimType `invalidPath`, `invalidValue`, `mutability` or `noTarget`
 */
export function patched(
  type: ResourceType,
  current: Attributes,
  id: string,
  operations: readonly Operation[],
): Attributes {
  const attributes = structuredClone(current);
  for (const operation of operations) {
    if (operation.path === undefined) patchWithoutPath(type, attributes, id, operation);
    else patchAt(type, attributes, operation, readPath(type, operation.path));
  }
  return checkResource(type, attributes);
}

/** A value without a path is a piece of a resource, whose keys may be paths themselves. */
function patchWithoutPath(type: ResourceType, attributes: Attributes, id: string, operation: Operation): void {
  const { op, value, place } = operation;
  if (op === 'remove') throw scimFault('noTarget', `${place} removes nothing: it has no path.`, place);
  if (!isObject(value))
    throw scimFault('invalidValue', `${place} has no path, so its value must be an object.`, `${place}.value`);
  for (const [key, each] of Object.entries(value)) {
    if (repeatsWhatWeSaid(type, key, each, id)) continue;
    if (isObject(each) && key.toLowerCase().startsWith('urn:')) patchExtension(type, attributes, operation, key, each);
    else patchAt(type, attributes, { ...operation, value: each }, readPath(type, key), isPlain(key));
  }
}

function patchExtension(
  type: ResourceType,
  attributes: Attributes,
  operation: Operation,
  key: string,
  parts: Attributes,
): void {
  const path = readPath(type, key);
  if (
    path.name !== undefined &&
    attributesOf(type, key) === undefined &&
    attributesOf(type, path.extension) !== undefined
  ) {
    patchAt(type, attributes, { ...operation, value: parts }, path);
    return;
  }
  for (const [name, value] of Object.entries(parts)) {
    patchAt(type, attributes, { ...operation, value }, { extension: knownUrn(type, key), name });
  }
}

/** Sources send back parts of what they were given; only this server writes them, as in a PUT they are passed over. */
function repeatsWhatWeSaid(type: ResourceType, key: string, value: unknown, id: string): boolean {
  const name = findAttribute(type.core.attributes, key)?.name;
  if (name === 'id' && value !== id) throw scimFault('mutability', 'id can not change.', 'id');
  return name === 'id' || name === 'schemas' || name === 'meta' || name === 'groups';
}

function isPlain(key: string): boolean {
  return !/[.[:]/.test(key);
}

/** @param mayBeNew whether an attribute that no schema describes may appear, as in a POST */
function patchAt(
  type: ResourceType,
  attributes: Attributes,
  operation: Operation,
  path: PatchPath,
  mayBeNew = false,
): void {
  if (path.name === undefined) {
    patchWholeExtension(type, attributes, operation, path.extension ?? '');
    return;
  }
  const described = attributesOf(type, path.extension);
  const attribute = findAttribute(described, path.name);
  const holder = holderOf(attributes, path.extension);
  if (attribute === undefined) {
    const free = described === undefined || mayBeNew || keyLike(holder, path.name) !== undefined;
    if (!free) throw scimFault('invalidPath', `There is no attribute "${path.name}".`, operation.path ?? path.name);
    patchUndescribed(holder, operation, path, path.name);
  } else {
    if (attribute.mutability === 'readOnly' || attribute.name === 'schemas')
      throw scimFault('mutability', `${attribute.name} can not be written.`, attribute.name);
    if (attribute.mutability === 'writeOnly') return;
    if (attribute.multiValued) patchMany(holder, attribute, operation, path);
    else patchOne(holder, attribute, operation, path);
  }
  dropIfEmpty(attributes, path.extension, holder);
}

function patchWholeExtension(type: ResourceType, attributes: Attributes, operation: Operation, urn: string): void {
  if (operation.op === 'remove') {
    delete attributes[keyLike(attributes, urn) ?? urn];
    return;
  }
  if (!isObject(operation.value)) throw scimFault('invalidValue', `${urn} must be an object.`, urn);
  for (const [name, value] of Object.entries(operation.value)) {
    patchAt(type, attributes, { ...operation, value }, { extension: urn, name });
  }
}

function patchOne(holder: Attributes, attribute: Attribute, operation: Operation, path: PatchPath): void {
  if (path.filter !== undefined)
    throw scimFault('invalidPath', `${attribute.name} has one value, nothing to filter.`, attribute.name);
  if (path.sub !== undefined) {
    const inner = isObject(holder[attribute.name]) ? (holder[attribute.name] as Attributes) : {};
    setPart(inner, subAttribute(attribute, path.sub), operation, attribute.name);
    assign(holder, attribute.name, Object.keys(inner).length === 0 ? undefined : inner);
    return;
  }
  if (attribute.name === 'active' && (operation.op === 'remove' || operation.value === null)) {
    throw scimFault('invalidValue', 'active must be true or false; set it to false to deactivate.', 'active');
  }
  const value = operation.op === 'remove' ? undefined : conform(attribute, operation.value);
  const before = holder[attribute.name];
  assign(holder, attribute.name, isObject(value) && isObject(before) ? { ...before, ...value } : value);
}

function patchMany(holder: Attributes, attribute: Attribute, operation: Operation, path: PatchPath): void {
  const before = Array.isArray(holder[attribute.name]) ? (holder[attribute.name] as unknown[]) : [];
  const after =
    path.filter !== undefined || path.sub !== undefined
      ? patchElements(attribute, before, operation, path)
      : patchList(attribute, before, operation);
  const telling = after.filter((element) => !isObject(element) || Object.keys(element).length > 0);
  assign(holder, attribute.name, telling.length === 0 ? undefined : telling);
}

/** The attribute as a whole: more elements, other elements, fewer elements. */
function patchList(attribute: Attribute, before: readonly unknown[], { op, value }: Operation): unknown[] {
  const given = (conform(attribute, value) as unknown[] | undefined) ?? [];
  if (op === 'replace') return given;
  if (op === 'remove') {
    if (value === undefined || value === null) return [];
    return before.filter((element) => !given.some((each) => names(each, element)));
  }
  const fresh = given.filter((each) => !before.some((element) => isDeepStrictEqual(each, element)));
  return onePrimary([...before, ...fresh], fresh);
}

/** Some of its elements, or a part of them; an element that a filter describes exactly is made where it is missing. */
function patchElements(
  attribute: Attribute,
  before: readonly unknown[],
  operation: Operation,
  path: PatchPath,
): unknown[] {
  const { filter, sub } = path;
  const meant = (element: unknown) => filter === undefined || matches(attribute, filter, element);
  const part = sub === undefined ? undefined : subAttribute(attribute, sub);
  if (operation.op === 'remove' || (part !== undefined && operation.value === null)) {
    // An element without its value says nothing any more.
    if (part === undefined || part.name === 'value') return before.filter((element) => !meant(element));
    return before.map((element) => (meant(element) ? changedElement(attribute, element, operation, part) : element));
  }
  if (before.some(meant)) {
    const after = before.map((element) =>
      meant(element) ? changedElement(attribute, element, operation, part) : element,
    );
    return onePrimary(
      after,
      after.filter((element, i) => element !== before[i]),
    );
  }
  const made = changedElement(attribute, elementToMake(attribute, filter), operation, part);
  return onePrimary([...before, made], [made]);
}

function elementToMake(attribute: Attribute, filter: Filter | undefined): Attributes {
  const described = filter === undefined ? {} : describedElement(attribute, filter);
  if (described !== undefined) return described;
  throw scimFault('noTarget', `No element of ${attribute.name} is the one that the path means.`, attribute.name);
}

function changedElement(
  attribute: Attribute,
  element: unknown,
  operation: Operation,
  part: Attribute | undefined,
): Attributes {
  const changed: Attributes = isObject(element) ? { ...element } : {};
  if (part !== undefined) {
    setPart(changed, part, operation, attribute.name);
    return changed;
  }
  const value = conformOne(attribute, operation.value, attribute.name);
  if (!isObject(value))
    throw scimFault('invalidValue', `An element of ${attribute.name} must be an object.`, attribute.name);
  return { ...changed, ...value };
}

function setPart(holder: Attributes, part: Attribute, { op, value }: Operation, within: string): void {
  if (part.mutability === 'readOnly')
    throw scimFault('mutability', `${within}.${part.name} can not be written.`, `${within}.${part.name}`);
  assign(holder, part.name, op === 'remove' ? undefined : conform(part, value, `${within}.${part.name}`));
}

/** Attributes that no schema describes are set and removed as they come. */
function patchUndescribed(holder: Attributes, { op, value, place }: Operation, path: PatchPath, name: string): void {
  if (path.filter !== undefined)
    throw scimFault('invalidPath', `No schema describes "${name}", so it can not be filtered.`, place);
  const key = keyLike(holder, name) ?? name;
  if (path.sub === undefined) {
    assign(holder, key, op === 'remove' ? undefined : (value ?? undefined));
    return;
  }
  const inner = holder[key] ?? {};
  if (!isObject(inner)) throw scimFault('invalidPath', `"${name}" has no parts.`, place);
  const changed = { ...inner };
  assign(changed, keyLike(changed, path.sub) ?? path.sub, op === 'remove' ? undefined : (value ?? undefined));
  assign(holder, key, changed);
}

/** At most one element is the primary one: the newest that says so (RFC 7644, 3.5.2). */
function onePrimary(elements: readonly unknown[], fresh: readonly unknown[]): unknown[] {
  const chosen = fresh.findLast((element) => isObject(element) && element['primary'] === true);
  if (chosen === undefined) return [...elements];
  return elements.map((each) =>
    each !== chosen && isObject(each) && each['primary'] === true ? { ...each, primary: false } : each,
  );
}

/** Whether an element given for removal is this one: the same value, or the same in all that was given. */
function names(given: unknown, element: unknown): boolean {
  if (!isObject(given) || !isObject(element)) return isDeepStrictEqual(given, element);
  return Object.entries(given).every(([key, value]) => isDeepStrictEqual(element[key], value));
}

function holderOf(attributes: Attributes, extension: string | undefined): Attributes {
  if (extension === undefined) return attributes;
  const held = attributes[keyLike(attributes, extension) ?? extension];
  return isObject(held) ? { ...held } : {};
}

function dropIfEmpty(attributes: Attributes, extension: string | undefined, holder: Attributes): void {
  if (extension === undefined) return;
  assign(
    attributes,
    keyLike(attributes, extension) ?? extension,
    Object.keys(holder).length === 0 ? undefined : holder,
  );
}

function knownUrn(type: ResourceType, urn: string): string {
  return type.extensions.find((schema) => schema.id.toLowerCase() === urn.toLowerCase())?.id ?? urn;
}

function assign(holder: Attributes, key: string, value: unknown): void {
  if (value === undefined) delete holder[key];
  else holder[key] = value;
}
