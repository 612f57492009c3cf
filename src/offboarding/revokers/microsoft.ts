/**
 * Microsoft Entra ID, by Microsoft Graph: every refresh token and browser session of a person. Access tokens live on to their end (about
 * an hour), and whoever is a guest signs in elsewhere, where this reaches nobody.
 */
import { ClientSecretPost } from 'openid-client';
import { z } from 'zod';
import { type Answer, below, nobodyThere, notYet, refused, revoked } from './ask.ts';
import { accessToken } from './oauth-client.ts';
import { revokerKind } from './revoker.ts';
import { address, directory, name, secret } from './settings.ts';

export const microsoft = revokerKind({
  settings: z.strictObject({
    /** Graph's address, without a version. */
    apiUrl: address,
    /** The tenant's token endpoint. */
    tokenUrl: address,
    clientId: name,
    directory,
  }),
  secrets: z.strictObject({ clientSecret: secret }),
  open: ({ apiUrl, tokenUrl, clientId }, { ask, fetch, secrets }) => {
    const authentication = ClientSecretPost(secrets.clientSecret);
    const scope = `${new URL(apiUrl).origin}/.default`;
    return {
      person: async ({ externalId, email }) => {
        const token = await accessToken(fetch, { tokenUrl, clientId, authentication }, 'client_credentials', { scope });
        const headers = { authorization: `Bearer ${token}` };
        const user = (who: string) => below(apiUrl, `/v1.0/users/${encodeURIComponent(who)}`);
        const look = (who: string) =>
          ask(`${user(who)}?$select=id,userType,signInSessionsValidFromDateTime`, { headers });
        const before = await look(externalId ?? email);
        const { id, userType } = before.json;
        if (before.status === 404) return nobodyThere(before);
        if (before.status !== 200 || typeof id !== 'string') return refused(before);
        if (userType === 'Guest') return { state: 'unsupported', proof: { reason: GUEST, at: before.at } };
        const ended = await ask(`${user(id)}/revokeSignInSessions`, { method: 'POST', headers });
        const done = ended.status === 204 || (ended.status === 200 && ended.json['value'] === true);
        if (!done) return refused(ended);
        const after = await look(id);
        if (validFrom(after) === undefined) return revoked(ended, false, { ended: LIVE_ON });
        if (validFrom(after) === validFrom(before)) return notYet('sessions from before are still valid');
        return revoked(ended, true, { ended: LIVE_ON, validFrom: validFrom(after) });
      },
    };
  },
});

const GUEST = 'a guest signs in at a home tenant, whose sessions are not ours to end';
const LIVE_ON = 'refresh tokens and sessions; access tokens live on to their end';

function validFrom({ json }: Answer): string | undefined {
  const { signInSessionsValidFromDateTime: from } = json;
  return typeof from === 'string' ? from : undefined;
}
