/** Microsoft Graph's sign-in sessions of people, and the tenant's token endpoint, as they are documented. */
import { type HttpAnswer, type HttpRequest, startHttpDouble } from '../http-double.ts';
import { bearerOf, formOf, type ProviderDouble } from './provider-double.ts';

const client = { id: 'drawbridge-app', secret: 'secret-of-the-app' };
const GRANTED = 'granted-by-the-tenant';

export interface Graph extends ProviderDouble {
  readonly users: Map<string, { id: string; userType: 'Member' | 'Guest'; validFrom: string }>;
  /** How often sessions were revoked. */
  revocations(): number;
}

export async function startGraph(): Promise<Graph> {
  const users: Graph['users'] = new Map();
  let [lies, revocations] = [false, 0];
  const grant = (request: HttpRequest): HttpAnswer => {
    const { client_id: id, client_secret: secret, grant_type: type, scope } = formOf(request);
    const known = id === client.id && secret === client.secret && type === 'client_credentials';
    if (!known || scope !== `${http.url}/.default`) return { status: 401, body: { error: 'invalid_client' } };
    return { body: { access_token: GRANTED, token_type: 'Bearer', expires_in: 3599 } };
  };
  const answer = (request: HttpRequest): HttpAnswer => {
    const { pathname } = request.url;
    if (pathname === '/tenant/oauth2/v2.0/token') return grant(request);
    if (bearerOf(request) !== GRANTED) return { status: 401, body: { error: { code: 'InvalidAuthenticationToken' } } };
    const [, who = '', act] = /^\/v1\.0\/users\/([^/]+)(\/revokeSignInSessions)?$/.exec(pathname) ?? [];
    const [upn, user] = [...users].find(([name, { id }]) => [name, id].includes(decodeURIComponent(who))) ?? [];
    if (upn === undefined || user === undefined)
      return { status: 404, body: { error: { code: 'Request_ResourceNotFound' } } };
    const { id, userType, validFrom: signInSessionsValidFromDateTime } = user;
    if (act === undefined) return { body: { id, userType, signInSessionsValidFromDateTime } };
    revocations += 1;
    if (!lies) users.set(upn, { ...user, validFrom: `2026-01-02T00:00:0${revocations}Z` });
    return { body: { value: true } };
  };
  const http = await startHttpDouble(answer, () => true);
  const OLD = '2026-01-01T00:00:00Z';
  return {
    ...http,
    users,
    revocations: () => revocations,
    said: {
      ...{ revoker: 'microsoft', apiUrl: http.url, tokenUrl: `${http.url}/tenant/oauth2/v2.0/token` },
      ...{ clientId: client.id, clientSecret: client.secret },
    },
    give: (email) => {
      users.set(email, { id: `id-${users.size}`, userType: 'Member', validFrom: OLD });
      return null;
    },
    works: (email) => users.get(email)?.validFrom === OLD,
    end: (email) => void users.delete(email),
    lie: () => {
      lies = true;
    },
  };
}
