/**
 * Ends a token at an OAuth server by RFC 7009. A 200 is not proof: some servers say it with an error in the body, some to any client.
 * Where the server has an introspection endpoint (RFC 7662), the token counts as dead only when that says so (offboarding, Revokers).
 */
import * as oauth from 'openid-client';
import { z } from 'zod';
import type { Outcome } from '../next-step.ts';
import { type Answer, alreadyGone, answerOf, codeOf, notUnderstood, notYet, refused, revoked } from './ask.ts';
import { oauthClient, stoppedBy } from './oauth-client.ts';
import { type RevokerContext, revokerKind, type TokenToEnd } from './revoker.ts';
import { address, name, needed, secret } from './settings.ts';

const settings = z.strictObject({
  revocationEndpoint: address,
  /** Where it is asked afterwards whether the token is really dead. */
  introspectionEndpoint: address.optional(),
  clientId: name,
  authentication: z.enum(['client_secret_basic', 'client_secret_post', 'none']).default('client_secret_basic'),
});

/** Any OAuth server with a revocation endpoint. */
export const rfc7009 = revokerKind({
  settings,
  secrets: z.strictObject({ clientSecret: secret.optional() }),
  open: (server, context) => {
    if (server.authentication !== 'none') needed(context.secrets.clientSecret, 'clientSecret');
    return { token: (asked) => endAt(server, context, asked) };
  },
});

/** Ends a token at a server that is described so. */
export async function endAt(
  server: z.output<typeof settings>,
  context: Pick<RevokerContext<{ clientSecret?: string | undefined }>, 'fetch' | 'now' | 'secrets'>,
  { token, kind }: TokenToEnd,
): Promise<Outcome> {
  const seen: { last?: Answer } = {};
  const client = clientOf(server, watched(context, seen), context.secrets.clientSecret);
  const hint = { token_type_hint: kind };
  const answer = await said(seen, () => oauth.tokenRevocation(client, token, hint));
  const code = codeOf(answer);
  if (code === 'invalid_token') return alreadyGone(answer);
  if (code === 'unsupported_token_type')
    return { state: 'unsupported', proof: { status: answer.status, at: answer.at, error: code } };
  if (answer.status !== 200 || code !== undefined) return refused(answer);
  if (server.introspectionEndpoint === undefined) return revoked(answer, false);

  const probe = await said(seen, () => oauth.tokenIntrospection(client, token, hint));
  // Who does not know our client here may have said 200 to it there without doing anything.
  if (probe.status !== 200) return refused(probe);
  if (typeof probe.json['active'] !== 'boolean') return notUnderstood(probe);
  if (probe.json['active']) return notYet('the token still works');
  return revoked(answer, true, { introspectedAt: probe.at });
}

function clientOf(
  { revocationEndpoint, introspectionEndpoint, clientId, authentication }: z.output<typeof settings>,
  fetch: typeof globalThis.fetch,
  clientSecret = '',
): oauth.Configuration {
  const ways = {
    client_secret_basic: oauth.ClientSecretBasic,
    client_secret_post: oauth.ClientSecretPost,
    none: oauth.None,
  };
  const server = {
    issuer: new URL(revocationEndpoint).origin,
    revocation_endpoint: revocationEndpoint,
    ...(introspectionEndpoint === undefined ? {} : { introspection_endpoint: introspectionEndpoint }),
  };
  return oauthClient(fetch, server, clientId, ways[authentication](clientSecret));
}

/** Notes what came back, for the library says of an answer only whether it was well. */
function watched(
  { fetch, now }: Pick<RevokerContext<unknown>, 'fetch' | 'now'>,
  seen: { last?: Answer },
): typeof fetch {
  return async (url, init) => {
    const response = await fetch(url, init);
    seen.last = await answerOf(response.clone(), now());
    return response;
  };
}

async function said(seen: { last?: Answer }, work: () => Promise<unknown>): Promise<Answer> {
  delete seen.last;
  try {
    await work();
  } catch (error) {
    const { last } = seen;
    if (last === undefined) throw stoppedBy(error, 'the server can not be asked');
    return last;
  }
  if (seen.last === undefined) throw new Error('the library asked nobody');
  return seen.last;
}
