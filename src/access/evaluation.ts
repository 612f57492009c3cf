/**
 * Decisions for the platform, by OpenID AuthZEN Authorization API 1.0: may this subject do this to that? Answered from memberships as
 * they stand at this moment; whatever is not known is a no (offboarding, Decisions).
 */
import { z } from 'zod';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { type Decision, decide, refuse } from './decide.ts';
import { decideKey } from './decide-key.ts';
import { type EvaluationFacts, evaluationFacts } from './evaluation.sql.ts';
import type { Models } from './model-file.ts';
import { modelNamed } from './organization-model.ts';

const name = z
  .string()
  .min(1)
  .max(1000)
  .regex(/^[^\0]*$/, 'contains a NUL character');
const properties = z.record(z.string(), z.unknown()).optional();

export const evaluationRequest = z.object({
  subject: z.object({ type: name, id: name, properties }),
  action: z.object({ name, properties }),
  resource: z.object({ type: name, id: name, properties }),
  context: z.record(z.string(), z.unknown()).optional(),
});
export type EvaluationRequest = z.output<typeof evaluationRequest>;

/**
 * Answers one question of the transaction's organization.
 * @throws Fault `invalid-model` where the organization's model is not there, `not-found` where the organization is not
 */
export async function evaluate(tx: TenantTransaction, models: Models, asked: EvaluationRequest): Promise<Decision> {
  const facts = await evaluationFacts(tx, asked.subject, asked.resource);
  if (facts === undefined) throw new Fault('not-found', 'There is no such organization.');
  return answer(models, facts, asked, new Date());
}

/** The answer by these facts. Pure. */
function answer(models: Models, facts: EvaluationFacts, asked: EvaluationRequest, now: Date): Decision {
  const { subject, action, resource } = asked;
  const { person, key, resource: place } = facts;
  const model = modelNamed(models, facts.modelName);
  if (place === undefined) return refuse('account', `There is no ${resource.type} "${resource.id}" here.`);
  switch (subject.type) {
    case 'user':
      if (person === null) return refuse('account', 'This person is not known here.');
      return decide(model, person, action.name, place, now);
    case 'api_key':
      if (key === null) return refuse('account', 'This API key is not known here.');
      return decideKey(model, key, person, action.name, place, now);
    default:
      return refuse('account', `Subjects are of type "user" or "api_key", not "${subject.type}".`);
  }
}
