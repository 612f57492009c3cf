/** Answers that nobody asked for: refused, dropped for a proper sign-in, or taken if the person says so. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import supertest from 'supertest';
import { createApp } from '../../src/app.ts';
import { Browser, formOf } from '../../src/demo/browser.ts';
import type * as hostile from '../doubles/hostile-saml.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { holdings, lastEvent, organization } from './arrange.ts';
import { hostileIdp } from './hostile-idp.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const { deps } = await startTestServer(database);
const twin = supertest(createApp({ ...deps, settings: server.deps.settings }));
const acme = await organization(server, 'acme');
const idp = await hostileIdp(server, acme, 'tile');

function unasked(email = 'tile@acme.test', more: Partial<hostile.Parts> = {}): string {
  return idp.signed({ ...idp.good({ requestId: '' }, email), inResponseTo: null, ...more });
}

const land = (xml: string, more: Record<string, string> = {}, browser = new Browser('application/json')) =>
  idp.post({ browser }, xml, more).then((page) => ({ browser, page }));

describe('an answer that nobody asked for', () => {
  it('SAML-36 given the connection takes none, then it is refused even with the cookie of a sign-in under way', async () => {
    await idp.put({});
    const begun = await idp.begin();
    const before = await holdings(server, acme);
    const page = await idp.post(begun, unasked());
    assert.equal(page.status, 403);
    assert.equal(JSON.parse(page.text).check, 'in-response-to');
    assert.equal((await lastEvent(server, acme, 'sign_in.refused'))?.reason, 'in-response-to');
    assert.deepEqual(await holdings(server, acme), before);
  });

  it('given the connection bounces it, then what came is dropped and a sign-in begun properly, to where it meant to go', async () => {
    await idp.put({ idpInitiated: 'bounce' });
    const before = await holdings(server, acme);
    const { browser, page } = await land(unasked(), { RelayState: '/me?from=tile' });
    const location = page.headers.get('location')!;
    assert.ok(location.startsWith('https://tile.idp.test/sso?'), page.text);
    assert.deepEqual(await holdings(server, acme), before);
    const requestId = (await import('../doubles/hostile-saml.ts')).requestIdIn(location);
    const done = await browser.post(
      idp.own.acsUrl,
      { SAMLResponse: Buffer.from(idp.signed(idp.good({ requestId }, 'tile@acme.test'))).toString('base64') },
      /\/me/,
    );
    assert.equal(done.headers.get('location'), '/me?from=tile');
  });

  for (const relayState of ['https://evil.test/', '//evil.test', '/\\evil.test', 'javascript:alert(1)']) {
    it(`WEB-4 given a RelayState of ${relayState}, then it leads nowhere`, async () => {
      await idp.put({ idpInitiated: 'consent' });
      const browser = new Browser('text/html');
      const { page } = await land(unasked(), { RelayState: relayState }, browser);
      const { action, fields } = formOf(page);
      const done = await browser.post(action, fields, /./);
      assert.equal(done.status, 303, done.text);
      assert.doesNotMatch(done.headers.get('location')!, /evil|javascript/);
    });
  }

  it('given the connection asks first, then the person is shown who it is, and let in once they say so', async () => {
    await idp.put({ idpInitiated: 'consent' });
    const before = await holdings(server, acme);
    const browser = new Browser('text/html');
    const { page } = await land(unasked('ask@acme.test'), {}, browser);
    assert.equal(page.status, 200);
    assert.match(page.text, /ask@acme\.test/);
    assert.deepEqual(await holdings(server, acme), before);
    const { action, fields } = formOf(page);
    const done = await browser.post(action, fields, /./);
    assert.equal(done.status, 303, done.text);
    const me = await browser.json('GET', `${server.url}/me`);
    assert.partialDeepStrictEqual(me.body, { user: { email: 'ask@acme.test' } });
  });

  it("WEB-3 given another browser's consent, or one for another assertion, then it is refused", async () => {
    await idp.put({ idpInitiated: 'consent' });
    const attacker = new Browser('text/html');
    const { page } = await land(unasked('eve@acme.test'), {}, attacker);
    const { fields } = formOf(page);
    const { browser: victim } = await land(unasked('vic@acme.test'));
    const before = await holdings(server, acme);
    const taken = await victim.post(idp.own.acsUrl, fields, /./);
    assert.equal(taken.status, 403);
    assert.equal(JSON.parse(taken.text).check, 'browser');
    const swapped = Buffer.from(unasked('eve@acme.test')).toString('base64');
    const other = await attacker.post(idp.own.acsUrl, { ...fields, SAMLResponse: swapped }, /./);
    assert.equal(other.status, 403);
    assert.deepEqual(await holdings(server, acme), before);
  });

  it('SAML-35 given consent to one assertion, when it is posted twenty times at once on two instances, then exactly one signs in', async () => {
    await idp.put({ idpInitiated: 'consent' });
    const browser = new Browser('text/html');
    const { fields } = formOf((await land(unasked('once@acme.test'), {}, browser)).page);
    const cookie = `drawbridge-login=${browser.cookies(server.url).get('drawbridge-login')}`;
    const path = new URL(idp.own.acsUrl).pathname;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        (at % 2 === 0 ? server.http : twin).post(path).set('Cookie', cookie).type('form').send(fields),
      ),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [303, ...Array(19).fill(403)]);
  });

  it('SAML-1 given it is not signed, then nobody is asked anything', async () => {
    await idp.put({ idpInitiated: 'consent' });
    const { page } = await land(unasked().replace(/<ds:Signature[\s\S]*?<\/ds:Signature>/, ''));
    assert.equal(page.status, 403);
    assert.equal(JSON.parse(page.text).check, 'signed');
  });

  it('SAML-33 given it claims to answer a request that we do not know, then that it is refused for, whatever the mode', async () => {
    for (const idpInitiated of ['off', 'bounce', 'consent']) {
      await idp.put({ idpInitiated });
      await idp.refuses('in-response-to', (begun) => idp.signed({ ...idp.good(begun), inResponseTo: '_unknown' }));
    }
  });

  it('SAML-33 given only its envelope answers a request, then it is no answer', async () => {
    await idp.put({ idpInitiated: 'consent' });
    await idp.refuses('in-response-to', (begun) => {
      const parts = idp.good(begun);
      return idp
        .signed({ ...parts, inResponseTo: null })
        .replace('<samlp:Response ', `<samlp:Response InResponseTo="${parts.inResponseTo}" `);
    });
  });
});
