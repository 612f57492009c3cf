import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Browser, formOf, type Page } from '../../src/demo/browser.ts';
import { lacksSimpleSamlPhp, startSimpleSamlPhp } from '../doubles/simplesamlphp.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, lastEvent, membershipsOf, organization } from './arrange.ts';

const PEOPLE = [
  {
    uid: 'mia',
    password: 'mia-pass',
    attributes: { mail: ['mia@acme.test'], displayName: ['Mia'], groups: ['Engineering', 'Staff'] },
  },
  { uid: 'eve', password: 'eve-pass', attributes: { mail: ['eve@elsewhere.test'], displayName: ['Eve'] } },
];

describe('SimpleSAMLphp of Debian as identity provider', { skip: lacksSimpleSamlPhp }, async () => {
  if (lacksSimpleSamlPhp) return;
  const database = await openTestDatabase();
  const server = await startTestServer(database);
  const ssp = await startSimpleSamlPhp(PEOPLE);
  database.onEnd(() => ssp.close());
  const acme = await organization(server, 'acme');
  const metadata = await ssp.metadata();

  async function connected(slug: string, provider: { readonly signsResponseOnly?: boolean } = {}) {
    const made = await connection(server, acme, slug, { kind: 'saml', metadata });
    ssp.trust({ ...made.serviceProvider, ...provider });
    return made;
  }

  /** Signs in by its own login form. */
  async function signIn(
    loginUrl: string,
    uid: string,
    password: string,
    browser = new Browser('application/json'),
  ): Promise<Page> {
    const login = await browser.get(loginUrl);
    const { action, fields } = formOf(login);
    const answered = await browser.post(action, { ...fields, username: uid, password });
    if (!answered.text.includes('SAMLResponse')) return answered;
    const posting = formOf(answered);
    return browser.post(posting.action, posting.fields, /\/me$/);
  }

  it('given its metadata is imported, when somebody signs in by its login form, then they are let in with what it says of them', async () => {
    const { serviceProvider } = await connected('ssp');
    const browser = new Browser('application/json');
    const page = await signIn(serviceProvider.loginUrl, 'mia', 'mia-pass', browser);
    assert.equal(page.status, 303, page.text);
    const me = await browser.json('GET', `${server.url}/me`);
    assert.partialDeepStrictEqual(me.body, { user: { email: 'mia@acme.test', name: 'Mia' } });
    assert.equal((await membershipsOf(server, acme, 'mia@acme.test'))[0]?.source, 'jit');
    const { body } = await server.api('get', '/organizations/acme/sign-in-traces?outcome=signed_in').expect(200);
    assert.partialDeepStrictEqual(body.traces[0].said, { subject: 'mia', groups: ['Engineering', 'Staff'] });
  });

  it('given a wrong password, then nobody comes back', async () => {
    const { serviceProvider } = await connected('wrong');
    const page = await signIn(serviceProvider.loginUrl, 'mia', 'not-it');
    assert.ok(!page.url.startsWith(server.url), page.url);
  });

  it('given somebody of a domain that is not proven, then they are refused with that reason', async () => {
    const { serviceProvider } = await connected('domain');
    const page = await signIn(serviceProvider.loginUrl, 'eve', 'eve-pass');
    assert.equal(page.status, 403);
    assert.equal((await lastEvent(server, acme, 'sign_in.refused'))?.reason, 'domain');
  });

  it('given it signs only the response around the assertion, then that is not enough', async () => {
    const { serviceProvider } = await connected('response-only', { signsResponseOnly: true });
    const page = await signIn(serviceProvider.loginUrl, 'mia', 'mia-pass');
    assert.equal(page.status, 403);
    assert.equal((await lastEvent(server, acme, 'sign_in.refused'))?.reason, 'signed');
  });

  /** A connection with all that it can do: requests signed, assertions encrypted, logout both ways. */
  async function thorough(slug: string) {
    const made = await connection(server, acme, slug, {
      kind: 'saml',
      metadataUrl: `${ssp.url}/saml2/idp/metadata.php`,
      signRequests: true,
      encryption: 'required',
    });
    const { entityId, acsUrl, logoutUrl } = made.serviceProvider;
    const [ours] = made.ownCertificates;
    assert.ok(ours);
    ssp.trust({ entityId, acsUrl, sloUrl: logoutUrl, encryptTo: ours.certificate, signedBy: ours.certificate });
    return made;
  }

  it('given its metadata by address, requests signed and assertions encrypted, when somebody signs in, then they are let in', async () => {
    const { serviceProvider, config } = await thorough('thorough');
    assert.ok(String(config['logoutUrl']).startsWith(`${ssp.url}/saml2/idp/SingleLogoutService.php`));
    const browser = new Browser('application/json');
    const page = await signIn(serviceProvider.loginUrl, 'mia', 'mia-pass', browser);
    assert.equal(page.status, 303, page.text);
    const me = await browser.json('GET', `${server.url}/me`);
    assert.partialDeepStrictEqual(me.body, { user: { email: 'mia@acme.test' } });
  });

  it('given it wants requests signed, when ours are not, then it lets nobody in', async () => {
    const { serviceProvider } = await thorough('unsigned');
    await connection(server, acme, 'unsigned', { kind: 'saml', metadata, signRequests: false, encryption: 'required' });
    const page = await new Browser().get(serviceProvider.loginUrl);
    assert.doesNotMatch(page.text, /name="password"/);
  });

  it('given somebody signs out here, then their session there has ended too when they come back', async () => {
    const { serviceProvider } = await thorough('from-here');
    const browser = new Browser('text/html');
    assert.equal((await signIn(serviceProvider.loginUrl, 'mia', 'mia-pass', browser)).status, 303);
    const { body } = await browser.json('POST', `${server.url}/sign-out`);
    const back = await browser.get(String(body['onward']));
    assert.ok(back.url.startsWith(serviceProvider.logoutUrl), back.url);
    assert.match(back.text, /signed out here and at your identity provider/);
    assert.equal((await browser.json('GET', `${server.url}/me`)).status, 401);
    const again = await browser.get(serviceProvider.loginUrl);
    assert.match(again.text, /name="password"/, 'it asks for the password again');
  });

  it('given somebody signs out there, then their session here has ended too', async () => {
    const { serviceProvider } = await thorough('from-there');
    const browser = new Browser('text/html');
    assert.equal((await signIn(serviceProvider.loginUrl, 'mia', 'mia-pass', browser)).status, 303);
    assert.equal((await browser.json('GET', `${server.url}/me`)).status, 200);
    const there = `${ssp.url}/saml2/idp/initSLO.php?RelayState=${encodeURIComponent(`${ssp.url}/`)}`;
    await browser.get(there);
    assert.equal((await browser.json('GET', `${server.url}/me`)).status, 401);
    const event = await lastEvent(server, acme, 'sign_out.told_by_provider');
    assert.partialDeepStrictEqual(event, { outcome: 'success', detail: { subject: 'mia', sessions: 1 } });
  });
});
