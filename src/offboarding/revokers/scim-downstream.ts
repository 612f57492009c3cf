/** An application that takes its people by SCIM 2.0: the leaver's account there is deactivated, or deleted, and looked at again. */
import { ClientSecretBasic } from 'openid-client';
import { z } from 'zod';
import type { Outcome } from '../next-step.ts';
import {
  type Answer,
  alreadyGone,
  below,
  isObject,
  jsonBody,
  nobodyThere,
  notUnderstood,
  notYet,
  refused,
  revoked,
} from './ask.ts';
import { accessToken } from './oauth-client.ts';
import { type PersonToEnd, type RevokerContext, revokerKind } from './revoker.ts';
import { address, name, needed, secret } from './settings.ts';

const settings = z.strictObject({
  /** The server's address, up to `/Users`. */
  url: address,
  /** By what the account is found: the person's e-mail as `userName`, or our own id for them as `externalId`. */
  find: z.enum(['userName', 'externalId']).default('userName'),
  end: z.enum(['deactivate', 'delete']).default('deactivate'),
  /** Where a token is got by client credentials; left out where one is kept. */
  tokenUrl: address.optional(),
  clientId: name.optional(),
});
type Settings = z.output<typeof settings>;

const secrets = z.strictObject({ token: secret.optional(), clientSecret: secret.optional() });
type Context = RevokerContext<z.output<typeof secrets>>;

const DEACTIVATE = {
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations: [{ op: 'replace', path: 'active', value: false }],
};

export const scimDownstream = revokerKind({
  settings,
  secrets,
  open: (given, context) => {
    const bearer = bearerOf(given, context);
    return { person: async (person) => endAccount(given, context, await bearer(), person) };
  },
});

async function endAccount(given: Settings, { ask }: Context, bearer: string, person: PersonToEnd): Promise<Outcome> {
  const headers = { accept: 'application/scim+json, application/json', authorization: `Bearer ${bearer}` };
  const wanted = given.find === 'userName' ? person.email : person.id;
  const filter = `${given.find} eq ${JSON.stringify(wanted)}`;
  const found = await ask(below(given.url, `/Users?${new URLSearchParams({ filter })}`), { headers });
  if (found.status !== 200) return refused(found);
  if (typeof found.json['totalResults'] !== 'number') return notUnderstood(found);
  const accounts = accountsIn(found, given.find, wanted);
  const [account] = accounts;
  if (account === undefined) return nobodyThere(found);
  if (accounts.length > 1) return { state: 'needs_human', error: 'several accounts there are the leaver’s' };
  if (given.end === 'deactivate' && !isActive(account)) return alreadyGone(found, { active: false });

  const url = below(given.url, `/Users/${encodeURIComponent(String(account['id']))}`);
  const patch = jsonBody('PATCH', DEACTIVATE, headers);
  const scim = { ...patch, headers: { ...headers, 'content-type': 'application/scim+json' } };
  const ended = await ask(url, given.end === 'delete' ? { method: 'DELETE', headers } : scim);
  if (ended.status !== 200 && ended.status !== 204 && ended.status !== 404) return refused(ended);
  const after = await ask(url, { headers });
  if (after.status === 404) return revoked(ended, true, { checkedAt: after.at });
  if (after.status !== 200) return refused(after);
  if (after.json['id'] !== account['id']) return notUnderstood(after);
  if (given.end === 'delete' || isActive(after.json)) return notYet('the account is still active');
  return revoked(ended, true, { checkedAt: after.at, active: false });
}

/** Those that really are the leaver's: a server that does not know the filter may list everybody. */
function accountsIn({ json }: Answer, by: 'userName' | 'externalId', wanted: string): Record<string, unknown>[] {
  const listed: unknown[] = Array.isArray(json['Resources']) ? json['Resources'] : [];
  return listed
    .filter(isObject)
    .filter((each) => typeof each['id'] === 'string' && String(each[by]).toLowerCase() === wanted.toLowerCase());
}

function isActive({ active }: Readonly<Record<string, unknown>>): boolean {
  return String(active).toLowerCase() !== 'false';
}

function bearerOf({ tokenUrl, clientId }: Settings, { fetch, secrets }: Context): () => Promise<string> {
  if (tokenUrl === undefined) {
    const token = needed(secrets.token, 'token');
    return async () => token;
  }
  const authentication = ClientSecretBasic(needed(secrets.clientSecret, 'clientSecret'));
  const client = { tokenUrl, clientId: needed(clientId, 'clientId'), authentication };
  return () => accessToken(fetch, client, 'client_credentials', {});
}
