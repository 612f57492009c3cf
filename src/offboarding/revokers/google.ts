/**
 * Google: a token, which takes the rest of its grant along; and, where a service account may act as an administrator, a person's
 * sessions (they end, tokens of other apps do not).
 */
import { createPrivateKey } from 'node:crypto';
import { SignJWT } from 'jose';
import { None } from 'openid-client';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import type { Outcome } from '../next-step.ts';
import { alreadyGone, below, codeOf, nobodyThere, notUnderstood, notYet, refused, revoked } from './ask.ts';
import { accessToken } from './oauth-client.ts';
import { type PersonToEnd, type RevokerContext, revokerKind, type TokenToEnd } from './revoker.ts';
import { address, directory, needed, secret } from './settings.ts';

const SCOPE = 'https://www.googleapis.com/auth/admin.directory.user.security';

const settings = z.strictObject({
  /** Where tokens are revoked; left out where none are kept. */
  revokeUrl: address.optional(),
  /** Where it is asked what an access token is worth. */
  tokenInfoUrl: address.optional(),
  /** The Admin SDK's address, and where its tokens are got; left out where people are not signed out. */
  apiUrl: address.optional(),
  tokenUrl: address.optional(),
  /** The administrator as whom the service account acts. */
  subject: z.email().optional(),
  directory,
});
type Settings = z.output<typeof settings>;

const secrets = z.strictObject({ serviceAccount: secret.optional() });
type Context = RevokerContext<z.output<typeof secrets>>;

export const google = revokerKind({
  settings,
  secrets,
  open: (given, context) => {
    const { revokeUrl, apiUrl } = given;
    const admin = apiUrl === undefined ? undefined : administrator(given, context);
    return {
      ...(revokeUrl !== undefined && { token: (asked) => endToken(revokeUrl, given.tokenInfoUrl, context, asked) }),
      ...(apiUrl !== undefined && admin && { person: (asked) => signOut(apiUrl, admin, context, asked) }),
    };
  },
});

async function endToken(
  revokeUrl: string,
  infoUrl: string | undefined,
  { ask }: Context,
  { token, kind }: TokenToEnd,
): Promise<Outcome> {
  const ended = await ask(revokeUrl, { method: 'POST', body: new URLSearchParams({ token }) });
  if (ended.status === 400 && codeOf(ended) === 'invalid_token') return alreadyGone(ended);
  if (ended.status !== 200) return refused(ended);
  if (ended.body === undefined) return notUnderstood(ended);
  if (infoUrl === undefined || kind !== 'access_token') return revoked(ended, false);
  const info = await ask(infoUrl, { method: 'POST', body: new URLSearchParams({ access_token: token }) });
  if (info.status === 200) return notYet('the token still works');
  return revoked(ended, info.status === 400, { checkedAt: info.at });
}

async function signOut(
  apiUrl: string,
  admin: () => Promise<string>,
  { ask }: Context,
  person: PersonToEnd,
): Promise<Outcome> {
  const who = encodeURIComponent(person.externalId ?? person.email);
  const url = below(apiUrl, `/admin/directory/v1/users/${who}/signOut`);
  const ended = await ask(url, { method: 'POST', headers: { authorization: `Bearer ${await admin()}` } });
  if (ended.status === 404) return nobodyThere(ended);
  return ended.status === 204 ? revoked(ended, false, { ended: 'sessions' }) : refused(ended);
}

function administrator({ tokenUrl, subject }: Settings, { fetch, now, secrets }: Context): () => Promise<string> {
  const key = keyOf(needed(secrets.serviceAccount, 'serviceAccount'));
  const at = needed(tokenUrl, 'tokenUrl');
  const acting = needed(subject, 'subject');
  return async () => {
    const seconds = Math.floor(now().getTime() / 1000);
    const assertion = await new SignJWT({ scope: SCOPE, sub: acting })
      .setProtectedHeader({ alg: 'RS256' })
      .setIssuer(key.client_email)
      .setAudience(at)
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + 300)
      .sign(createPrivateKey(key.private_key));
    const client = { tokenUrl: at, clientId: key.client_email, authentication: None() };
    return accessToken(fetch, client, 'urn:ietf:params:oauth:grant-type:jwt-bearer', { assertion });
  };
}

const keyFile = z.object({ client_email: z.string().min(1), private_key: z.string().includes('PRIVATE KEY') });

function keyOf(text: string): z.output<typeof keyFile> {
  try {
    return keyFile.parse(JSON.parse(text));
  } catch (cause) {
    const problem = 'serviceAccount is not the JSON of a service account with its private key.';
    throw new Fault('invalid-input', problem, { where: 'serviceAccount', cause });
  }
}
