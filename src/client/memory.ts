/** Answers that were given a moment ago. Whatever tells that a subject's access has changed drops all that is remembered of it. */
import type { Answer, Question } from './connect.ts';

interface Known {
  readonly epoch: string | undefined;
  readonly answers: Map<string, { readonly answer: Answer; readonly since: number }>;
}

const MOST_SUBJECTS = 10_000;
const MOST_ANSWERS = 1_000;

export class Memory {
  readonly #forMs: number;
  readonly #subjects = new Map<string, Known>();

  constructor(forMs: number) {
    this.#forMs = forMs;
  }

  recall(question: Question): Answer | undefined {
    const known = this.#subjects.get(subjectOf(question))?.answers.get(restOf(question));
    return known !== undefined && performance.now() - known.since < this.#forMs ? known.answer : undefined;
  }

  /** @param since when it was asked */
  keep(question: Question, answer: Answer, since: number): void {
    if (this.#forMs <= 0) return;
    const subject = subjectOf(question);
    const { epoch } = answer.context;
    const before = this.#subjects.get(subject);
    const goesOn = before !== undefined && before.epoch === epoch && before.answers.size < MOST_ANSWERS;
    const known = goesOn ? before : { epoch, answers: new Map() };
    known.answers.set(restOf(question), { answer, since });
    if (goesOn) return;
    if (this.#subjects.size >= MOST_SUBJECTS) this.#subjects.clear();
    this.#subjects.set(subject, known);
  }
}

function subjectOf({ subject }: Question): string {
  return `${subject.type} ${subject.id}`;
}

function restOf({ action, resource }: Question): string {
  return `${action} ${resource.type} ${resource.id}`;
}
