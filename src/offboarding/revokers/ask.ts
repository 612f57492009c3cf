/** How revokers ask by HTTP, and the outcomes that they all share. */
import { Fault } from '../../errors.ts';
import { retryAfter } from '../../signals/next-try.ts';
import type { Outcome } from '../next-step.ts';

export interface Answer {
  readonly status: number;
  readonly at: string;
  /** Of a JSON object; empty where the answer is none. */
  readonly json: Readonly<Record<string, unknown>>;
  /** JSON of any kind; undefined where the answer is none. */
  readonly body: unknown;
}

/** Asks once. @throws Stopped where no whole answer came, or one that may be another in a while */
export type Ask = (url: string | URL, init?: RequestInit) => Promise<Answer>;

/** What ends a step wherever it stands. */
export class Stopped extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super('error' in outcome ? outcome.error : outcome.state);
    this.outcome = outcome;
  }
}

const MAX_BYTES = 256 * 1024;
const LATER = [408, 425, 429];

/** A `fetch` that gives whole answers only. @throws Stopped */
export function wholeFetch(send: typeof fetch, now: () => Date): typeof fetch {
  return async (input, init) => {
    const { status, headers, body } = await wholeAnswer(send, input, init);
    if (LATER.includes(status) || status >= 500) {
      const seconds = retryAfter(headers.get('retry-after'), now());
      throw new Stopped({ state: 'retry', error: `the server answered ${status}`, retryAfterSeconds: seconds });
    }
    return new Response([101, 204, 205, 304].includes(status) ? null : body, { status, headers });
  };
}

/** Asks for JSON by a `wholeFetch`. */
export function asking(fetch: typeof globalThis.fetch, now: () => Date): Ask {
  return async (url, init = {}) => {
    const headers = { accept: 'application/json', 'user-agent': 'Drawbridge', ...(init.headers as object) };
    const response = await fetch(url, { ...init, headers });
    return answerOf(response, now());
  };
}

/** Reads an answer. */
export async function answerOf(response: Response, now: Date): Promise<Answer> {
  const body: unknown = await response.json().catch(() => undefined);
  return { status: response.status, at: now.toISOString(), json: isObject(body) ? body : {}, body };
}

/** JSON as a request's body. */
export function jsonBody(method: string, body: unknown, headers: Readonly<Record<string, string>> = {}): RequestInit {
  return { method, headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

/** An address below another. */
export function below(base: string, path: string): string {
  return `${base.replace(/\/$/, '')}${path}`;
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** @param confirmed whether the provider was asked afterwards, and said that it is gone */
export function revoked(answer: Answer, confirmed: boolean, more: Readonly<Record<string, unknown>> = {}): Outcome {
  return { state: 'revoked', proof: { status: answer.status, at: answer.at, confirmed, ...more } };
}

export function alreadyGone(answer: Answer, more: Readonly<Record<string, unknown>> = {}): Outcome {
  return { state: 'already_gone', proof: { status: answer.status, at: answer.at, ...more } };
}

/** Nobody is known there under the leaver's name. */
export function nobodyThere(answer: Answer): Outcome {
  return alreadyGone(answer, { reason: 'the provider knows no such person' });
}

/** Somebody has to look: the settings, the rights of our client, or the provider's mood. */
export function refused(answer: Answer): Outcome {
  const code = codeOf(answer);
  return {
    state: 'needs_human',
    error: `the server answered ${answer.status}${code === undefined ? '' : ` (${code})`}`,
  };
}

/** It answers, but not in the way that it should: a page of a proxy's, a version that we don't know. */
export function notUnderstood(answer: Answer): Outcome {
  return { state: 'retry', error: `the server answered ${answer.status}, with something that is not understood` };
}

/** It was said to be done, and is not. */
export function notYet(what: string): Outcome {
  return { state: 'retry', error: `the server said it was done, but ${what}` };
}

/** The code of an error in JSON, by the names that providers give it. */
export function codeOf({ json }: Answer): string | undefined {
  const { error, errorCode, code } = json;
  const said = isObject(error) ? error['code'] : (error ?? errorCode ?? code);
  const text = typeof said === 'number' ? String(said) : said;
  return typeof text === 'string' && /^[\w .-]{1,60}$/.test(text) ? text : undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function wholeAnswer(send: typeof fetch, input: Parameters<typeof fetch>[0], init?: RequestInit) {
  try {
    const { status, headers, body } = await send(input, init);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of body ?? []) {
      size += chunk.length;
      if (size > MAX_BYTES) throw new Stopped({ state: 'retry', error: 'the server answered with far too much' });
      chunks.push(chunk);
    }
    return { status, headers, body: Buffer.concat(chunks) };
  } catch (error) {
    if (error instanceof Stopped || error instanceof Fault) throw error;
    throw new Stopped({ state: 'retry', error: `the server can't be reached: ${reasonOf(error)}` });
  }
}

function reasonOf(error: unknown): string {
  const deepest = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = (deepest as { code?: unknown }).code;
  return typeof code === 'string' ? code : deepest instanceof Error ? deepest.message.slice(0, 200) : 'unknown reason';
}
