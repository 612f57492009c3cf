/**
 * GitHub, as the app that a token was given to: its whole grant for that person (every token of the app), or the one token. It takes a
 * token that still works, so of a refresh token it can't be done.
 */
import { z } from 'zod';
import { alreadyGone, basic, below, jsonBody, notYet, refused, revoked } from './ask.ts';
import { revokerKind } from './revoker.ts';
import { address, name, secret } from './settings.ts';

export const github = revokerKind({
  settings: z.strictObject({
    /** The REST API's address; of an Enterprise Server it ends with `/api/v3`. */
    apiUrl: address,
    clientId: name,
    end: z.enum(['grant', 'token']).default('grant'),
  }),
  secrets: z.strictObject({ clientSecret: secret }),
  open: ({ apiUrl, clientId, end }, { ask, secrets }) => {
    const headers = { accept: 'application/vnd.github+json', authorization: basic(clientId, secrets.clientSecret) };
    const application = below(apiUrl, `/applications/${encodeURIComponent(clientId)}`);
    return {
      token: async ({ token, kind }) => {
        if (kind === 'refresh_token') {
          const error = 'a refresh token ends with the grant, which takes an access token that still works';
          return { state: 'needs_human', error };
        }
        const body = { access_token: token };
        const ended = await ask(`${application}/${end}`, jsonBody('DELETE', body, headers));
        if (![204, 404, 422].includes(ended.status)) return refused(ended);
        // 404 and 422 are also said for other reasons than that the token is gone.
        const check = await ask(`${application}/token`, jsonBody('POST', body, headers));
        if (check.status === 200) return notYet('the token still works');
        if (check.status !== 404 && check.status !== 422) return refused(check);
        return ended.status === 204 ? revoked(ended, true, { checkedAt: check.at }) : alreadyGone(ended);
      },
    };
  },
});
