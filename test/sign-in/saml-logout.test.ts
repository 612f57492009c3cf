/** Single logout, begun here or at the identity provider; and what is not believed of it. */
import assert from 'node:assert/strict';
import { createVerify, X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import supertest from 'supertest';
import { createApp } from '../../src/app.ts';
import type { Browser } from '../../src/demo/browser.ts';
import { selfSigned } from '../../src/demo/idp/certificate.ts';
import * as hostile from '../doubles/hostile-saml.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { holdings, lastEvent, organization } from './arrange.ts';
import { hostileIdp } from './hostile-idp.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const { deps } = await startTestServer(database);
const twin = supertest(createApp({ ...deps, settings: server.deps.settings }));
const acme = await organization(server, 'acme');
const idp = await hostileIdp(server, acme, 'slo', { logoutUrl: 'https://slo.idp.test/slo' });
const second = await hostileIdp(server, acme, 'second', { logoutUrl: 'https://second.idp.test/slo' });
const stranger = await selfSigned('somebody else');
const FORM = 'application/x-www-form-urlencoded';

let count = 0;
function asking(nameId: string, more: Partial<hostile.LogoutParts> = {}): hostile.LogoutParts {
  count += 1;
  return {
    id: `_logout-${count}`,
    issuer: idp.issuer,
    destination: idp.own.logoutUrl,
    issuedAt: Date.now(),
    nameId,
    sessionIndex: null,
    ...more,
  };
}

const path = new URL(idp.own.logoutUrl).pathname;
const byQuery = (parts: hostile.LogoutParts, key: string | null = idp.key.privateKey, relayState?: string) =>
  server.http.get(`${path}?${hostile.inQuery('SAMLRequest', hostile.logoutRequest(parts), key, relayState)}`);
const isSignedIn = async (browser: Browser) => (await browser.json('GET', `${server.url}/me`)).status === 200;

/** Tries to sign somebody out by a query that is not to be believed. */
async function refuses(check: string, query: string): Promise<void> {
  const browser = await idp.signIn('victim@acme.test');
  const before = await holdings(server, acme);
  const answer = await server.http.get(`${path}?${query}`);
  assert.equal(answer.status, 403, answer.text);
  assert.equal(answer.body.check, check, answer.text);
  const event = await lastEvent(server, acme, 'sign_out.refused');
  assert.deepEqual([event?.outcome, event?.reason], ['denied', check]);
  assert.ok(await isSignedIn(browser));
  assert.deepEqual(await holdings(server, acme), before);
}

describe('single logout that the identity provider begins', () => {
  it('given a signed request by redirect, then every session of that person ends, and it is told so, signed', async () => {
    const browsers = [await idp.signIn('one@acme.test'), await idp.signIn('one@acme.test')];
    const other = await idp.signIn('two@acme.test');
    const parts = asking('one@acme.test');
    const { status, headers } = await byQuery(parts, undefined, 'state-of-theirs');
    assert.equal(status, 303);
    for (const browser of browsers) assert.equal(await isSignedIn(browser), false);
    assert.ok(await isSignedIn(other));
    const location = headers['location']!;
    assert.ok(location.startsWith('https://slo.idp.test/slo?'));
    assert.equal(new URL(location).searchParams.get('RelayState'), 'state-of-theirs');
    const xml = hostile.messageIn(location, 'SAMLResponse');
    assert.match(xml, new RegExp(`InResponseTo="${parts.id}"`));
    assert.match(xml, /status:Success/);
    const [signed = '', signature = ''] = new URL(location).search.slice(1).split('&Signature=');
    const { publicKey } = new X509Certificate(idp.connection.ownCertificates[0]!.certificate);
    assert.ok(createVerify('sha256').update(signed).verify(publicKey, decodeURIComponent(signature), 'base64'));
    const event = await lastEvent(server, acme, 'sign_out.told_by_provider');
    assert.partialDeepStrictEqual(event, { outcome: 'success', detail: { sessions: 2, subject: 'one@acme.test' } });
  });

  it('given a signed request by form, then the session ends', async () => {
    const browser = await idp.signIn('form@acme.test');
    const xml = hostile.sign(hostile.logoutRequest(asking('form@acme.test')), {
      privateKey: idp.key.privateKey,
      over: 'LogoutRequest',
    });
    const answer = await server.http
      .post(path)
      .type(FORM)
      .send({ SAMLRequest: hostile.posted(xml) });
    assert.equal(answer.status, 303, answer.text);
    assert.equal(await isSignedIn(browser), false);
  });

  it('given it names one of two sessions, then only that one ends', async () => {
    const first = await idp.signIn('index@acme.test', { sessionIndex: '_first' });
    const other = await idp.signIn('index@acme.test', { sessionIndex: '_other' });
    assert.equal((await byQuery(asking('index@acme.test', { sessionIndex: '_first' }))).status, 303);
    assert.deepEqual([await isSignedIn(first), await isSignedIn(other)], [false, true]);
  });

  it('SAML-48 given a session that is not there, then nothing ends and it is told that nobody is known', async () => {
    const browser = await idp.signIn('known@acme.test', { sessionIndex: '_known' });
    const answer = await byQuery(asking('known@acme.test', { sessionIndex: '_unknown' }));
    assert.match(hostile.messageIn(answer.headers['location']!, 'SAMLResponse'), /UnknownPrincipal/);
    assert.ok(await isSignedIn(browser));
    assert.equal((await lastEvent(server, acme, 'sign_out.told_by_provider'))?.outcome, 'failure');
  });

  it("SAML-48 given another identity provider's request for a person of this one, then nothing ends", async () => {
    const browser = await idp.signIn('mine@acme.test');
    const parts = asking('mine@acme.test', { issuer: second.issuer, destination: second.own.logoutUrl });
    const query = hostile.inQuery('SAMLRequest', hostile.logoutRequest(parts), second.key.privateKey);
    const answer = await server.http.get(`${new URL(second.own.logoutUrl).pathname}?${query}`);
    assert.match(hostile.messageIn(answer.headers['location']!, 'SAMLResponse'), /UnknownPrincipal/);
    assert.ok(await isSignedIn(browser));
  });

  it('SAML-48 given a request was taken, when it comes again, on two instances at once, then it counts once', async () => {
    await idp.signIn('again@acme.test');
    const query = hostile.inQuery('SAMLRequest', hostile.logoutRequest(asking('again@acme.test')), idp.key.privateKey);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, at) => (at % 2 === 0 ? server.http : twin).get(`${path}?${query}`)),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [303, ...Array(9).fill(403)]);
    await refuses('replay', query);
  });

  const request = (more: Partial<hostile.LogoutParts> = {}) => hostile.logoutRequest(asking('victim@acme.test', more));
  const signed = (xml: string, key: string | null = idp.key.privateKey, algorithm?: string) =>
    hostile.inQuery('SAMLRequest', xml, key, undefined, algorithm);
  const HOUR = 3_600_000;

  for (const [what, check, make] of [
    ['it is not signed', 'signed', () => signed(request(), null)],
    ['another key signs it', 'signature', () => signed(request(), stranger.privateKey)],
    [
      'SHA-1 signs it',
      'signature-algorithm',
      () => signed(request(), idp.key.privateKey, 'http://www.w3.org/2000/09/xmldsig#rsa-sha1'),
    ],
    ['another issuer', 'issuer', () => signed(request({ issuer: second.issuer }))],
    ['another destination', 'destination', () => signed(request({ destination: second.own.logoutUrl }))],
    ['no destination', 'destination', () => signed(request({ destination: null }))],
    ['it is of an hour ago', 'expired', () => signed(request({ issuedAt: Date.now() - HOUR }))],
    ['it is of an hour from now', 'not-before', () => signed(request({ issuedAt: Date.now() + HOUR }))],
    ['it names nobody', 'subject', () => signed(request({ nameId: null }))],
    ['a document type', 'doctype', () => signed(`<!DOCTYPE x [<!ENTITY a "b">]>${request()}`)],
    ['a comment in the name', 'unusual-markup', () => signed(request().replace('victim@', 'victim@<!-- -->'))],
    ['another kind of message', 'response', () => signed(request().replaceAll('LogoutRequest', 'AuthnRequest'))],
    ['the message twice, one of them signed', 'encoding', () => `${signed(request())}&${signed(request(), null)}`],
    [
      'a RelayState that was added after signing',
      'signature',
      () => signed(request()).replace('&SigAlg', '&RelayState=x&SigAlg'),
    ],
    ['five megabytes, compressed', 'size', () => signed(`${request()}${' '.repeat(5_000_000)}`)],
    ['what is not compressed', 'encoding', () => `SAMLRequest=${encodeURIComponent(hostile.posted('<x/>'))}`],
    ['nothing at all', 'encoding', () => 'x=y'],
  ] as const) {
    const id = what.startsWith('five megabytes') ? 'SAML-43' : 'SAML-48';
    it(`${id} given ${what}, then it is refused and nobody is signed out`, () => refuses(check, make()));
  }

  for (const [what, check, make] of [
    ['it is not signed', 'signed', (xml: string) => xml],
    [
      'another key signs it',
      'signature',
      (xml: string) => hostile.sign(xml, { privateKey: stranger.privateKey, over: 'LogoutRequest' }),
    ],
    [
      'it was altered after signing',
      'signature',
      (xml: string) =>
        hostile
          .sign(xml, { privateKey: idp.key.privateKey, over: 'LogoutRequest' })
          .replace('nobody@acme.test', 'victim@acme.test'),
    ],
    [
      'SHA-1 signs it',
      'signature-algorithm',
      (xml: string) =>
        hostile.sign(xml, {
          privateKey: idp.key.privateKey,
          over: 'LogoutRequest',
          signatureAlgorithm: `${hostile.DSIG}rsa-sha1`,
        }),
    ],
  ] as const) {
    it(`SAML-48 given a form, and ${what}, then it is refused and nobody is signed out`, async () => {
      const browser = await idp.signIn('victim@acme.test');
      const xml = make(hostile.logoutRequest(asking('nobody@acme.test')));
      const answer = await server.http
        .post(path)
        .type(FORM)
        .send({ SAMLRequest: hostile.posted(xml) });
      assert.equal(answer.status, 403, answer.text);
      assert.equal(answer.body.check, check);
      assert.ok(await isSignedIn(browser));
    });
  }
});

