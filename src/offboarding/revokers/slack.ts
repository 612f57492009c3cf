/**
 * Slack. It answers 200 whatever happens, and `ok` tells. A bot's token is never ended blindly: with it the bot leaves every channel, for
 * everybody.
 */
import { z } from 'zod';
import type { Outcome } from '../next-step.ts';
import { type Answer, alreadyGone, below, codeOf, notYet, refused, revoked } from './ask.ts';
import { revokerKind } from './revoker.ts';
import { address } from './settings.ts';

const GONE = ['token_revoked', 'token_expired', 'invalid_auth', 'account_inactive'];
const PASSES = ['ratelimited', 'internal_error', 'fatal_error', 'service_unavailable', 'request_timeout'];

export const slack = revokerKind({
  settings: z.strictObject({
    /** Where the methods are. */
    apiUrl: address,
    /** Whether tokens of bots are ended too. */
    bots: z.boolean().default(false),
  }),
  secrets: z.strictObject({}),
  open: ({ apiUrl, bots }, { ask }) => ({
    token: async ({ token }) => {
      const call = (method: string) =>
        ask(below(apiUrl, `/${method}`), { method: 'POST', headers: { authorization: `Bearer ${token}` } });
      const before = await call('auth.test');
      if (before.json['ok'] !== true)
        return isGone(before) ? alreadyGone(before, { error: codeOf(before) }) : told(before);
      if ((token.startsWith('xoxb-') || before.json['bot_id'] !== undefined) && !bots) {
        const error = 'this is a bot’s token: ending it deactivates the bot for everybody; set "bots" to have it done';
        return { state: 'needs_human', error };
      }
      const ended = await call('auth.revoke');
      if (ended.json['ok'] !== true) return isGone(ended) ? alreadyGone(ended, { error: codeOf(ended) }) : told(ended);
      const after = await call('auth.test');
      if (isGone(after)) return revoked(ended, true, { checkedAt: after.at });
      return after.json['ok'] === true ? notYet('the token still works') : told(after);
    },
  }),
});

function isGone(answer: Answer): boolean {
  return answer.json['ok'] === false && GONE.includes(codeOf(answer) ?? '');
}

function told(answer: Answer): Outcome {
  const code = codeOf(answer) ?? '';
  return PASSES.includes(code) ? { state: 'retry', error: `the server answered ${code}` } : refused(answer);
}
