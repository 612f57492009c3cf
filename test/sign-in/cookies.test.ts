import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import supertest from 'supertest';
import { createApp } from '../../src/app.ts';
import { selfSigned } from '../../src/demo/idp/certificate.ts';
import * as hostile from '../doubles/hostile-saml.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, organization } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const { settings } = server.deps;
const baseUrl = 'https://bridge.test';
const secure = supertest(createApp({ ...server.deps, settings: { ...settings, http: { ...settings.http, baseUrl } } }));
const key = await selfSigned('idp');
const acme = await organization(server, 'acme');
const manual = {
  kind: 'saml',
  entityId: 'https://idp.test',
  ssoUrl: 'https://idp.test/sso',
  certificates: [key.certificate],
};
const { id } = await connection(server, acme, 'idp', manual);

describe('WEB-2 cookies where the site is reached by https', () => {
  it('given a sign-in begins, then the cookie of the browser survives a cross-site POST, and no script sees it', async () => {
    const begun = await secure.get(`/saml/${id}/login`);
    const [cookie = ''] = begun.get('Set-Cookie') ?? [];
    assert.match(
      cookie,
      /^__Host-drawbridge-login=[\w-]{43}; Max-Age=900; Path=\/; .*HttpOnly; Secure; SameSite=None$/,
    );
  });

  it('given a sign-in succeeds, then the session cookie is for this host alone, Secure, HttpOnly and Lax', async () => {
    const begun = await secure.get(`/saml/${id}/login`);
    const [cookie = ''] = begun.get('Set-Cookie') ?? [];
    const own = {
      issuer: manual.entityId,
      entityId: `${baseUrl}/saml/${id}/metadata`,
      acsUrl: `${baseUrl}/saml/${id}/acs`,
    };
    const requestId = hostile.requestIdIn(begun.headers['location'] ?? '');
    const parts = hostile.goodParts({ ...own, requestId, email: 'mia@acme.test' });
    const xml = hostile.sign(hostile.response(parts, hostile.assertion(parts)), { privateKey: key.privateKey });
    const done = await secure
      .post(`/saml/${id}/acs`)
      .set('Cookie', cookie.split(';')[0] ?? '')
      .type('form')
      .send({ SAMLResponse: hostile.posted(xml) });
    assert.equal(done.status, 303, done.text);
    const session = (done.get('Set-Cookie') ?? []).find((line) => line.startsWith('__Host-drawbridge='));
    assert.match(
      session ?? '',
      /^__Host-drawbridge=[\w-]{43}; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/,
    );
    const me = await secure.get('/me').set('Cookie', `${session?.split(';')[0]}`);
    assert.equal(me.body.user.email, 'mia@acme.test');
  });

  it('given the cookie is sent twice, then it counts for nothing', async () => {
    const twice = `__Host-drawbridge=${'a'.repeat(43)}; __Host-drawbridge=${'b'.repeat(43)}`;
    assert.equal((await secure.get('/me').set('Cookie', twice)).status, 401);
  });
});

describe('WEB-7 pages', () => {
  it('given any of our pages, then it can not be framed, runs nothing but our script, and is not kept', async () => {
    const { headers } = await secure.get('/sign-in').set('Accept', 'text/html');
    assert.match(
      headers['content-security-policy'] ?? '',
      /default-src 'none'; .*frame-ancestors 'none'; base-uri 'none'/,
    );
    assert.doesNotMatch(headers['content-security-policy'] ?? '', /unsafe/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cache-control'], 'no-store');
    assert.match(headers['referrer-policy'] ?? '', /no-referrer/);
  });
});