describe('single logout that begins here', () => {
  it('given somebody signs out, then the session ends here, and the browser takes a signed request there and comes back', async () => {
    const browser = await idp.signIn('leaves@acme.test', { sessionIndex: '_theirs' });
    const { status, body } = await browser.json('POST', `${server.url}/sign-out`);
    assert.equal(status, 200);
    assert.equal(await isSignedIn(browser), false);
    const onward = String(body['onward']);
    assert.ok(onward.startsWith('https://slo.idp.test/slo?'));
    const xml = hostile.messageIn(onward);
    assert.match(xml, />leaves@acme\.test<\/saml:NameID>/);
    assert.match(xml, />_theirs<\//);
    const [signed = '', signature = ''] = new URL(onward).search.slice(1).split('&Signature=');
    const { publicKey } = new X509Certificate(idp.connection.ownCertificates[0]!.certificate);
    assert.ok(createVerify('sha256').update(signed).verify(publicKey, decodeURIComponent(signature), 'base64'));
  });

  const answer = (status: string) =>
    `<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r" Version="2.0" IssueInstant="${new Date().toISOString()}" Destination="${idp.own.logoutUrl}"><saml:Issuer>${idp.issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:${status}"/></samlp:Status></samlp:LogoutResponse>`;
  const back = (xml: string, key: string | null = idp.key.privateKey) =>
    server.http.get(`${path}?${hostile.inQuery('SAMLResponse', xml, key)}`).set('Accept', 'text/html');

  it('given it confirms, or does not, then the page says which', async () => {
    assert.match((await back(answer('Success'))).text, /signed out here and at your identity provider/);
    assert.match((await back(answer('Responder'))).text, /did not confirm/);
  });

  it('SAML-48 given its answer is not signed, then it is not believed', async () => {
    assert.equal((await back(answer('Success'), null)).status, 403);
  });

  it('given the connection is not to sign out there, then it stays here', async () => {
    await idp.put({ logoutUrl: 'https://slo.idp.test/slo', endProviderSession: false });
    const browser = await idp.signIn('stays@acme.test');
    assert.equal((await browser.json('POST', `${server.url}/sign-out`)).status, 204);
    await idp.put({ logoutUrl: 'https://slo.idp.test/slo' });
  });

  it('given our metadata, then it tells where logout messages go, by both bindings', async () => {
    const { text } = await server.http.get(new URL(idp.own.entityId).pathname);
    const found = [...text.matchAll(/SingleLogoutService Binding="[^"]*:(HTTP-\w+)" Location="([^"]+)"/g)];
    assert.deepEqual(
      found.map(([, binding, location]) => [binding, location]),
      [
        ['HTTP-Redirect', idp.own.logoutUrl],
        ['HTTP-POST', idp.own.logoutUrl],
      ],
    );
  });
});
