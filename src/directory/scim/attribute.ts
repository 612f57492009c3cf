/** Attributes as RFC 7643 section 7 defines them, and how one is found by a name in any letter case. */

export type AttributeType =
  | 'string'
  | 'boolean'
  | 'integer'
  | 'decimal'
  | 'dateTime'
  | 'reference'
  | 'binary'
  | 'complex';

export interface Attribute {
  readonly name: string;
  readonly type: AttributeType;
  readonly multiValued: boolean;
  readonly description: string;
  readonly required: boolean;
  readonly caseExact: boolean;
  readonly mutability: 'readOnly' | 'readWrite' | 'immutable' | 'writeOnly';
  readonly returned: 'always' | 'never' | 'default' | 'request';
  readonly uniqueness: 'none' | 'server' | 'global';
  readonly subAttributes?: readonly Attribute[];
}

export interface Schema {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly Attribute[];
}

export interface ResourceType {
  readonly name: 'User' | 'Group';
  readonly endpoint: '/Users' | '/Groups';
  readonly description: string;
  readonly core: Schema;
  readonly extensions: readonly Schema[];
}

/** An attribute of a simple type; what is not said is the RFC's default. */
export function attribute(name: string, description: string, differing: Partial<Attribute> = {}): Attribute {
  return {
    name,
    type: 'string',
    multiValued: false,
    description,
    required: false,
    caseExact: false,
    mutability: 'readWrite',
    returned: 'default',
    uniqueness: 'none',
    ...differing,
  };
}

/** Finds one by name, in any letter case (RFC 7643, 2.1). */
export function findAttribute(attributes: readonly Attribute[] | undefined, name: string): Attribute | undefined {
  const wanted = name.toLowerCase();
  return attributes?.find((each) => each.name.toLowerCase() === wanted);
}

/** A path taken apart: which schema's attribute, and which of its sub-attributes. */
export interface AttributePath {
  /** The extension whose object holds the attribute; undefined for the core. As spelled in the schema, where it is a known one. */
  readonly extension?: string | undefined;
  /** Undefined where the path names an extension as a whole. */
  readonly name?: string | undefined;
  readonly sub?: string | undefined;
}

const NAME = /^\$?[A-Za-z][\w$-]*$/;

/**
 * Takes `urn:...:attr.sub` apart. Says nothing about whether such an attribute exists.
 * @returns undefined where the text can't be an attribute path
 */
export function splitAttributePath(type: ResourceType, text: string): AttributePath | undefined {
  const { extension, rest } = splitUrn(type, text);
  if (rest === '') return extension === undefined ? undefined : { extension };
  const [name, sub, ...more] = rest.split('.');
  if (name === undefined || more.length > 0 || !NAME.test(name)) return undefined;
  if (sub !== undefined && !NAME.test(sub)) return undefined;
  return { extension, name, sub };
}

function splitUrn(type: ResourceType, text: string): { extension: string | undefined; rest: string } {
  const lower = text.toLowerCase();
  if (!lower.startsWith('urn:')) return { extension: undefined, rest: text };
  for (const schema of [type.core, ...type.extensions]) {
    const extension = schema === type.core ? undefined : schema.id;
    if (lower === schema.id.toLowerCase()) return { extension, rest: '' };
    if (lower.startsWith(`${schema.id.toLowerCase()}:`)) return { extension, rest: text.slice(schema.id.length + 1) };
  }
  const colon = text.lastIndexOf(':');
  return { extension: text.slice(0, colon), rest: text.slice(colon + 1) };
}

/** The attributes of the core, or of a known extension; undefined for an extension that no schema describes. */
export function attributesOf(type: ResourceType, extension: string | undefined): readonly Attribute[] | undefined {
  if (extension === undefined) return type.core.attributes;
  return type.extensions.find((schema) => schema.id.toLowerCase() === extension.toLowerCase())?.attributes;
}
