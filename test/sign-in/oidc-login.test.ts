import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Browser, formOf, type Page } from '../../src/demo/browser.ts';
import { startOidcIdp } from '../../src/demo/idp/oidc-idp.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, holdings, lastEvent, membershipsOf, organization, person } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const PEOPLE = [
  { id: 'ana', email: 'Ana@acme.test', name: 'Ana Alder', groups: ['Engineering'] },
  { id: 'bo', email: 'bo@acme.test', name: 'Bo Birch', groups: [] },
  { id: 'una', email: 'una@acme.test', name: 'Una Ulm', groups: [], emailVerified: false },
  { id: 'dee', email: 'dee@elsewhere.test', name: 'Dee Dogwood', groups: [] },
];
const idp = await startOidcIdp({ people: PEOPLE });
database.onEnd(() => idp.close());

const acme = await organization(server, 'acme');
const secret = 'secret-of-the-client';
const entra = await connection(server, acme, 'entra', {
  kind: 'oidc',
  issuer: idp.url,
  clientId: 'bridge',
  clientSecret: secret,
});
idp.addClient({ id: 'bridge', secret, redirectUris: [entra.relyingParty.redirectUri] });

/** The address at which the provider sends the browser back, not yet visited. */
async function wayBack(who: string, browser: Browser, loginUrl = entra.relyingParty.loginUrl): Promise<string> {
  const choice = formOf(await browser.get(loginUrl));
  const back = await browser.post(choice.action, { ...choice.fields, person: who }, /\/callback\?/);
  return new URL(back.headers.get('location')!, back.url).toString();
}

async function signIn(who: string, browser = new Browser('application/json')): Promise<Page> {
  return browser.get(await wayBack(who, browser), /\/me$/);
}

describe('signing in by OpenID Connect', () => {
  it('given nobody is known, when somebody of a verified domain signs in, then they are created with the default role', async () => {
    const page = await signIn('ana');
    assert.equal(page.status, 303, page.text);
    assert.equal(page.headers.get('location'), '/me');
    const memberships = await membershipsOf(server, acme, 'ana@acme.test');
    assert.deepEqual(memberships, [{ email: 'ana@acme.test', role: 'viewer', source: 'jit', scope: 'organization' }]);
  });

  it('given they were created, when they sign in again, then they are the same person with one identity', async () => {
    const before = await holdings(server, acme);
    assert.equal((await signIn('ana')).status, 303);
    assert.deepEqual(await holdings(server, acme), { ...before, sessions: before['sessions']! + 1 });
  });

  it('given an existing person of a verified domain, when they sign in, then they are linked and keep their role', async () => {
    await person(server, acme, 'bo@acme.test', 'admin');
    assert.equal((await signIn('bo')).status, 303);
    assert.equal((await membershipsOf(server, acme, 'bo@acme.test'))[0]?.role, 'admin');
    assert.equal((await lastEvent(server, acme, 'sign_in.succeeded'))?.reason, 'linked by verified e-mail domain');
  });
});
