/** Zoom: a token that a person gave to our app; and, by an app of the account's own, the single sign-on of a person. */
import { ClientSecretBasic } from 'openid-client';
import { z } from 'zod';
import type { Outcome } from '../next-step.ts';
import { alreadyGone, basic, below, nobodyThere, notYet, refused, revoked } from './ask.ts';
import { accessToken } from './oauth-client.ts';
import { type PersonToEnd, type RevokerContext, revokerKind, type TokenToEnd } from './revoker.ts';
import { address, directory, name, needed, secret } from './settings.ts';

const settings = z.strictObject({
  /** The API's address, ending with its version. */
  apiUrl: address,
  /** Where tokens are given and revoked: the address before `/token` and `/revoke`. */
  oauthUrl: address,
  /** Our app, whose tokens are kept; left out where none are. */
  clientId: name.optional(),
  /** The account, and its server-to-server app, which signs people out; left out where it is not done. */
  accountId: name.optional(),
  accountClientId: name.optional(),
  directory,
});
type Settings = z.output<typeof settings>;

const secrets = z.strictObject({ clientSecret: secret.optional(), accountClientSecret: secret.optional() });
type Context = RevokerContext<z.output<typeof secrets>>;

export const zoom = revokerKind({
  settings,
  secrets,
  open: (given, context) => {
    const { clientId, accountId } = given;
    const app = clientId && basic(clientId, needed(context.secrets.clientSecret, 'clientSecret'));
    const account = accountId && administrator(given, accountId, context);
    return {
      ...(app && { token: (asked) => endToken(given, app, context, asked) }),
      ...(account && { person: (asked) => signOut(given, account, context, asked) }),
    };
  },
});

async function endToken(
  { apiUrl, oauthUrl }: Settings,
  authorization: string,
  { ask }: Context,
  { token, kind }: TokenToEnd,
): Promise<Outcome> {
  const body = new URLSearchParams({ token });
  const ended = await ask(below(oauthUrl, '/revoke'), { method: 'POST', headers: { authorization }, body });
  const done = ended.status === 200 && ended.json['status'] === 'success';
  // That a token is not one is said in several ways; whether it still works is asked of the API itself.
  if (ended.status === 401 || (!done && ended.status !== 400 && ended.status !== 200)) return refused(ended);
  if (kind === 'refresh_token') return done ? revoked(ended, false) : refused(ended);
  const probe = await ask(below(apiUrl, '/users/me'), { headers: { authorization: `Bearer ${token}` } });
  if (probe.status === 401) return done ? revoked(ended, true, { checkedAt: probe.at }) : alreadyGone(ended);
  return done ? notYet('the token still works') : refused(ended);
}

async function signOut(
  { apiUrl }: Settings,
  admin: () => Promise<string>,
  { ask }: Context,
  { externalId, email }: PersonToEnd,
): Promise<Outcome> {
  const url = below(apiUrl, `/users/${encodeURIComponent(externalId ?? email)}/token`);
  const ended = await ask(url, { method: 'DELETE', headers: { authorization: `Bearer ${await admin()}` } });
  if (ended.status === 404) return nobodyThere(ended);
  return ended.status === 204 ? revoked(ended, false, { ended: 'single sign-on' }) : refused(ended);
}

function administrator({ oauthUrl, accountClientId }: Settings, accountId: string, { fetch, secrets }: Context) {
  const authentication = ClientSecretBasic(needed(secrets.accountClientSecret, 'accountClientSecret'));
  const client = {
    tokenUrl: below(oauthUrl, '/token'),
    clientId: needed(accountClientId, 'accountClientId'),
    authentication,
  };
  return () => accessToken(fetch, client, 'account_credentials', { account_id: accountId });
}
