/** What an outcome makes of a step, and when to try again. Pure: no clock, no database, no chance but what is given. */

/** What an executor saw. A provider's "done" counts only as far as it was confirmed; `proof` is its answer, never a secret. */
export type Outcome =
  | {
      readonly state: 'revoked' | 'already_gone' | 'delivered' | 'unsupported';
      readonly proof: Readonly<Record<string, unknown>>;
    }
  | { readonly state: 'retry'; readonly error: string; readonly retryAfterSeconds?: number | undefined }
  | { readonly state: 'needs_human'; readonly error: string };

export type StepKind = 'oauth.revoke' | 'account.end' | 'webhook';

export interface Settled {
  readonly state: Outcome['state'];
  /** Seconds from now to the next try; null where there is none. */
  readonly nextInSeconds: number | null;
  readonly error: string | null;
}

/** Pauses after the first try, the second ..., in seconds. Revocations hurry; webhooks follow Standard Webhooks: ten tries in 75 hours. */
const REVOCATION = [2, 10, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600];
const PAUSES: Record<StepKind, readonly number[]> = {
  'oauth.revoke': REVOCATION,
  'account.end': REVOCATION,
  webhook: [5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600],
};

/**
 * @param attempts tries made, this one included
 * @param chance between 0 and 1; spreads tries that failed together
 */
export function settle(kind: StepKind, outcome: Outcome, attempts: number, chance: number): Settled {
  if (outcome.state === 'needs_human') return { state: 'needs_human', nextInSeconds: null, error: outcome.error };
  if (outcome.state !== 'retry') return { state: outcome.state, nextInSeconds: null, error: null };
  const pause = PAUSES[kind][attempts - 1];
  if (pause === undefined) return { state: 'needs_human', nextInSeconds: null, error: outcome.error };
  const spread = pause * (1 + 0.2 * chance);
  return { state: 'retry', nextInSeconds: Math.max(spread, outcome.retryAfterSeconds ?? 0), error: outcome.error };
}

/** The pause that a `Retry-After` header asks for, in seconds: at most a day; undefined where it says nothing usable. */
export function retryAfter(header: string | null, now: Date): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - now.getTime()) / 1000;
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 86_400) : undefined;
}
