/** Several questions at once (AuthZEN, Access Evaluations): each has its answer, until one of them settles the whole. */
import type { Answer, Asker, Decisions } from './evaluation.ts';
import type { BatchItem, Semantic } from './evaluation-request.ts';
import { shownAnswer } from './shown-answer.ts';

/** An answer as it is told, also of a question that could not be asked. */
type Told = ReturnType<typeof shownAnswer> | { readonly decision: false; readonly context: { readonly error: object } };

/** What ends a batch before its end. */
const LAST: Readonly<Record<Semantic, (told: Told) => boolean>> = {
  execute_all: () => false,
  deny_on_first_deny: ({ decision }) => !decision,
  permit_on_first_permit: ({ decision }) => decision,
};

/** Answers a batch; the facts of all its questions are read at once, whichever of them will be answered. */
export async function evaluateBatch(
  decisions: Decisions,
  asker: Asker,
  items: readonly BatchItem[],
  semantic: Semantic,
): Promise<Told[]> {
  const asked = items.flatMap((item) => ('asked' in item ? [item.asked] : []));
  const answers: Iterator<Answer> = (await decisions.evaluate(asker, asked))[Symbol.iterator]();
  const told: Told[] = [];
  for (const item of items) {
    const next = 'asked' in item ? shownAnswer(answers.next().value) : refusedItem(item.problem);
    told.push(next);
    if (LAST[semantic](next)) break;
  }
  return told;
}

function refusedItem(message: string): Told {
  return { decision: false, context: { error: { status: 400, message } } };
}
