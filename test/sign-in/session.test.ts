import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { Browser, formOf } from '../../src/demo/browser.ts';
import { startSamlIdp } from '../../src/demo/idp/saml-idp.ts';
import { safeReturnTo } from '../../src/sign-in/return-to.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, lastEvent, organization, person, within } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const idp = await startSamlIdp({
  people: [
    { id: 'ana', email: 'ana@acme.test', name: '<img src=x onerror=alert(1)>', groups: [] },
    { id: 'olga', email: 'olga@acme.test', name: 'Olga', groups: [] },
  ],
});
database.onEnd(() => idp.close());
const acme = await organization(server, 'acme');
const globex = await organization(server, 'globex');
const okta = await connection(server, acme, 'okta', { kind: 'saml', name: 'Okta', metadata: idp.metadata });
idp.trust((await server.http.get(`/saml/${okta.id}/metadata`)).text);
await person(server, acme, 'olga@acme.test', 'owner');

async function signedIn(who: string, accept = 'application/json'): Promise<Browser> {
  const browser = new Browser(accept);
  const choice = formOf(await browser.get(`${okta.serviceProvider.loginUrl}?returnTo=/me`));
  const answer = formOf(await browser.post(choice.action, { ...choice.fields, person: who }));
  const page = await browser.post(answer.action, answer.fields);
  assert.equal(page.status, 200, page.text);
  return browser;
}

const cookieOf = (browser: Browser) => `drawbridge=${browser.cookies(server.url).get('drawbridge')}`;

describe('finding the way in', () => {
  it('given an address of a verified domain, then the browser is sent to its connection, whoever it is', async () => {
    for (const who of ['ana@acme.test', 'nobody-at-all@acme.test']) {
      const found = await server.http
        .get('/sign-in')
        .query({ email: who, returnTo: '/me?x=1' })
        .set('Accept', 'text/html');
      assert.equal(found.status, 303);
      assert.equal(found.headers['location'], `/saml/${okta.id}/login?returnTo=%2Fme%3Fx%3D1`);
    }
  });

  it('WEB-9 given a domain or organization without a connection, then the answer is that of an unknown one', async () => {
    const ask = async (query: Record<string, string>) => {
      const { status, text } = await server.http.get('/sign-in').query(query).set('Accept', 'text/html');
      return { status, text: text.replaceAll(Object.values(query)[0]!, '') };
    };
    assert.deepEqual(await ask({ email: 'a@globex.test' }), await ask({ email: 'a@unknown.test' }));
    assert.deepEqual(await ask({ organization: globex.slug }), await ask({ organization: 'unknown' }));
    assert.match((await ask({ organization: 'unknown' })).text, /No sign-in is set up/);
  });

  it('given several connections, then there is a choice; programs get it as JSON', async () => {
    await connection(server, acme, 'second', { kind: 'saml', name: 'Second', metadata: idp.metadata });
    const page = await server.http.get('/sign-in').query({ organization: 'acme' }).set('Accept', 'text/html');
    assert.match(page.text, /Okta/);
    assert.match(page.text, /Second/);
    const { body } = await server.http.get('/sign-in').query({ organization: 'acme' });
    assert.deepEqual(
      body.ways.map((way: { name: string }) => way.name),
      ['Okta', 'Second'],
    );
    await connection(server, acme, 'second', { kind: 'saml', name: 'Second', metadata: idp.metadata, enabled: false });
  });
});

describe('one name for this machine', () => {
  it('given a sign-in begins at another loopback name, then the browser is first brought to ours', async () => {
    const { port } = new URL(server.url);
    const ask = (host: string) => server.http.get(`/saml/${okta.id}/login?returnTo=/me`).set('Host', host);
    const astray = await ask(`127.0.0.1:${port}`);
    assert.equal(astray.status, 307);
    assert.equal(astray.headers['location'], `${server.url}/saml/${okta.id}/login?returnTo=/me`);
    assert.equal((await ask('evil.test')).status, 302, 'WEB-8: another name changes nothing');
    assert.match((await ask('evil.test')).headers['location'] ?? '', new RegExp(`^${idp.url}/sso`));
  });
});

