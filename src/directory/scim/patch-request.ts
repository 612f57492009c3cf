/** A PATCH body as operations (RFC 7644, 3.5.2), in whatever letter case a source writes it. Pure. */
import { Fault } from '../../errors.ts';
import { type AttributePath, type ResourceType, splitAttributePath } from './attribute.ts';
import { type Attributes, isObject, keyLike, refuseHazards } from './conform.ts';
import { type Filter, parseFilter } from './filter.ts';
import { MAX_OPERATIONS } from './limits.ts';
import { scimFault } from './scim-fault.ts';

export interface Operation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path?: string;
  /** Undefined where none was given; null where null was. */
  readonly value?: unknown;
  /** Where it stands in the request, for messages: `Operations[2]`. */
  readonly place: string;
}

export interface PatchPath extends AttributePath {
  readonly filter?: Filter;
}

const PATCH_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:patchop';

/**
 * Reads the operations. None at all is no error: some sources send an empty list.
 * @throws Fault with scimType `invalidSyntax`, or `too-large`
 */
export function readOperations(body: unknown): Operation[] {
  if (!isObject(body)) throw scimFault('invalidSyntax', 'The body is not a JSON object.');
  refuseHazards(body);
  const schemas = part(body, 'schemas');
  if (!Array.isArray(schemas) || !schemas.some((urn) => String(urn).toLowerCase() === PATCH_SCHEMA)) {
    throw scimFault('invalidSyntax', 'schemas must name urn:ietf:params:scim:api:messages:2.0:PatchOp.', 'schemas');
  }
  const operations = part(body, 'Operations');
  if (!Array.isArray(operations)) throw scimFault('invalidSyntax', 'Operations must be a list.', 'Operations');
  if (operations.length > MAX_OPERATIONS) {
    throw new Fault('too-large', `A PATCH has at most ${MAX_OPERATIONS} operations.`, { remedy: 'Split it.' });
  }
  return operations.map((each: unknown, index) => readOperation(each, `Operations[${index}]`));
}

function readOperation(given: unknown, place: string): Operation {
  if (!isObject(given)) throw scimFault('invalidSyntax', `${place} is not an object.`, place);
  const op = String(part(given, 'op')).toLowerCase();
  if (op !== 'add' && op !== 'replace' && op !== 'remove') {
    throw scimFault('invalidSyntax', `${place}.op must be add, replace or remove.`, `${place}.op`);
  }
  const path = part(given, 'path') ?? undefined;
  if (path !== undefined && typeof path !== 'string')
    throw scimFault('invalidPath', `${place}.path must be a string.`, `${place}.path`);
  const value = part(given, 'value');
  if (op !== 'remove' && value === undefined)
    throw scimFault('invalidValue', `${place} has no value.`, `${place}.value`);
  return { op, value, place, ...(path === undefined || path.trim() === '' ? {} : { path: path.trim() }) };
}

function part(object: Attributes, name: string): unknown {
  const key = keyLike(object, name);
  return key === undefined ? undefined : object[key];
}

/**
 * Takes a path apart: `attr`, `attr.sub`, `attr[filter]`, `attr[filter].sub`, each also after a schema's URN.
 * @throws Fault with scimType `invalidPath`
 */
export function readPath(type: ResourceType, text: string): PatchPath {
  const open = text.indexOf('[');
  if (open === -1) return split(type, text, text);
  const close = text.lastIndexOf(']');
  const tail = text.slice(close + 1);
  if (close < open || (tail !== '' && !/^\.\$?[A-Za-z][\w$-]*$/.test(tail))) throw notAPath(text);
  const head = split(type, text.slice(0, open), text);
  if (head.sub !== undefined || head.name === undefined) throw notAPath(text);
  const filter = innerFilter(text.slice(open + 1, close), text);
  return { ...head, filter, ...(tail === '' ? {} : { sub: tail.slice(1) }) };
}

function innerFilter(inner: string, text: string): Filter {
  try {
    return parseFilter(inner);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw scimFault('invalidPath', `In "${text.slice(0, 100)}": ${error.message}`, 'path');
  }
}

function split(type: ResourceType, text: string, whole: string): AttributePath {
  const path = splitAttributePath(type, text);
  if (path === undefined) throw notAPath(whole);
  return path;
}

function notAPath(text: string): Error {
  return scimFault('invalidPath', `"${text.slice(0, 100)}" is not an attribute path.`, 'path');
}
