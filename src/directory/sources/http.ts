/**
 * How sources ask by HTTP: each request is bounded in time and size, and repeated where that may help: no answer, 429 and 5xx, after the
 * pause that the server names or a growing one. What stays wrong is told as it is.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { z } from 'zod';
import { Fault } from '../../errors.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * Sends a request and reads the whole answer.
 * @param mayPassToo which other answers are worth asking again for: some services say "too fast" in their own way
 * @throws Fault `upstream-failed`, whose `where` is the address without its query
 */
export type Send = (url: string | URL, init?: RequestInit, mayPassToo?: (answer: Answer) => boolean) => Promise<Answer>;

export interface SendSettings {
  /** An outbound `fetch` with a limit of time of its own. */
  readonly fetch: typeof fetch;
  readonly maxBytes?: number;
  /** The whole patience for one request, in milliseconds. */
  readonly patience?: number;
  /** How many times in all. */
  readonly tries?: number;
  readonly wait?: (ms: number) => Promise<unknown>;
  readonly random?: () => number;
}

const MIB = 1024 * 1024;

/** Makes one. */
export function sender(settings: SendSettings): Send {
  return (url, init, mayPassToo) => asking(settings, url, () => once(settings, url, init), mayPassToo);
}

/**
 * Asks until it is answered well, or the patience is over.
 * @param mayPassToo besides 429 and the like
 * @throws Fault `upstream-failed`
 */
export async function asking<A extends Pick<Answer, 'status' | 'headers'>>(
  settings: Omit<SendSettings, 'fetch' | 'maxBytes'>,
  url: string | URL,
  attempt: () => Promise<A | Fault>,
  mayPassToo: (answer: A) => boolean = () => false,
): Promise<A> {
  const { tries = 6, patience = 10 * 60_000, wait = pause, random = Math.random } = settings;
  const begun = Date.now();
  for (let count = 1; ; count += 1) {
    const answer = await attempt();
    if (!(answer instanceof Fault) && !mayPass(answer.status) && !mayPassToo(answer)) return answer;
    const pauseMs = pauseBefore(count, answer, random);
    if (count >= tries || Date.now() - begun + pauseMs > patience) throw failed(url, answer);
    await wait(pauseMs);
  }
}

/** The JSON of an answer. @throws Fault `upstream-failed` where the status is not among those wanted, or it is no JSON */
export function jsonOf(url: string | URL, answer: Answer, wanted: readonly number[] = [200]): unknown {
  if (!wanted.includes(answer.status)) throw failed(url, answer);
  try {
    return JSON.parse(answer.text);
  } catch (cause) {
    throw new Fault('upstream-failed', 'The source answers with something that is not JSON; nothing was changed.', {
      where: placeOf(url),
      cause,
    });
  }
}

/**
 * The JSON of an answer, or null where the source says in its own words that there is no such thing. Any other 404 is a wrong address.
 * @param isTheirs whether the body of a 404 is the source's own
 */
export function jsonIfThere(url: string | URL, answer: Answer, isTheirs: z.ZodType): unknown {
  if (answer.status !== 404) return jsonOf(url, answer);
  if (isTheirs.safeParse(jsonOf(url, answer, [404])).success) return null;
  throw failed(url, answer);
}

async function once({ fetch, maxBytes = 64 * MIB }: SendSettings, url: string | URL, init?: RequestInit) {
  try {
    const response = await fetch(url, init);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > maxBytes) {
        const reason = `The source answers with more than ${maxBytes / MIB} MiB at once.`;
        throw new Fault('invalid-feed', reason, { where: placeOf(url), remedy: 'Ask for smaller pages.' });
      }
      chunks.push(chunk);
    }
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
    return { status: response.status, headers: response.headers, text };
  } catch (cause) {
    // An address that may not be reached does not become so by asking again.
    if (cause instanceof Fault) throw cause;
    return brokeOff(url, cause);
  }
}

function mayPass(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** In milliseconds. `Retry-After` in seconds or as a date, else the seconds of a rate limit's reset, else twice as long each time. */
function pauseBefore(
  attempt: number,
  answer: Pick<Answer, 'status' | 'headers'> | Fault,
  random: () => number,
): number {
  const growing = 500 * 2 ** (attempt - 1) * (0.75 + random() / 2);
  if (answer instanceof Fault) return growing;
  const after = answer.headers.get('retry-after');
  const seconds = Number(after);
  if (after !== null && Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  if (after !== null && Number.isFinite(Date.parse(after))) return Math.max(0, Date.parse(after) - Date.now());
  const reset = Number(answer.headers.get('x-rate-limit-reset') ?? Number.NaN);
  if (answer.status === 429 && Number.isFinite(reset)) return Math.max(1000, reset * 1000 - Date.now());
  return growing;
}

/** That no answer came, or only a part of one. */
export function brokeOff(url: string | URL, cause: unknown): Fault {
  const reason = "The source can't be reached, or broke off; nothing was changed.";
  return new Fault('upstream-failed', reason, { where: placeOf(url), cause });
}

/** What an answer of that status means. */
export function failed(url: string | URL, answer: Pick<Answer, 'status'> | Fault): Fault {
  if (answer instanceof Fault) return answer;
  const { status } = answer;
  const remedy =
    status === 401 || status === 403
      ? "Check the directory's secrets, and what they may read at the source."
      : 'Check the address and the source; the next run tries again.';
  return new Fault('upstream-failed', `The source answers ${status}; nothing was changed.`, {
    where: placeOf(url),
    remedy,
  });
}

/** An address to be told: queries may carry secrets. */
export function placeOf(url: string | URL): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
