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
});
