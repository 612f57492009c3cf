/** A whole resource as a source sends it, and what of it is kept. Pure. */
import { Fault } from '../../errors.ts';
import { attributesOf, findAttribute, type ResourceType } from './attribute.ts';
import { type Attributes, conform, conformMembers, isObject, keyLike, refuseHazards } from './conform.ts';
import { MAX_RESOURCE_CHARACTERS } from './limits.ts';
import { scimFault } from './scim-fault.ts';

/** What this server adds to each answer itself, and what it never keeps. */
const NOT_KEPT: ReadonlySet<string> = new Set(['schemas', 'id', 'meta']);

/**
 * Reads the body of a POST or PUT: known attributes are checked and spelled as in their schema, unknown ones kept as sent, those
 * that only this server writes are left out, as is the password (RFC 7644, 3.3 and 3.5.1).
 * @throws Fault with scimType `invalidSyntax` or `invalidValue`
 */
export function readResource(type: ResourceType, body: unknown): Attributes {
  if (!isObject(body)) throw scimFault('invalidSyntax', 'The body is not a JSON object.');
  refuseHazards(body);
  requireSchema(type, body);
  const kept: Attributes = {};
  for (const [key, value] of Object.entries(body)) {
    const { name, value: conformed } = readAttribute(type, key, value);
    if (conformed !== undefined) kept[name] = conformed;
  }
  return checkResource(type, kept);
}

/**
 * What every stored resource must have.
 * @throws Fault with scimType `invalidValue`, or `too-large`
 */
export function checkResource(type: ResourceType, attributes: Attributes): Attributes {
  for (const required of type.core.attributes.filter((each) => each.required)) {
    const value = attributes[required.name];
    if (typeof value !== 'string' || value.trim() === '') {
      throw scimFault('invalidValue', `${required.name} is required and must not be empty.`, required.name);
    }
  }
  if (JSON.stringify(attributes).length > MAX_RESOURCE_CHARACTERS) {
    throw new Fault('too-large', `A resource has at most ${MAX_RESOURCE_CHARACTERS} characters.`);
  }
  return attributes;
}

function readAttribute(type: ResourceType, key: string, value: unknown): { name: string; value: unknown } {
  const known = findAttribute(type.core.attributes, key);
  if (known !== undefined) {
    const skipped = NOT_KEPT.has(known.name) || known.mutability === 'readOnly' || known.mutability === 'writeOnly';
    if (!skipped && known.name === 'active' && value === null)
      throw scimFault('invalidValue', 'active must be true or false, not null.', 'active');
    return { name: known.name, value: skipped ? undefined : conform(known, value) };
  }
  const described = attributesOf(type, key);
  if (described === undefined) return { name: key, value: value ?? undefined };
  const name = type.extensions.find((schema) => schema.id.toLowerCase() === key.toLowerCase())?.id ?? key;
  if (value === null) return { name, value: undefined };
  if (!isObject(value)) throw scimFault('invalidValue', `${name} must be an object.`, name);
  return { name, value: conformMembers(described, value, name) };
}

function requireSchema(type: ResourceType, body: Attributes): void {
  const given = body[keyLike(body, 'schemas') ?? 'schemas'];
  const urns: unknown[] = Array.isArray(given) ? given : [];
  const named = urns.some((urn) => typeof urn === 'string' && urn.toLowerCase() === type.core.id.toLowerCase());
  if (!named) throw scimFault('invalidValue', `schemas must name ${type.core.id}.`, 'schemas');
}

/** The schemas of a stored resource: its core, and every extension that it has attributes of. */
export function schemasOf(type: ResourceType, attributes: Attributes): string[] {
  return [type.core.id, ...Object.keys(attributes).filter((key) => key.toLowerCase().startsWith('urn:'))];
}
