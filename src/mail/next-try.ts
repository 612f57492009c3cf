/** What the mail server's answer makes of a mail, and when to try again. Pure. */

export type Sent =
  | { readonly state: 'sent' }
  /** Nobody takes it there, now or later. */
  | { readonly state: 'failed'; readonly error: string }
  | { readonly state: 'retry'; readonly error: string };

export interface Settled {
  readonly state: Sent['state'];
  /** Seconds from now to the next try; null where there is none. */
  readonly nextInSeconds: number | null;
  readonly error: string | null;
}

/** Pauses after the first try, the second ..., in seconds; two days in all, as mail servers do. */
const PAUSES = [5, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600];

/**
 * @param attempts tries made, this one included
 * @param chance between 0 and 1; spreads tries that failed together
 */
export function settle(sent: Sent, attempts: number, chance: number): Settled {
  if (sent.state !== 'retry') {
    return { state: sent.state, nextInSeconds: null, error: sent.state === 'failed' ? sent.error : null };
  }
  const pause = PAUSES[attempts - 1];
  if (pause === undefined) return { state: 'failed', nextInSeconds: null, error: sent.error };
  return { state: 'retry', nextInSeconds: pause * (1 + 0.2 * chance), error: sent.error };
}
