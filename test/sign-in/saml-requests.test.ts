/** How requests travel to a SAML identity provider, what they ask, and what of it is held against the answer. */
import assert from 'node:assert/strict';
import { createVerify, X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import samlify from 'samlify';
import { SignedXml } from 'xml-crypto';
import { Browser, formOf } from '../../src/demo/browser.ts';
import { connectionInput } from '../../src/sign-in/connection.ts';
import { SAML_PRESET_NAMES } from '../../src/sign-in/saml/presets.ts';
import * as hostile from '../doubles/hostile-saml.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { organization } from './arrange.ts';
import { hostileIdp } from './hostile-idp.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const acme = await organization(server, 'acme');
const idp = await hostileIdp(server, acme, 'requests');
const MFA = 'urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken';
const PASSWORD = 'urn:oasis:names:tc:SAML:2.0:ac:classes:Password';

const ownCertificate = () => new X509Certificate(idp.connection.ownCertificates[0]!.certificate);

/** Whether the signature of a request in an address was made by the key whose certificate we publish. */
function isSignedQuery(location: string): boolean {
  const [signed = '', signature = ''] = new URL(location).search.slice(1).split('&Signature=');
  return createVerify('sha256')
    .update(signed)
    .verify(ownCertificate().publicKey, decodeURIComponent(signature), 'base64');
}

function isSignedXml(xml: string): boolean {
  const signature = new SignedXml({ publicCert: ownCertificate().toString() });
  signature.loadSignature(/<(?:\w+:)?Signature[ >][\s\S]*?<\/(?:\w+:)?Signature>/.exec(xml)?.[0] ?? '');
  return signature.checkSignature(xml);
}

describe('a request to a SAML identity provider', () => {
  it('given nothing is said of it, then it travels by redirect and is not signed', async () => {
    await idp.put({});
    const { sent } = await idp.begin();
    const location = sent.headers.get('location')!;
    assert.ok(location.startsWith('https://requests.idp.test/sso?'));
    assert.equal(new URL(location).searchParams.get('Signature'), null);
    assert.doesNotMatch(hostile.messageIn(location), /ForceAuthn|RequestedAuthnContext/);
    assert.deepEqual(idp.connection.ownCertificates, []);
  });

  it('given requests are signed, then the one by redirect is, with SHA-256, by a key in our metadata', async () => {
    await idp.put({ signRequests: true });
    const location = (await idp.begin()).sent.headers.get('location')!;
    assert.equal(new URL(location).searchParams.get('SigAlg'), 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256');
    assert.ok(isSignedQuery(location));
    assert.equal(isSignedQuery(location.replace('SAMLRequest=', 'SAMLRequest=x')), false);
    const metadata = samlify.ServiceProvider({
      metadata: (await server.http.get(new URL(idp.own.entityId).pathname)).text,
    });
    assert.equal(metadata.entityMeta.isAuthnRequestSigned(), true);
    assert.equal(
      new X509Certificate(Buffer.from(String(metadata.entityMeta.getX509Certificate('signing')), 'base64'))
        .fingerprint256,
      ownCertificate().fingerprint256,
    );
  });

  it('given the binding is POST, then a form posts it, signed inside, and the answer is accepted as ever', async () => {
    await idp.put({ requestBinding: 'post', signRequests: true });
    const browser = new Browser('text/html');
    const { sent } = await idp.begin(browser);
    assert.equal(sent.status, 200);
    assert.match(sent.headers.get('content-security-policy')!, /form-action/);
    const { action, fields } = formOf(sent);
    assert.equal(action, 'https://requests.idp.test/sso-post');
    const xml = Buffer.from(fields['SAMLRequest']!, 'base64').toString();
    assert.match(xml, /^(<\?xml[^>]*>)?<samlp:AuthnRequest/);
    assert.ok(isSignedXml(xml));
    assert.equal(isSignedXml(xml.replace('AuthnRequest ', 'AuthnRequest ForceAuthn="false" ')), false);
    const requestId = / ID="([^"]+)"/.exec(xml)![1]!;
    const page = await idp.post({ browser }, idp.signed(idp.good({ requestId }, 'post@acme.test')));
    assert.equal(page.status, 303, page.text);
  });

  it('given only an address for POST is known, then it goes there', async () => {
    await idp.put({ ssoUrl: undefined });
    assert.equal(formOf((await idp.begin(new Browser())).sent).action, 'https://requests.idp.test/sso-post');
  });

  it('given a binding for which there is no address, then the connection is refused with what to do', async () => {
    const { status, body } = await server.api('put', '/organizations/acme/connections/requests').send({
      kind: 'saml',
      metadata: undefined,
      entityId: 'x',
      ssoUrl: 'https://x.test/sso',
      certificates: [idp.key.certificate],
      requestBinding: 'post',
    });
    assert.equal(status, 409);
    assert.match(body.remedy, /requestBinding/);
  });

  it('given ForceAuthn, then it is asked for, and a sign-in of long ago is refused', async () => {
    await idp.put({ forceAuthn: true });
    assert.match(hostile.messageIn((await idp.begin()).sent.headers.get('location')!), /ForceAuthn="true"/);
    await idp.refuses('authn-instant', (begun) =>
      idp.signed({ ...idp.good(begun), authenticatedAt: Date.now() - 60 * 60_000 }),
    );
    await idp.signIn('anew@acme.test', { authenticatedAt: Date.now() });
  });

  it('given contexts of authentication, then they are asked for, and any other is refused', async () => {
    await idp.put({ authnContexts: [MFA] });
    const request = hostile.messageIn((await idp.begin()).sent.headers.get('location')!);
    assert.match(request, new RegExp(`RequestedAuthnContext[^>]*Comparison="exact"[\\s\\S]*${MFA}`));
    await idp.refuses('authn-context', (begun) => idp.signed(idp.good(begun)));
    assert.equal((await idp.lastSteps()).at(-1)?.got, PASSWORD);
    await idp.put({ authnContexts: [MFA, PASSWORD] });
    await idp.signIn('context@acme.test');
  });

  it('given a format of the NameID, then it is asked for and told in our metadata', async () => {
    await idp.put({ nameIdFormat: 'emailAddress' });
    const format = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';
    assert.match(
      hostile.messageIn((await idp.begin()).sent.headers.get('location')!),
      new RegExp(`Format="${format}"`),
    );
    assert.match((await server.http.get(new URL(idp.own.entityId).pathname)).text, new RegExp(format));
  });
});

