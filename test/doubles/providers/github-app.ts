/** GitHub's API for what people gave to apps, as it is documented; and for tokens that were found somewhere. */
import { randomUUID } from 'node:crypto';
import { type HttpAnswer, type HttpRequest, startHttpDouble } from '../http-double.ts';
import { bearerOf, holdings, isBasic, jsonOf, NOT_FOUND, type ProviderDouble } from './provider-double.ts';

const client = { id: 'Iv1.app', secret: 'secret-of-the-app' };

/** @param end what the administrator has chosen; `leaked` for the endpoint that asks for no app */
export async function startGitHubApp(end: 'grant' | 'token' | 'leaked'): Promise<ProviderDouble> {
  const held = holdings();
  const answer = (request: HttpRequest): HttpAnswer => {
    const { method, url } = request;
    if (!request.headers['user-agent']) return { status: 403, body: 'Request forbidden by administrative rules.' };
    const token = bearerOf(request);
    if (url.pathname === '/user')
      return held.isLive(token) ? { body: { login: 'lea' } } : { status: 401, body: { message: 'Bad credentials' } };
    if (url.pathname === '/credentials/revoke') {
      if (request.headers.authorization !== undefined) return { status: 403, body: { message: 'Forbidden' } };
      for (const each of jsonOf(request)['credentials'] as string[]) held.asked(each);
      return { status: 202, body: {} };
    }
    const [, id, what] = /^\/applications\/([^/]+)\/(grant|token)$/.exec(url.pathname) ?? [];
    if (id !== client.id) return NOT_FOUND;
    if (!isBasic(request, client.id, client.secret)) return { status: 401, body: { message: 'Bad credentials' } };
    const asked = String(jsonOf(request)['access_token']);
    if (!held.isLive(asked))
      return what === 'grant' ? { status: 422, body: { message: 'Validation Failed' } } : NOT_FOUND;
    if (method === 'POST') return { body: { id: 1, token: asked, scopes: ['repo'] } };
    held.asked(asked);
    return { status: 204 };
  };
  const http = await startHttpDouble(answer, () => true);
  const app = { revoker: 'github', clientId: client.id, clientSecret: client.secret, end };
  return {
    ...{ ...http, ...held },
    said: { apiUrl: http.url, ...(end === 'leaked' ? { revoker: 'github-leaked' } : app) },
    give: (email) => held.give(email, `gho_${randomUUID()}`),
  };
}
