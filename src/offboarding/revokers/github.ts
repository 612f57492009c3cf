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
        if (ended.status === 404 || ended.status === 422) {
          // They are said for other reasons too, as of another app's token; the token itself tells.
          const use = await ask(below(apiUrl, '/user'), { headers: { ...headers, authorization: `Bearer ${token}` } });
          return use.status === 401 ? alreadyGone(ended, { checkedAt: use.at }) : refused(ended);
        }
        if (ended.status !== 204) return refused(ended);
        const check = await ask(`${application}/token`, jsonBody('POST', body, headers));
        if (check.status === 200) return notYet('the token still works');
        return check.status === 404 || check.status === 422
          ? revoked(ended, true, { checkedAt: check.at })
          : refused(check);
      },
    };
  },
});
