/** Auth0's Management API for the access of people, as it is documented: what is asked for is accepted, and done a little later. */
import { type HttpAnswer, type HttpRequest, startHttpDouble } from '../http-double.ts';
import { bearerOf, holdings, isBasic, jsonOf, NOT_FOUND, type ProviderDouble } from './provider-double.ts';

const client = { id: 'drawbridge', secret: 'secret-of-the-app' };
const GRANTED = 'granted-by-the-tenant';

export interface Auth0 extends ProviderDouble {
  /** Whether the tenant's plan lets sessions be listed. */
  listsSessions: boolean;
}

/** @param delay looks at sessions after which what was accepted is done */
export async function startAuth0(delay = 2): Promise<Auth0> {
  const held = holdings();
  const accounts = new Map<string, string>();
  const accepted = new Map<string, number>();
  const grant = (request: HttpRequest): HttpAnswer => {
    const form = Object.fromEntries(new URLSearchParams(request.body));
    const known = form['client_id'] === client.id && form['client_secret'] === client.secret;
    if (!known && !isBasic(request, client.id, client.secret)) return { status: 401, body: { error: 'access_denied' } };
    if (form['audience'] !== `${http.url}/api/v2/`) return { status: 403, body: { error: 'access_denied' } };
    return { body: { access_token: GRANTED, token_type: 'Bearer', expires_in: 86_400 } };
  };
  const look = (id: string) => {
    const left = accepted.get(id);
    if (left === 0) held.asked(id);
    else if (left !== undefined) accepted.set(id, left - 1);
    return held.isLive(id) ? [{ id: 'one', user_id: id }] : [];
  };
  const answer = (request: HttpRequest): HttpAnswer => {
    const { pathname, searchParams } = request.url;
    if (pathname === '/oauth/token') return grant(request);
    if (bearerOf(request) !== GRANTED) return { status: 401, body: { errorCode: 'invalid_token' } };
    if (pathname === '/api/v2/users-by-email') {
      const id = accounts.get(searchParams.get('email') ?? '');
      return { body: id === undefined ? [] : [{ user_id: id, email: searchParams.get('email') }] };
    }
    const [, encoded = '', act = ''] = /^\/api\/v2\/users\/([^/]+)\/([a-z-]+)$/.exec(pathname) ?? [];
    const id = decodeURIComponent(encoded);
    if (![...accounts.values()].includes(id)) return NOT_FOUND;
    if (act === 'revoke-access') {
      if (Object.keys(jsonOf(request)).length > 0) return { status: 400, body: { errorCode: 'invalid_body' } };
      if (!accepted.has(id)) accepted.set(id, delay);
      return { status: 202, body: '' };
    }
    if (!double.listsSessions) return { status: 403, body: { errorCode: 'feature_not_enabled' } };
    if (act === 'sessions') return { body: { sessions: look(id) } };
    return act === 'refresh-tokens' ? { body: { tokens: held.isLive(id) ? [{ id: 'rt' }] : [] } } : NOT_FOUND;
  };
  const http = await startHttpDouble(answer, () => true);
  const double: Auth0 = {
    ...{ ...http, ...held },
    listsSessions: true,
    said: { revoker: 'auth0', url: http.url, clientId: client.id, clientSecret: client.secret },
    give: (email) => {
      accounts.set(email, `auth0|${accounts.size}`);
      held.give(email, accounts.get(email) as string);
      return null;
    },
  };
  return double;
}
