/** The code for tokens. The library asks and reads the answer; the ID token is set aside, for its checks have names of their own. */
import * as client from 'openid-client';
import { z } from 'zod';
import type { Attempt } from '../attempt.ts';
import type { Provider } from './provider.ts';

export interface Tokens {
  readonly accessToken: string;
  /** Not verified. */
  readonly idToken: string | undefined;
  /** What was granted, where that is said. */
  readonly scopes: readonly string[] | undefined;
}

/**
 * Redeems the code of an answer.
 * @param url our address with the answer in its query
 * @throws what the library throws; see refused.ts
 */
export async function redeemCode(provider: Provider, url: URL, attempt: Attempt): Promise<Tokens> {
  let idToken: string | undefined;
  const exchange = provider.client(async (address, options) => {
    const response = await provider.send(address, options);
    if (address !== provider.metadata.token_endpoint) return response;
    const apart = await setApart(response);
    idToken = apart.idToken;
    return apart.response;
  });
  const answer = new URL(url);
  // Compared before, by name: it may be one of many.
  answer.searchParams.delete('iss');
  const { access_token: accessToken, scope } = await client.authorizationCodeGrant(exchange, answer, {
    expectedState: attempt.id,
    pkceCodeVerifier: attempt.codeVerifier ?? '',
  });
  return { accessToken, idToken, scopes: scope?.split(/[\s,]+/) };
}

const tokenAnswer = z.looseObject({ id_token: z.string().optional(), error: z.string().optional() });

async function setApart(response: Response): Promise<{ response: Response; idToken: string | undefined }> {
  const read =
    response.status === 200
      ? await response
          .clone()
          .json()
          .catch(() => undefined)
      : undefined;
  const { success, data } = tokenAnswer.safeParse(read);
  if (!success) return { response, idToken: undefined };
  const { id_token: idToken, ...rest } = data;
  // GitHub says what went wrong in an answer that looks like success.
  const status = rest.error === undefined ? 200 : 400;
  return { response: new Response(JSON.stringify(rest), { status, headers: response.headers }), idToken };
}