describe('our own keys at a SAML identity provider', () => {
  const metadata = async () => (await server.http.get(new URL(idp.own.entityId).pathname)).text;
  const rotate = (body = {}) =>
    server.api('post', '/organizations/acme/connections/requests/saml-keys/rotate').send(body);

  it('given a key, then the metadata is signed by it', async () => {
    await idp.put({ signRequests: true });
    assert.ok(isSignedXml(await metadata()));
  });

  it('given they rotate, then two are published, and the former signs for two weeks more', async () => {
    await idp.put({ signRequests: true });
    const former = ownCertificate();
    const { body } = await rotate().expect(200);
    assert.equal(body.ownCertificates.length, 2);
    assert.equal((await metadata()).match(/use="signing"/g)?.length, 2);
    const location = (await idp.begin()).sent.headers.get('location')!;
    const [signed = '', signature = ''] = new URL(location).search.slice(1).split('&Signature=');
    assert.ok(createVerify('sha256').update(signed).verify(former.publicKey, decodeURIComponent(signature), 'base64'));
    assert.equal((await rotate()).status, 409);
  });

  it('given a key may be in wrong hands, when they rotate at once, then the new one signs and the others are gone', async () => {
    const { body } = await rotate({ atOnce: true }).expect(200);
    assert.equal(body.ownCertificates.length, 1);
    await idp.put({ signRequests: true });
    assert.ok(isSignedQuery((await idp.begin()).sent.headers.get('location')!));
  });

  it('given a connection that needs none, then rotating is refused', async () => {
    await idp.put({});
    assert.equal((await rotate()).status, 409);
  });

  it('SEC-2 given a dump of the keys, then no private key can be read in it', async () => {
    await idp.put({ signRequests: true });
    const { text } = await server.api('get', '/organizations/acme/connections/requests').expect(200);
    assert.doesNotMatch(text, /PRIVATE KEY|sealed/);
  });
});

describe('what an administrator says of a SAML identity provider', () => {
  it('given a preset, then attributes are looked for under its names', async () => {
    for (const preset of SAML_PRESET_NAMES) {
      await idp.put({ preset });
      assert.equal(idp.connection.config['preset'], preset);
    }
    await idp.put({ preset: 'onelogin' });
    assert.deepEqual((idp.connection.config['attributes'] as { email: string[] }).email, ['User.email', 'email']);
  });

  it('given metadata in two ways, or in none, then it is refused', () => {
    const base = { kind: 'saml', slug: 'x' };
    for (const wrong of [
      {},
      { metadata: '<x/>', metadataUrl: 'https://idp.test/metadata' },
      { metadataUrl: 'https://idp.test/metadata', entityId: 'x' },
      { entityId: 'x', certificates: ['x'] },
    ]) {
      assert.equal(connectionInput.safeParse({ ...base, ...wrong }).success, false);
    }
  });
});
