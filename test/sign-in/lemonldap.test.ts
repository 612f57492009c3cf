import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Browser, formOf, type Page } from '../../src/demo/browser.ts';
import { lacksLemonLdap, startLemonLdap } from '../doubles/lemonldap.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, organization } from './arrange.ts';

describe('LemonLDAP::NG of Debian as OpenID provider', { skip: lacksLemonLdap }, async () => {
  if (lacksLemonLdap) return;
  const database = await openTestDatabase();
  const server = await startTestServer(database);
  const lemon = await startLemonLdap();
  database.onEnd(() => lemon.close());
  // Its demonstration people have addresses of this domain.
  const acme = await organization(server, 'acme', {}, ['badwolf.org']);
  const client = { id: 'drawbridge', secret: 'theSecretOfThisClient' };
  const { relyingParty } = await connection(server, acme, 'lemon', {
    kind: 'oidc',
    issuer: lemon.issuer,
    clientId: client.id,
    clientSecret: client.secret,
  });
  const { redirectUri, postLogoutRedirectUri } = relyingParty;
  await lemon.serve({ ...client, redirectUri, postLogoutRedirectUri });

  /** Signs in by its own login form. */
  async function signIn(user: string, password: string, browser: Browser): Promise<Page> {
    const login = await browser.get(relyingParty.loginUrl, /\/me$/);
    if (login.status === 303) return login;
    const { fields } = formOf(login);
    return browser.post(login.url, { ...fields, user, password }, /\/me$/);
  }

  it('given it is discovered, when somebody signs in by its login form, then they are let in with what it says of them', async () => {
    const browser = new Browser();
    const page = await signIn('rtyler', 'rtyler', browser);
    assert.equal(page.status, 303, page.text);
    const me = await browser.json('GET', `${server.url}/me`);
    assert.partialDeepStrictEqual(me.body, { user: { email: 'rtyler@badwolf.org', name: 'Rose Tyler' } });
  });

  it('given somebody signs out here, then they are signed out there too, and come back', async () => {
    const browser = new Browser();
    await signIn('rtyler', 'rtyler', browser);
    assert.equal((await signIn('rtyler', 'rtyler', browser)).status, 303, 'without its form: it knows them still');
    const { status, body } = await browser.json('POST', `${server.url}/sign-out`);
    assert.equal(status, 200);
    const back = await browser.get(String(body['onward']));
    assert.equal(back.url, postLogoutRedirectUri, back.text);
    assert.equal((await browser.json('GET', `${server.url}/me`)).status, 401);
    assert.ok((await browser.get(relyingParty.loginUrl)).url.startsWith(lemon.issuer), 'it asks who they are again');
  });

  it('given a wrong password, then nobody comes back', async () => {
    const browser = new Browser();
    const page = await signIn('rtyler', 'not it', browser);
    assert.ok(!page.url.startsWith(server.url), page.url);
    assert.equal((await browser.json('GET', `${server.url}/me`)).status, 401);
  });

  it('given our client secret is wrong, then that is what is said, and who can mend it', async () => {
    const wrong = { kind: 'oidc', issuer: lemon.issuer, clientId: client.id, clientSecret: 'anotherSecret' };
    await connection(server, acme, 'lemon', wrong);
    const page = await signIn('msmith', 'msmith', new Browser());
    await connection(server, acme, 'lemon', { ...wrong, clientSecret: client.secret });
    assert.equal(page.status, 403);
    assert.match(page.text, /does not accept our client id and secret/);
    const { body } = await server.api('get', '/organizations/acme/sign-in-traces?outcome=refused').expect(200);
    assert.partialDeepStrictEqual(body.traces[0].steps.at(-1), { check: 'client', mender: 'organization' });
  });

  it('given the same person again, then it is the same person, and nothing is added', async () => {
    const browser = new Browser();
    await signIn('dwho', 'dwho', browser);
    const first = await browser.json('GET', `${server.url}/me`);
    await signIn('dwho', 'dwho', new Browser());
    const { body } = await server.api('get', '/organizations/acme/people').expect(200);
    const found = body.people.filter(({ email }: { email: string }) => email === 'dwho@badwolf.org');
    assert.deepEqual(
      found.map(({ id }: { id: string }) => id),
      [(first.body as { user: { id: string } }).user.id],
    );
  });
});
