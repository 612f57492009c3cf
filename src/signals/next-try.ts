/** When a message that was not taken is sent again. Pure: no clock, no chance but what is given. */

/** Pauses after the first try, the second ..., in seconds, after Standard Webhooks: ten tries in 75 hours. */
export const MESSAGE_PAUSES = [5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600];

/** What came of a try; `unsupported`: the receiver wants no more at all. */
export type MessageOutcome =
  | { readonly state: 'delivered'; readonly proof: Proof }
  | { readonly state: 'unsupported'; readonly proof: Proof }
  | FailedTry;

type Proof = Readonly<Record<string, unknown>> & { readonly status: number };

export interface FailedTry {
  readonly state: 'retry';
  /** What the receiver's HTTP server answered; left out where it did not. */
  readonly status?: number;
  readonly error: string;
  readonly retryAfterSeconds?: number | undefined;
}

/**
 * Seconds to the next try; undefined where the last has been made.
 * @param attempts tries made, this one included
 * @param chance between 0 and 1; spreads tries that failed together
 */
export function nextTry(
  pauses: readonly number[],
  { retryAfterSeconds = 0 }: FailedTry,
  attempts: number,
  chance: number,
): number | undefined {
  const pause = pauses[attempts - 1];
  return pause === undefined ? undefined : Math.max(pause * (1 + 0.2 * chance), retryAfterSeconds);
}

/** The pause that a `Retry-After` header asks for, in seconds: at most a day; undefined where it says nothing usable. */
export function retryAfter(header: string | null, now: Date): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - now.getTime()) / 1000;
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 86_400) : undefined;
}

/** A request that got no answer, in words. */
export function unreachable(error: unknown): FailedTry {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const why = cause instanceof Error ? cause.message.slice(0, 200) : 'unknown reason';
  return { state: 'retry', error: `the endpoint can't be reached: ${why}` };
}
