import { z } from 'zod';

/** What a schema takes, as JSON Schema: for whoever makes a form of it. */
export function schemaOf(schema: z.ZodType): Record<string, unknown> {
  return { ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) };
}
