/** Zoom's revocation of tokens and of single sign-on, as they are documented. */
import { randomUUID } from 'node:crypto';
import { type HttpAnswer, type HttpRequest, startHttpDouble } from '../http-double.ts';
import { bearerOf, formOf, holdings, isBasic, type ProviderDouble } from './provider-double.ts';

const app = { id: 'app', secret: 'secret-of-the-app' };
const account = { id: 'acc-1', client: 'server-to-server', secret: 'secret-of-the-account' };
const GRANTED = 'granted-to-the-account';

export async function startZoom(of: 'tokens' | 'people'): Promise<ProviderDouble> {
  const held = holdings();
  const oauth = (request: HttpRequest): HttpAnswer => {
    const form = formOf(request);
    if (request.url.pathname === '/oauth/token') {
      const known = isBasic(request, account.client, account.secret) && form['account_id'] === account.id;
      if (!known || form['grant_type'] !== 'account_credentials')
        return { status: 400, body: { reason: 'Invalid client', error: 'invalid_client' } };
      return { body: { access_token: GRANTED, token_type: 'bearer', expires_in: 3599 } };
    }
    if (!isBasic(request, app.id, app.secret)) return { status: 401, body: { error: 'invalid_client' } };
    const { token = '' } = form;
    if (!held.isLive(token)) return { status: 400, body: { reason: 'Invalid Token!', error: 'invalid_request' } };
    held.asked(token);
    return { body: { status: 'success' } };
  };
  const answer = (request: HttpRequest): HttpAnswer => {
    const { pathname } = request.url;
    if (pathname.startsWith('/oauth/')) return oauth(request);
    const bearer = bearerOf(request);
    const refused = { status: 401, body: { code: 124, message: 'Invalid access token.' } };
    if (pathname === '/v2/users/me') return held.isLive(bearer) ? { body: { id: 'me' } } : refused;
    if (bearer !== GRANTED) return refused;
    const [, who = ''] = /^\/v2\/users\/([^/]+)\/token$/.exec(pathname) ?? [];
    const session = `sign-on of ${decodeURIComponent(who)}`;
    if (!held.isLive(session)) return { status: 404, body: { code: 1001, message: 'User does not exist.' } };
    held.asked(session);
    return { status: 204 };
  };
  const http = await startHttpDouble(answer, () => true);
  const at = { revoker: 'zoom', apiUrl: `${http.url}/v2`, oauthUrl: `${http.url}/oauth` };
  const people = { accountId: account.id, accountClientId: account.client, accountClientSecret: account.secret };
  return {
    ...{ ...http, ...held },
    said: { ...at, ...(of === 'tokens' ? { clientId: app.id, clientSecret: app.secret } : people) },
    give: (email) => {
      if (of === 'tokens') return held.give(email, `zoom-${randomUUID()}`);
      held.give(email, `sign-on of ${email}`);
      return null;
    },
  };
}