describe('the session', () => {
  it('WEB-2 given somebody signs in over http, then the cookie is for this host, hidden from scripts, and Lax', async () => {
    const browser = await signedIn('ana');
    const { headers } = await finish('ana');
    const cookie = headers.getSetCookie().find((line) => line.startsWith('drawbridge='))!;
    assert.match(cookie, /; Path=\/;/);
    assert.match(cookie, /; HttpOnly/);
    assert.match(cookie, /; SameSite=Lax/);
    assert.doesNotMatch(cookie, /Domain=/);
    assert.ok(browser.cookies(server.url).has('drawbridge'));
  });

  it('WEB-1 given a session cookie is there already, when somebody signs in, then the session is a new one', async () => {
    const browser = await signedIn('ana');
    const before = browser.cookies(server.url).get('drawbridge');
    const choice = formOf(await browser.get(okta.serviceProvider.loginUrl));
    const answer = formOf(await browser.post(choice.action, { ...choice.fields, person: 'ana' }));
    await browser.post(answer.action, answer.fields);
    assert.notEqual(browser.cookies(server.url).get('drawbridge'), before);
    await server.http.get('/me').set('Cookie', `drawbridge=${before}`).expect(401);
    assert.equal((await lastEvent(server, acme, 'session.ended'))?.reason, 'signed in anew');
  });

  it('given somebody is signed in, then /me says who and with which roles, as JSON or as a page that escapes names', async () => {
    const me = JSON.parse((await (await signedIn('ana')).get(`${server.url}/me`)).text);
    assert.equal(me.user.email, 'ana@acme.test');
    assert.deepEqual(me.memberships, [{ scope: 'organization', name: 'acme', role: 'viewer', source: 'jit' }]);
    const page = await (await signedIn('ana', 'text/html')).get(`${server.url}/me`);
    assert.match(page.text, /&#60;img src=x/, 'WEB-13');
    assert.doesNotMatch(page.text, /<img/);
  });

  it('given somebody signs out, then the session has ended and the cookie is gone', async () => {
    const browser = await signedIn('ana');
    const cookie = cookieOf(browser);
    const { body } = await server.http.post('/sign-out').set('Cookie', cookie).set('Origin', server.url).expect(200);
    await server.http.get('/me').set('Cookie', cookie).expect(401);
    assert.equal((await lastEvent(server, acme, 'session.ended'))?.reason, 'signed out');
    const back = await new Browser('text/html').get(body.onward);
    assert.match(back.text, /signed out here and at your identity provider/, 'and there, by single logout');
  });

  it('given a person is suspended, then their session is worth nothing', async () => {
    const browser = await signedIn('olga');
    await within(server.deps, acme, sql`UPDATE users SET status = 'suspended' WHERE email = 'olga@acme.test'`);
    await server.http.get('/me').set('Cookie', cookieOf(browser)).expect(401);
    await within(server.deps, acme, sql`UPDATE users SET status = 'active' WHERE email = 'olga@acme.test'`);
  });
});

describe('a session at the administration API', () => {
  it('given an owner, then they administer their own organization, and another is not there', async () => {
    const cookie = cookieOf(await signedIn('olga'));
    await server.http.get('/api/v1/organizations/acme/connections').set('Cookie', cookie).expect(200);
    await server.http.get('/api/v1/organizations/globex/connections').set('Cookie', cookie).expect(404);
  });

  it('given an ordinary member, then they administer nothing', async () => {
    const cookie = cookieOf(await signedIn('ana'));
    await server.http.get('/api/v1/organizations/acme/connections').set('Cookie', cookie).expect(403);
  });

  it('WEB-3 given a request that changes something, when it comes from another site or from nowhere, then it is refused', async () => {
    const cookie = cookieOf(await signedIn('olga'));
    const put = () =>
      server.http.put('/api/v1/organizations/acme/connections/x').set('Cookie', cookie).send({ kind: 'saml' });
    assert.equal((await put()).status, 403);
    assert.equal((await put().set('Origin', 'https://evil.test')).status, 403);
    assert.equal((await put().set('Origin', server.url).set('Sec-Fetch-Site', 'cross-site')).status, 403);
    assert.equal((await put().set('Sec-Fetch-Site', 'same-origin')).status, 400);
    assert.equal((await put().set('Origin', server.url)).status, 400);
    assert.equal(
      (await server.http.post('/sign-out').set('Cookie', cookie).set('Origin', 'https://evil.test')).status,
      403,
    );
  });
});

describe('WEB-4 where a browser is sent afterwards', () => {
  const foreign = [
    ...[
      'https://evil.test',
      '//evil.test',
      '/\\evil.test',
      '\\\\evil.test',
      '/.//evil.test',
      '/%09/evil.test/../..//evil.test',
    ],
    ...[
      'javascript:alert(1)',
      'data:text/html,x',
      '/\t/evil.test',
      '/me\r\nSet-Cookie: a=b',
      'me',
      '',
      undefined,
      ['/me', '/x'],
      {},
    ],
  ];
  for (const target of foreign) {
    it(`given ${JSON.stringify(target)}, then it never leads to another site`, () => {
      const path = safeReturnTo(target, server.url);
      assert.equal(new URL(path, server.url).origin, server.url);
      assert.match(path, /^\/(?![/\\])/);
    });
  }

  it('given a path of ours, then it is kept', () => {
    assert.equal(safeReturnTo('/console/people?page=2#top', server.url), '/console/people?page=2#top');
  });

  it('given a foreign target at login, then the sign-in ends at /me', async () => {
    const browser = new Browser('application/json');
    const choice = formOf(await browser.get(`${okta.serviceProvider.loginUrl}?returnTo=//evil.test/`));
    const answer = formOf(await browser.post(choice.action, { ...choice.fields, person: 'ana' }));
    const page = await browser.post(answer.action, { ...answer.fields, RelayState: 'https://evil.test' }, /./);
    assert.equal(page.headers.get('location'), '/me');
  });
});

async function finish(who: string) {
  const browser = new Browser('application/json');
  const choice = formOf(await browser.get(okta.serviceProvider.loginUrl));
  const answer = formOf(await browser.post(choice.action, { ...choice.fields, person: who }));
  return browser.post(answer.action, answer.fields, /\/me$/);
}
