/** Auth0: every session and refresh token of a person. What is asked for is only accepted, and done a little later: then it is looked up. */
import { ClientSecretPost } from 'openid-client';
import { z } from 'zod';
import type { Outcome } from '../next-step.ts';
import {
  type Answer,
  type Ask,
  alreadyGone,
  below,
  isObject,
  jsonBody,
  nobodyThere,
  notUnderstood,
  refused,
  revoked,
  Stopped,
} from './ask.ts';
import { accessToken } from './oauth-client.ts';
import { revokerKind } from './revoker.ts';
import { address, directory, name, secret } from './settings.ts';

export const auth0 = revokerKind({
  settings: z.strictObject({
    /** The tenant's address. */
    url: address,
    clientId: name,
    directory,
  }),
  secrets: z.strictObject({ clientSecret: secret }),
  open: ({ url, clientId }, { ask, fetch, secrets }) => {
    const tenant = below(url, '');
    const authentication = ClientSecretPost(secrets.clientSecret);
    return {
      person: async ({ externalId, email }) => {
        const client = { tokenUrl: `${tenant}/oauth/token`, clientId, authentication };
        const audience = `${tenant}/api/v2/`;
        const token = await accessToken(fetch, client, 'client_credentials', { audience });
        const headers = { authorization: `Bearer ${token}` };
        const lookUp = () => ask(`${audience}users-by-email?${new URLSearchParams({ email })}`, { headers });
        const ids = externalId === null ? idsWith(email, await lookUp()) : [externalId];
        const outcomes: Outcome[] = [];
        for (const id of ids) outcomes.push(await endOne(ask, `${audience}users/${encodeURIComponent(id)}`, headers));
        return worstOf(outcomes);
      },
    };
  },
});

async function endOne(ask: Ask, user: string, headers: Record<string, string>): Promise<Outcome> {
  const before = await left(ask, user, headers);
  if (before.answer.status === 404) return nobodyThere(before.answer);
  if (before.count === 0) return alreadyGone(before.answer, { looked: 'sessions and refresh tokens' });
  const accepted = await ask(`${user}/revoke-access`, jsonBody('POST', {}, headers));
  if (accepted.status < 200 || accepted.status > 299) return refused(accepted);
  const after = await left(ask, user, headers);
  if (after.count === undefined) return revoked(accepted, false, { accepted: true });
  if (after.count === 0) return revoked(accepted, true, { checkedAt: after.answer.at });
  return { state: 'retry', error: 'it was accepted; sessions or refresh tokens are still there' };
}

/** How many sessions and refresh tokens there are; undefined where the tenant's plan or our client's rights don't let us know. */
async function left(ask: Ask, user: string, headers: Record<string, string>) {
  const sessions = await ask(`${user}/sessions`, { headers });
  const tokens = await ask(`${user}/refresh-tokens`, { headers });
  const counts = [sizeOf(sessions, 'sessions'), sizeOf(tokens, 'tokens')];
  const count = counts.every((each) => each !== undefined) ? counts.reduce((sum, each) => sum + each, 0) : undefined;
  return { answer: sessions, count };
}

function sizeOf(answer: Answer, of: string): number | undefined {
  if (answer.status !== 200) return undefined;
  const items = answer.json[of];
  if (!Array.isArray(items)) throw new Stopped(notUnderstood(answer));
  return items.length;
}

/** A person may have an account for each way of signing in. @throws Stopped where there is none */
function idsWith(email: string, listed: Answer): string[] {
  if (listed.status !== 200) throw new Stopped(refused(listed));
  if (!Array.isArray(listed.body)) throw new Stopped(notUnderstood(listed));
  const theirs = listed.body
    .filter(isObject)
    .filter((each) => String(each['email']).toLowerCase() === email.toLowerCase());
  const ids = theirs.flatMap(({ user_id: id }) => (typeof id === 'string' ? [id] : []));
  if (ids.length === 0) throw new Stopped(nobodyThere(listed));
  return ids;
}

function worstOf(outcomes: readonly Outcome[]): Outcome {
  const order: Outcome['state'][] = ['needs_human', 'retry', 'revoked', 'already_gone'];
  const [worst] = [...outcomes].sort((one, other) => order.indexOf(one.state) - order.indexOf(other.state));
  return worst ?? { state: 'unsupported', proof: {} };
}
