/** What an outcome makes of a step, and when to try again. Pure: no clock, no database, no chance but what is given. */
import { MESSAGE_PAUSES, nextTry } from '../signals/next-try.ts';

/** What an executor saw. A provider's "done" counts only as far as it was confirmed; `proof` is its answer, never a secret. */
export type Outcome =
  | {
      readonly state: 'revoked' | 'already_gone' | 'delivered' | 'unsupported';
      readonly proof: Readonly<Record<string, unknown>>;
    }
  | { readonly state: 'retry'; readonly error: string; readonly retryAfterSeconds?: number | undefined }
  | { readonly state: 'needs_human'; readonly error: string };

export type StepKind = 'oauth.revoke' | 'account.end' | 'webhook' | 'mail';

export interface Settled {
  readonly state: Outcome['state'];
  /** Seconds from now to the next try; null where there is none. */
  readonly nextInSeconds: number | null;
  readonly error: string | null;
}

/** Pauses after the first try, the second ..., in seconds. Revocations hurry. */
const REVOCATION = [2, 10, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600];
const PAUSES: Record<StepKind, readonly number[]> = {
  'oauth.revoke': REVOCATION,
  'account.end': REVOCATION,
  webhook: MESSAGE_PAUSES,
  mail: MESSAGE_PAUSES,
};

/**
 * @param attempts tries made, this one included
 * @param chance between 0 and 1; spreads tries that failed together
 */
export function settle(kind: StepKind, outcome: Outcome, attempts: number, chance: number): Settled {
  if (outcome.state === 'needs_human') return { state: 'needs_human', nextInSeconds: null, error: outcome.error };
  if (outcome.state !== 'retry') return { state: outcome.state, nextInSeconds: null, error: null };
  const next = nextTry(PAUSES[kind], outcome, attempts, chance);
  if (next === undefined) return { state: 'needs_human', nextInSeconds: null, error: outcome.error };
  return { state: 'retry', nextInSeconds: next, error: outcome.error };
}
