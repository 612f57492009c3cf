/**
 * GitHub, as anybody who holds a token and says so: for personal access tokens, which belong to no app. It can't be undone, GitHub writes
 * to the owner, and 60 requests an hour is all; so it is done only for a provider that was set up as this kind.
 */
import { z } from 'zod';
import { alreadyGone, below, jsonBody, notYet, refused, revoked } from './ask.ts';
import { revokerKind } from './revoker.ts';
import { address } from './settings.ts';

export const githubLeaked = revokerKind({
  settings: z.strictObject({ apiUrl: address }),
  secrets: z.strictObject({}),
  open: ({ apiUrl }, { ask }) => ({
    token: async ({ token }) => {
      const headers = { accept: 'application/vnd.github+json' };
      const probe = () => ask(below(apiUrl, '/user'), { headers: { ...headers, authorization: `Bearer ${token}` } });
      const before = await probe();
      if (before.status === 401) return alreadyGone(before);
      const told = await ask(below(apiUrl, '/credentials/revoke'), jsonBody('POST', { credentials: [token] }, headers));
      if (told.status !== 202) return refused(told);
      const after = await probe();
      return after.status === 401 ? revoked(told, true, { checkedAt: after.at }) : notYet('the token still works');
    },
  }),
});
