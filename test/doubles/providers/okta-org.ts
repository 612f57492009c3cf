/** An Okta org's token revocation and its sessions of people, as they are documented. An access token leaves its refresh token alive. */
import { randomUUID } from 'node:crypto';
import { type HttpAnswer, type HttpRequest, startHttpDouble } from '../http-double.ts';
import { formOf, holdings, isBasic, NOT_FOUND, type ProviderDouble } from './provider-double.ts';

const app = { id: '0oaapp', secret: 'secret-of-the-app' };
const API_TOKEN = 'token-of-the-org';

export async function startOktaOrg(of: 'tokens' | 'people'): Promise<ProviderDouble> {
  const held = holdings();
  const ids = new Map<string, string>();
  const oauth = (request: HttpRequest): HttpAnswer => {
    if (!isBasic(request, app.id, app.secret)) return { status: 401, body: { error: 'invalid_client' } };
    const { token = '' } = formOf(request);
    if (request.url.pathname.endsWith('/introspect')) return { body: { active: held.isLive(token) } };
    held.asked(token);
    return { status: 200, body: '' };
  };
  const answer = (request: HttpRequest): HttpAnswer => {
    const { pathname, searchParams } = request.url;
    if (pathname.startsWith('/oauth2/default/v1/')) return oauth(request);
    if (request.headers.authorization !== `SSWS ${API_TOKEN}`)
      return { status: 401, body: { errorCode: 'E0000011', errorSummary: 'Invalid token provided' } };
    const [, who = '', act] = /^\/api\/v1\/users\/([^/]+)(\/sessions)?$/.exec(pathname) ?? [];
    const login = decodeURIComponent(who);
    const id = ids.get(login) ?? [...ids.values()].find((each) => each === login);
    if (id === undefined) return { status: 404, body: { errorCode: 'E0000007' } };
    if (act === undefined) return { body: { id, status: 'ACTIVE' } };
    if (request.method !== 'DELETE' || searchParams.get('oauthTokens') !== 'true') return NOT_FOUND;
    held.asked(id);
    return { status: 204 };
  };
  const http = await startHttpDouble(answer, () => true);
  const tokens = { clientId: app.id, clientSecret: app.secret, authorizationServer: 'default' };
  return {
    ...{ ...http, ...held },
    said: { revoker: 'okta', url: http.url, ...(of === 'tokens' ? tokens : { apiToken: API_TOKEN }) },
    give: (email) => {
      if (of === 'tokens') return held.give(email, `okta-${randomUUID()}`);
      ids.set(email, `00u${ids.size}`);
      held.give(email, ids.get(email) as string);
      return null;
    },
    end: (email) => {
      held.end(email);
      if (of === 'people') ids.delete(email);
    },
  };
}
