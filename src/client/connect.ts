/** Decisions over HTTP (OpenID AuthZEN Authorization API 1.0), remembered for a moment. */
import { Memory } from './memory.ts';

/** A subject or a resource: `{type: 'user', id}`, `{type: 'workspace', id: 'main'}`. */
export interface Entity {
  readonly type: string;
  readonly id: string;
}

export interface Question {
  readonly subject: Entity;
  /** A permission of the access model. */
  readonly action: string;
  readonly resource: Entity;
}

export interface Answer {
  readonly decision: boolean;
  readonly context: {
    readonly reason?: string;
    /** What is lacking, where it is a no: `account`, `workspace`, `product`, `subscription`, `role` or `permission`. */
    readonly missing?: string;
    /** Changes with the subject's access. */
    readonly epoch?: string;
  };
}

export interface ClientOptions {
  /** Where Drawbridge is. */
  readonly url: string;
  /** An API key with the scope `access:evaluate`. */
  readonly apiKey: string;
  /** For how long an answer may be given again; 0 asks each time. It counts from when it was asked. */
  readonly rememberForMs?: number;
  readonly timeoutMs?: number;
}

export interface Client {
  /** Whether it is allowed. @throws Refused, or whatever `fetch` throws: then nobody knows, and it must not be done */
  may(subject: Entity, action: string, resource: Entity): Promise<boolean>;
  evaluate(question: Question): Promise<Answer>;
  /** Several at once, in their order. */
  evaluateAll(questions: readonly Question[]): Promise<Answer[]>;
  /** The actions that a subject may do in a place. */
  actionsOf(subject: Entity, resource: Entity): Promise<string[]>;
  /** The places of a type in which a subject may do something, page by page. */
  resourcesWhere(subject: Entity, action: string, type: string): AsyncIterable<Entity>;
  /** The people (`user`) or keys (`api_key`) that may do something in a place, page by page. */
  subjectsWho(type: string, action: string, resource: Entity): AsyncIterable<Entity>;
}

/** Drawbridge would not answer: 401 and 403 are about the API key, 400 about the question. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(`Drawbridge answers ${status}: ${detail}`);
    this.name = 'Refused';
    this.status = status;
  }
}

const AT_ONCE = 1000;

/**
 * A client of one Drawbridge.
 * @example
 * const drawbridge = connect({ url: 'https://id.example.com', apiKey: process.env.DRAWBRIDGE_KEY });
 * if (!(await drawbridge.may({ type: 'user', id }, 'agents.create', { type: 'workspace', id: 'main' }))) return deny();
 */
export function connect(options: ClientOptions): Client {
  const memory = new Memory(options.rememberForMs ?? 1_000);
  const ask = (path: string, body: unknown) => post(options, path, body);

  const evaluateAll = async (questions: readonly Question[]): Promise<Answer[]> => {
    const known = questions.map((question) => memory.recall(question));
    const open = questions.filter((_, at) => known[at] === undefined);
    const asked: Answer[] = [];
    for (let at = 0; at < open.length; at += AT_ONCE) {
      const since = performance.now();
      const part = open.slice(at, at + AT_ONCE);
      const { evaluations } = (await ask('/evaluations', { evaluations: part.map(questionOf) })) as {
        evaluations: Answer[];
      };
      for (const [index, answer] of evaluations.entries()) memory.keep(part[index] as Question, answer, since);
      asked.push(...evaluations);
    }
    const answers = asked[Symbol.iterator]();
    return known.map((answer) => answer ?? (answers.next().value as Answer));
  };

  const evaluate = async (question: Question): Promise<Answer> => {
    const known = memory.recall(question);
    if (known !== undefined) return known;
    const since = performance.now();
    const answer = (await ask('/evaluation', questionOf(question))) as Answer;
    memory.keep(question, answer, since);
    return answer;
  };

  return {
    evaluate,
    evaluateAll,
    may: async (subject, action, resource) => (await evaluate({ subject, action, resource })).decision,
    actionsOf: async (subject, resource) => {
      const names: string[] = [];
      for await (const { name } of pages<{ name: string }>(ask, '/search/action', { subject, resource }))
        names.push(name);
      return names;
    },
    resourcesWhere: (subject, action, type) =>
      pages<Entity>(ask, '/search/resource', { subject, action: { name: action }, resource: { type } }),
    subjectsWho: (type, action, resource) =>
      pages<Entity>(ask, '/search/subject', { subject: { type }, action: { name: action }, resource }),
  };
}

type Ask = (path: string, body: unknown) => Promise<unknown>;

interface Page<T> {
  readonly page: { readonly next_token: string };
  readonly results: readonly T[];
}

async function* pages<T>(ask: Ask, path: string, question: object): AsyncGenerator<T> {
  let token: string | undefined;
  while (token !== '') {
    const found = (await ask(path, token === undefined ? question : { ...question, page: { token } })) as Page<T>;
    yield* found.results;
    token = found.page.next_token;
  }
}

async function post({ url, apiKey, timeoutMs }: ClientOptions, path: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${url.replace(/\/$/, '')}/access/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs ?? 5_000),
  });
  if (response.ok) return response.json();
  const { detail } = (await response.json().catch(() => ({}))) as { detail?: string };
  throw new Refused(response.status, detail ?? response.statusText);
}

function questionOf({ subject, action, resource }: Question) {
  return { subject, action: { name: action }, resource };
}
