/** What may be asked, by OpenID AuthZEN Authorization API 1.0: its shape, and a batch's questions made whole. */
import { z } from 'zod';

const name = z
  .string()
  .min(1)
  .max(1000)
  .regex(/^[^\0]*$/, 'contains a NUL character');
const properties = z.record(z.string(), z.unknown()).optional();
const context = z.record(z.string(), z.unknown()).optional();
const entity = z.object({ type: name, id: name, properties });
const typeOnly = z.object({ type: name, properties });
const action = z.object({ name, properties });

export const evaluationRequest = z.object({ subject: entity, action, resource: entity, context });
export type EvaluationRequest = z.output<typeof evaluationRequest>;

const SEMANTICS = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'] as const;
export type Semantic = (typeof SEMANTICS)[number];

/** Questions of a batch are checked one by one: a bad one spoils only its own answer. */
export const batchRequest = z.object({
  subject: z.unknown().optional(),
  action: z.unknown().optional(),
  resource: z.unknown().optional(),
  context: z.unknown().optional(),
  evaluations: z.array(z.record(z.string(), z.unknown())).max(1000).optional(),
  options: z.object({ evaluations_semantic: z.enum(SEMANTICS).default('execute_all') }).prefault({}),
});
export type BatchRequest = z.output<typeof batchRequest>;

const page = z.object({ token: z.string().max(1000).optional(), limit: z.int().min(0).optional() }).prefault({});

/** What is searched for is named by its type alone; an id is ignored. */
export const searchRequests = {
  subject: z.object({ subject: typeOnly, action, resource: entity, context, page }),
  resource: z.object({ subject: entity, action, resource: typeOnly, context, page }),
  action: z.object({ subject: entity, resource: entity, context, page }),
};

/** A question of a batch, or what is wrong with it. */
export type BatchItem = { readonly asked: EvaluationRequest } | { readonly problem: string };

/** The questions of a batch: what each lacks is taken, whole, from the top level. */
export function questionsOf({ evaluations = [], subject, action, resource, context }: BatchRequest): BatchItem[] {
  const defaults = { subject, action, resource, context };
  return evaluations.map((each) => {
    const asked = evaluationRequest.safeParse({ ...defaults, ...each });
    if (asked.success) return { asked: asked.data };
    const [issue] = asked.error.issues;
    return { problem: `${issue?.path.join('.')}: ${issue?.message}` };
  });
}
