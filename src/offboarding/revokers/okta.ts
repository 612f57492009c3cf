/**
 * Okta: a token of one of its authorization servers, and a person's sessions with every token given in their name. An access token does
 * not take its refresh token along, so both are to be kept, or the person ended.
 */
import { z } from 'zod';
import type { Outcome } from '../next-step.ts';
import { below, nobodyThere, refused, revoked } from './ask.ts';
import { type PersonToEnd, type RevokerContext, revokerKind } from './revoker.ts';
import { endAt } from './rfc7009.ts';
import { address, directory, name, needed, secret } from './settings.ts';

const secrets = z.strictObject({ clientSecret: secret.optional(), apiToken: secret.optional() });
type Context = RevokerContext<z.output<typeof secrets>>;

export const okta = revokerKind({
  settings: z.strictObject({
    /** The org's address. */
    url: address,
    /** Our app, whose tokens are kept; left out where none are. */
    clientId: name.optional(),
    /** A custom authorization server, such as `default`; the org's own where it is left out. */
    authorizationServer: name.optional(),
    directory,
  }),
  secrets,
  open: ({ url, clientId, authorizationServer }, context) => {
    const { clientSecret, apiToken } = context.secrets;
    const own = authorizationServer === undefined ? '' : `/${encodeURIComponent(authorizationServer)}`;
    const server = clientId && {
      revocationEndpoint: below(url, `/oauth2${own}/v1/revoke`),
      introspectionEndpoint: below(url, `/oauth2${own}/v1/introspect`),
      clientId,
      authentication: 'client_secret_basic' as const,
    };
    if (server) needed(clientSecret, 'clientSecret');
    return {
      ...(server && { token: (asked) => endAt(server, context, asked) }),
      ...(apiToken !== undefined && { person: (asked) => endSessions(url, apiToken, context, asked) }),
    };
  },
});

async function endSessions(url: string, apiToken: string, { ask }: Context, person: PersonToEnd): Promise<Outcome> {
  const headers = { authorization: `SSWS ${apiToken}` };
  const users = (who: string) => below(url, `/api/v1/users/${encodeURIComponent(who)}`);
  const found = await ask(users(person.externalId ?? person.email), { headers });
  const { id } = found.json;
  if (found.status === 404) return nobodyThere(found);
  if (found.status !== 200 || typeof id !== 'string') return refused(found);
  const ended = await ask(`${users(id)}/sessions?oauthTokens=true`, { method: 'DELETE', headers });
  return ended.status === 204 ? revoked(ended, false, { ended: 'sessions and OAuth tokens' }) : refused(ended);
}
