/** Writes the OpenAPI document's operations as TypeScript types, for whoever calls the API from TypeScript. */

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly parameters: readonly { name: string; in: 'path' | 'query'; required: boolean; schema: Json }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Json } } };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: Json }>> }>
  >;
}

/** One interface `Operations`, by method and path: what each takes and answers. @param document of `openApiDocument` */
export function operationTypes(document: Record<string, unknown>): string {
  const paths = document['paths'] as Record<string, Record<string, Operation>>;
  const lines = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => `  '${method} ${path}': ${operationType(operation)};`),
  );
  return `/** Made from the API's own description; not to be edited. */\nexport interface Operations {\n${lines.join('\n')}\n}\n`;
}

function operationType({ parameters, requestBody, responses }: Operation): string {
  const of = (place: 'path' | 'query') => {
    const members = parameters.filter((each) => each.in === place);
    return `{ ${members.map(({ name, required, schema }) => `${property(name, required)}: ${typeOf(schema)}`).join('; ')} }`;
  };
  const done = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1];
  const answer = done?.content === undefined ? undefined : done.content['application/json']?.schema;
  const body = requestBody?.content['application/json'].schema;
  return [
    `{ path: ${of('path')}`,
    `query: ${of('query')}`,
    `body: ${body === undefined ? 'undefined' : typeOf(body)}`,
    `answer: ${answer === undefined ? 'unknown' : typeOf(answer)} }`,
  ].join('; ');
}

function typeOf(schema: Json): string {
  const { const: constant, enum: values, anyOf, oneOf, allOf, type } = schema;
  if (constant !== undefined) return JSON.stringify(constant);
  if (Array.isArray(values)) return values.map((each) => JSON.stringify(each)).join(' | ');
  const either = (anyOf ?? oneOf) as Json[] | undefined;
  if (either !== undefined) return `(${either.map(typeOf).join(' | ')})`;
  if (allOf !== undefined) return `(${(allOf as Json[]).map(typeOf).join(' & ')})`;
  if (Array.isArray(type)) return type.map((each) => typeOf({ ...schema, type: each })).join(' | ');
  return PLAIN[String(type)] ?? structure(schema);
}

const PLAIN: Readonly<Record<string, string>> = {
  string: 'string',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
  null: 'null',
};

function structure(schema: Json): string {
  if (schema['type'] === 'array') {
    const items = schema['items'] as Json | undefined;
    return `(${items === undefined ? 'unknown' : typeOf(items)})[]`;
  }
  if (schema['type'] !== 'object') return 'unknown';
  const properties = Object.entries((schema['properties'] as Record<string, Json> | undefined) ?? {});
  const required = new Set((schema['required'] as string[] | undefined) ?? []);
  const more = schema['additionalProperties'];
  const named = properties.map(([name, each]) => `${property(name, required.has(name))}: ${typeOf(each)}`);
  if (named.length > 0) return `{ ${named.join('; ')} }`;
  return `Record<string, ${typeof more === 'object' && more !== null ? typeOf(more as Json) : 'unknown'}>`;
}

function property(name: string, required: boolean): string {
  return `${/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)}${required ? '' : '?'}`;
}
