/** The OpenAPI 3.1 document, made from the endpoints' own declarations, so that it can not drift from what they accept. */
import { z } from 'zod';
import type { DescribedEndpoint } from './endpoint.ts';

/** Describes endpoints as one OpenAPI 3.1 document. */
export function openApiDocument(endpoints: readonly DescribedEndpoint[], baseUrl: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { base, spec } of endpoints) {
    const path = `${base}${spec.path}`.replace(/:([A-Za-z]+)/g, '{$1}');
    paths[path] = { ...paths[path], [spec.method]: operation(path, spec) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Drawbridge administration API', version: '1' },
    servers: [{ url: baseUrl }],
    security: [{ bearer: [] }],
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    paths,
  };
}

function operation(path: string, spec: DescribedEndpoint['spec']): Record<string, unknown> {
  const named = [...path.matchAll(/\{([A-Za-z]+)\}/g)].map(([, name]) => name);
  const query = spec.query === undefined ? undefined : schemaOf(spec.query, 'input');
  const required = new Set((query?.['required'] as string[] | undefined) ?? []);
  const asked = Object.entries((query?.['properties'] as Record<string, unknown> | undefined) ?? {});
  const answer =
    spec.answer === undefined ? {} : { content: { 'application/json': { schema: schemaOf(spec.answer, 'output') } } };
  return {
    summary: spec.summary,
    parameters: [
      ...named.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
      ...asked.map(([name, schema]) => ({ name, in: 'query', required: required.has(name), schema })),
    ],
    ...(spec.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(spec.body, 'input') } } } }),
    responses: {
      [spec.status ?? (spec.answer === undefined ? 204 : 200)]: { description: 'Done', ...answer },
      default: { description: 'What was wrong', content: { 'application/problem+json': {} } },
    },
  };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any', override: datesAsText });
  return json;
}

/** A date leaves as JSON, so as text. */
function datesAsText({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: z.core.JSONSchema.BaseSchema;
}) {
  if (zodSchema._zod.def.type !== 'date') return;
  jsonSchema.type = 'string';
  jsonSchema.format = 'date-time';
}
