/** Google's token revocation and its administrators' sign-out of people, as they are documented. */
import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { jwtVerify } from 'jose';
import { type HttpAnswer, type HttpRequest, startHttpDouble } from '../http-double.ts';
import { bearerOf, formOf, holdings, NOT_FOUND, type ProviderDouble } from './provider-double.ts';

const ACCOUNT = 'leaving@project.test';
const GRANTED = 'ya29.granted-to-the-service-account';
const INVALID: HttpAnswer = {
  status: 400,
  body: { error: 'invalid_token', error_description: 'Token expired or revoked' },
};

export async function startGoogle(of: 'tokens' | 'people'): Promise<ProviderDouble> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const held = holdings();
  const grant = async (assertion: string): Promise<HttpAnswer> => {
    const must = { issuer: ACCOUNT, audience: `${http.url}/token`, subject: 'admin@acme.example' };
    const signed = await jwtVerify(assertion, createPublicKey(privateKey), must).catch(() => undefined);
    if (!String(signed?.payload['scope']).endsWith('/admin.directory.user.security'))
      return { status: 400, body: { error: 'invalid_grant' } };
    return { body: { access_token: GRANTED, token_type: 'Bearer', expires_in: 3600 } };
  };
  const answer = (request: HttpRequest): HttpAnswer | Promise<HttpAnswer> => {
    const { pathname } = request.url;
    const form = formOf(request);
    if (pathname === '/token') return grant(form['assertion'] ?? '');
    if (pathname === '/revoke') {
      const { token = '' } = form;
      if (!held.isLive(token)) return INVALID;
      held.asked(token);
      return { body: {} };
    }
    if (pathname === '/tokeninfo') return held.isLive(form['access_token']) ? { body: { aud: 'app' } } : INVALID;
    const [, who] = /^\/admin\/directory\/v1\/users\/([^/]+)\/signOut$/.exec(pathname) ?? [];
    if (who === undefined || request.method !== 'POST') return NOT_FOUND;
    if (bearerOf(request) !== GRANTED)
      return { status: 401, body: { error: { code: 401, message: 'Invalid Credentials' } } };
    const account = `account of ${decodeURIComponent(who)}`;
    if (!held.isLive(account)) return { status: 404, body: { error: { code: 404 } } };
    held.asked(account);
    return { status: 204 };
  };
  const http = await startHttpDouble(answer, () => true);
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const people = {
    ...{ apiUrl: http.url, tokenUrl: `${http.url}/token`, subject: 'admin@acme.example' },
    serviceAccount: JSON.stringify({ type: 'service_account', client_email: ACCOUNT, private_key: pem }),
  };
  const tokens = { revokeUrl: `${http.url}/revoke`, tokenInfoUrl: `${http.url}/tokeninfo` };
  return {
    ...{ ...http, ...held },
    said: { revoker: 'google', ...(of === 'tokens' ? tokens : people) },
    give: (email) => {
      if (of === 'tokens') return held.give(email, `ya29.${randomUUID()}`);
      held.give(email, `account of ${email}`);
      return null;
    },
  };
}
