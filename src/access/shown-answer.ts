import type { Answer } from './evaluation.ts';

/** A decision as AuthZEN tells it. */
export function shownAnswer({ decision, reason, missing, epoch }: Answer) {
  return {
    decision,
    context: { reason, ...(missing === null ? {} : { missing }), ...(epoch === undefined ? {} : { epoch }) },
  };
}
