/** OAuth servers with revocation and introspection, and the manners that some of them have. */
import { randomUUID } from 'node:crypto';
import { type HttpAnswer, type HttpRequest, startHttpDouble } from '../http-double.ts';
import { formOf, holdings, isBasic, type ProviderDouble } from './provider-double.ts';

const client = { id: 'platform', secret: 'secret-of-the-platform' };

/** How it says that a token is gone already; and that a client is not known. */
const MANNERS: Record<'plain' | 'keycloak' | 'salesforce' | 'gitlab', { gone: HttpAnswer; stranger: HttpAnswer }> = {
  plain: { gone: { body: '' }, stranger: { status: 401, body: { error: 'invalid_client' } } },
  keycloak: {
    gone: { body: { error: 'invalid_token', error_description: 'Invalid token' } },
    stranger: { status: 401, body: { error: 'unauthorized_client' } },
  },
  salesforce: {
    gone: { status: 400, body: { error: 'invalid_token', error_description: 'invalid token: revoked' } },
    stranger: { status: 401, body: { error: 'invalid_client' } },
  },
  gitlab: { gone: { body: {} }, stranger: { body: {} } },
};

export async function startOauthManners(manners: keyof typeof MANNERS): Promise<ProviderDouble> {
  const held = holdings();
  const { gone, stranger } = MANNERS[manners];
  const answer = (request: HttpRequest): HttpAnswer => {
    const isOurs = isBasic(request, client.id, client.secret);
    const { token = '' } = formOf(request);
    if (request.url.pathname === '/introspect')
      return isOurs ? { body: { active: held.isLive(token) } } : { status: 401, body: { error: 'invalid_client' } };
    if (!isOurs) return stranger;
    if (!held.isLive(token)) return gone;
    held.asked(token);
    return { body: {} };
  };
  const http = await startHttpDouble(answer, () => true);
  return {
    ...{ ...http, ...held },
    said: {
      ...{
        revoker: 'rfc7009',
        revocationEndpoint: `${http.url}/revoke`,
        introspectionEndpoint: `${http.url}/introspect`,
      },
      ...{ clientId: client.id, clientSecret: client.secret },
    },
    give: (email) => held.give(email, `opaque-${randomUUID()}`),
  };
}
