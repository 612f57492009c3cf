/** Every bad SAML response: refused with the named check, audited, and nothing has changed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import supertest from 'supertest';
import { createApp } from '../../src/app.ts';
import { Browser } from '../../src/demo/browser.ts';
import { selfSigned } from '../../src/demo/idp/certificate.ts';
import type { Parts, Signing } from '../doubles/hostile-saml.ts';
import * as hostile from '../doubles/hostile-saml.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, holdings, lastEvent, organization, person, within } from './arrange.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
/** Another instance behind the same address. */
const { deps } = await startTestServer(database);
const twin = supertest(createApp({ ...deps, settings: server.deps.settings }));
const key = await selfSigned('the identity provider');
const stranger = await selfSigned('somebody else');
const ISSUER = 'https://idp.acme.test/saml';
const acme = await organization(server, 'acme');
const manual = { kind: 'saml', entityId: ISSUER, ssoUrl: 'https://idp.acme.test/sso', certificates: [key.certificate] };
const okta = await connection(server, acme, 'okta', manual);
const second = await connection(server, acme, 'second', manual);
await person(server, acme, 'olga@acme.test', 'owner');

interface Begun {
  readonly browser: Browser;
  readonly requestId: string;
}

async function begin(of = okta, at = server): Promise<Begun> {
  const browser = new Browser('application/json');
  const sent = await browser.get(`${at.url}/saml/${of.id}/login`, /idp\.acme\.test/);
  return { browser, requestId: hostile.requestIdIn(sent.headers.get('location')!) };
}

function good({ requestId }: Begun, email = 'mia@acme.test'): Parts {
  return hostile.goodParts({ ...okta.serviceProvider, issuer: ISSUER, requestId, email });
}

function signed(parts: Parts, signing: Partial<Signing> = {}): string {
  return hostile.sign(hostile.response(parts, hostile.assertion(parts)), { privateKey: key.privateKey, ...signing });
}

function send({ browser }: Begun, xml: string, encode = hostile.posted) {
  return browser.post(okta.serviceProvider.acsUrl, { SAMLResponse: encode(xml) }, /\/me$/);
}

/** Posts what is made of a fresh sign-in, and checks that it is refused as it should be and that nothing has changed. */
async function refuses(check: string, make: (begun: Begun) => string, encode?: (xml: string) => string): Promise<void> {
  const begun = await begin();
  const before = await holdings(server, acme);
  const page = await send(begun, make(begun), encode);
  assert.equal(page.status, 403, page.text);
  const problem = JSON.parse(page.text);
  assert.equal(problem.check, check, page.text);
  assert.ok(problem.detail.length > 10 && problem.requestId);
  const event = await lastEvent(server, acme, 'sign_in.refused');
  assert.equal(event?.outcome, 'denied');
  assert.equal(event?.reason, check);
  assert.doesNotMatch(JSON.stringify(event?.detail), /<saml|SignatureValue/, 'no assertion in the audit');
  assert.deepEqual(await holdings(server, acme), before);
}

const MINUTE = 60_000;
const now = Date.now();
const wrongParts: readonly [id: string, what: string, check: string, parts: Partial<Parts>][] = [
  ['SAML-25', 'the destination of another connection', 'destination', { destination: second.serviceProvider.acsUrl }],
  ['SAML-26', 'the recipient of another connection', 'recipient', { recipient: second.serviceProvider.acsUrl }],
  ['SAML-27', 'the audience of another connection', 'audience', { audience: second.serviceProvider.entityId }],
  [
    'SAML-27',
    'an audience that only begins like ours',
    'audience',
    { audience: `${okta.serviceProvider.entityId}.evil` },
  ],
  ['SAML-27', 'no audience', 'audience', { audience: null }],
  ['SAML-27', 'an empty audience', 'audience', { audience: '' }],
  ['SAML-28', 'another issuer', 'issuer', { issuer: 'https://idp.globex.test/saml' }],
  ['SAML-29', 'conditions that have ended', 'expired', { notOnOrAfter: now - 3 * MINUTE }],
  [
    'SAML-30',
    'conditions that are yet to begin, beyond the skew',
    'not-before',
    { notBefore: now + 10 * MINUTE, notOnOrAfter: now + 20 * MINUTE },
  ],
  ['SAML-31', 'a confirmation that has ended', 'expired', { confirmedUntil: now - 3 * MINUTE }],
  ['SAML-32', 'a confirmation without an end', 'confirmation', { confirmedUntil: null }],
  ['SAML-33', 'an unknown request', 'in-response-to', { inResponseTo: '_unknown' }],
  ['SAML-36', 'no request', 'in-response-to', { inResponseTo: null }],
  ['SAML-37', 'a status that is not success', 'status', { status: 'urn:oasis:names:tc:SAML:2.0:status:Requester' }],
  ['SAML-38', 'no NameID', 'subject', { nameId: null }],
  ['SAML-39', 'a NameID of 10 kB', 'subject', { nameId: 'x'.repeat(10_000) }],
  [
    'SAML-39',
    'a NameID that is made anew every time',
    'subject',
    { nameIdFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient' },
  ],
];

const wrongSignatures: readonly [id: string, what: string, check: string, signing: Partial<Signing>][] = [
  ['SAML-2', 'the signature of another key', 'signature', { privateKey: stranger.privateKey }],
  [
    'SAML-3',
    'another key, with its certificate in KeyInfo',
    'signature',
    { privateKey: stranger.privateKey, certificate: stranger.certificate },
  ],
  ['SAML-19', 'a SHA-1 signature', 'signature-algorithm', { signatureAlgorithm: `${hostile.DSIG}rsa-sha1` }],
  ['SAML-20', 'a SHA-1 digest', 'digest-algorithm', { digestAlgorithm: `${hostile.DSIG}sha1` }],
  [
    'SAML-21',
    'an HMAC with the certificate as its key',
    'signature-algorithm',
    { privateKey: key.certificate, signatureAlgorithm: `${hostile.DSIG}hmac-sha1` },
  ],
  [
    'SAML-23',
    'canonicalization with comments',
    'signature-transform',
    { transforms: [`${hostile.DSIG}enveloped-signature`, 'http://www.w3.org/2001/10/xml-exc-c14n#WithComments'] },
  ],
  [
    'SAML-24',
    'inclusive canonicalization',
    'signature-transform',
    { canonicalization: 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315' },
  ],
];

const altered: readonly [id: string, what: string, check: string, alter: (xml: string) => string][] = [
  ['SAML-2', 'an address altered after signing', 'signature', (xml) => xml.replaceAll('mia@', 'olga@')],
  ['SAML-7', 'its signature removed', 'signed', (xml) => xml.replace(hostile.partsOf(xml).signature, '')],
  ['SAML-8', 'an empty reference', 'signature-shape', (xml) => xml.replace(/URI="#[^"]+"/, 'URI=""')],
  [
    'SAML-9',
    'an id twice',
    'unique-ids',
    (xml) => xml.replace('<samlp:Status>', `<samlp:Status ID="${/Assertion [^>]*ID="([^"]+)"/.exec(xml)?.[1]}">`),
  ],
  [
    'SAML-10',
    'an id in another spelling',
    'unique-ids',
    (xml) => xml.replace('<samlp:Status>', '<samlp:Status id="x">'),
  ],
  ['SAML-10', 'an xml:id', 'unique-ids', (xml) => xml.replace('<samlp:Status>', '<samlp:Status xml:id="x">')],
  [
    'SAML-11',
    'two references',
    'signature-shape',
    (xml) => xml.replace(/(<ds:Reference[\s\S]*?<\/ds:Reference>)/, '$1$1'),
  ],
  [
    'SAML-12',
    'two SignedInfo',
    'signature-shape',
    (xml) => xml.replace(/(<ds:SignedInfo[\s\S]*?<\/ds:SignedInfo>)/, '$1$1'),
  ],
  ['SAML-12', 'two signatures', 'signed', (xml) => xml.replace(/(<ds:Signature[ >][\s\S]*?<\/ds:Signature>)/, '$1$1')],
  ['SAML-13', 'a comment in the NameID', 'unusual-markup', (xml) => xml.replace('mia@acme', 'mia@<!-- -->acme')],
  [
    'SAML-13',
    'a comment in DigestValue',
    'unusual-markup',
    (xml) => xml.replace('<ds:DigestValue>', '<ds:DigestValue><!-- -->'),
  ],
  ['SAML-14', 'CDATA in the NameID', 'unusual-markup', (xml) => xml.replace('mia@acme', 'mia@<![CDATA[acme]]>')],
  [
    'SAML-15',
    'a processing instruction in the NameID',
    'unusual-markup',
    (xml) => xml.replace('mia@acme', 'mia@<?x y?>acme'),
  ],
  ['SAML-16', 'a document type with an entity', 'doctype', (xml) => `<!DOCTYPE r [<!ENTITY e "x">]>${xml}`],
  [
    'SAML-17',
    'an external entity',
    'doctype',
    (xml) => `<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]>${xml.replace('mia@', '&e;')}`,
  ],
  [
    'SAML-18',
    'entities that expand without end',
    'doctype',
    (xml) => `<!doctype r [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>${xml}`,
  ],
  [
    'SAML-22',
    'an XSLT transform',
    'signature-transform',
    (xml) =>
      xml.replace(
        /<ds:Transform /,
        '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/><ds:Transform ',
      ),
  ],
  [
    'SAML-37',
    'success with a nested failure',
    'status',
    (xml) =>
      xml.replace(
        /(<samlp:StatusCode Value="[^"]+")\/>/,
        '$1><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"/></samlp:StatusCode>',
      ),
  ],
  ['SAML-43', 'a tag that is never closed', 'xml', (xml) => xml.replace('</samlp:Response>', '')],
  ['SAML-43', 'an attribute twice', 'xml', (xml) => xml.replace('<saml:NameID ', '<saml:NameID Format="x" ')],
  ['SAML-43', 'two roots', 'xml', (xml) => xml + xml],
  [
    'SAML-44',
    'over 256 KiB',
    'size',
    (xml) => xml.replace('<saml:AttributeStatement>', `<saml:AttributeStatement>${' '.repeat(257 * 1024)}`),
  ],
  [
    'SAML-45',
    'ten thousand levels',
    'depth',
    (xml) => xml.replace('</samlp:Response>', `${'<a>'.repeat(10_000)}${'</a>'.repeat(10_000)}</samlp:Response>`),
  ],
  [
    'SAML-40',
    'an encrypted assertion, where none is agreed',
    'encryption',
    (xml) => xml.replace(hostile.partsOf(xml).whole, '<saml:EncryptedAssertion/>'),
  ],
  ['SAML-5', 'no assertion at all', 'one-assertion', (xml) => xml.replace(hostile.partsOf(xml).whole, '')],
  ['SAML-43', 'another kind of message', 'response', (xml) => xml.replaceAll('samlp:Response', 'samlp:LogoutResponse')],
];

describe('a SAML response is refused', () => {
  it('SAML-1 given neither response nor assertion is signed', () =>
    refuses('signed', (begun) => hostile.response(good(begun), hostile.assertion(good(begun)))));

  it('SAML-6 given only the response around the assertion is signed', () =>
    refuses('signed', (begun) => signed(good(begun), { over: 'Response' })));

  it('SAML-6 given a signed assertion in a response signed by another key', () =>
    refuses('signature', (begun) =>
      hostile.sign(signed(good(begun)), { privateKey: stranger.privateKey, over: 'Response' }),
    ));

  for (const [id, what, check, parts] of wrongParts) {
    it(`${id} given ${what}, validly signed`, () => refuses(check, (begun) => signed({ ...good(begun), ...parts })));
  }
  for (const [id, what, check, signing] of wrongSignatures) {
    it(`${id} given ${what}`, () => refuses(check, (begun) => signed(good(begun), signing)));
  }
  for (const [id, what, check, alter] of altered) {
    it(`${id} given ${what}`, () => refuses(check, (begun) => alter(signed(good(begun)))));
  }

  const placements = Object.keys(hostile.wrappings('', ''));
  for (const [at, placement] of placements.entries()) {
    it(`SAML-4${'abcdefghi'[at]} given a forged assertion beside a signed one: ${placement}`, async () => {
      const begun = await begin();
      const before = await holdings(server, acme);
      const forged = hostile.assertion({ ...good(begun, 'olga@acme.test'), assertionId: '_forged' });
      const page = await send(begun, hostile.wrappings(signed(good(begun)), forged)[placement]!);
      assert.equal(page.status, 403, page.text);
      assert.match(JSON.parse(page.text).check, /^(one-assertion|signature-shape|unique-ids|signed|signature)$/);
      assert.equal((await lastEvent(server, acme, 'sign_in.refused'))?.outcome, 'denied');
      assert.deepEqual(await holdings(server, acme), before);
    });
  }

  it('SAML-43 given something that is not base64', () =>
    refuses(
      'encoding',
      () => 'x',
      () => '<xml>',
    ));
  it('SAML-43 given bytes that are not UTF-8', () =>
    refuses(
      'encoding',
      () => 'x',
      () => Buffer.from([0x3c, 0xff, 0xfe]).toString('base64'),
    ));
  it('SAML-43 given UTF-16', () =>
    refuses(
      'encoding',
      (begun) => signed(good(begun)),
      (xml) => Buffer.from(`\ufeff${xml}`, 'utf16le').toString('base64'),
    ));
  it('SAML-44 given a form of two megabytes, then it is not read, and that is on record', async () => {
    const { status } = await server.http
      .post(`/saml/${okta.id}/acs`)
      .type('form')
      .send({ SAMLResponse: 'A'.repeat(2_000_000) });
    assert.equal(status, 413);
    assert.equal((await lastEvent(server, acme, 'sign_in.refused'))?.reason, 'too-large');
  });
  it('given no SAMLResponse', () =>
    refuses(
      'encoding',
      () => '',
      () => '',
    ));
});

describe('a SAML response counts once, for the browser that asked', () => {
  it('given a good response, then it is accepted: what is refused above is refused for its fault alone', async () => {
    const begun = await begin();
    assert.equal((await send(begun, signed(good(begun, 'gil@acme.test')))).status, 303);
  });

  it('given response and assertion are both signed, then it is accepted', async () => {
    const begun = await begin();
    const both = hostile.sign(signed(good(begun, 'gil@acme.test')), { privateKey: key.privateKey, over: 'Response' });
    assert.equal((await send(begun, both)).status, 303);
  });

  it('SAML-35 given a response was accepted, when it is posted again, then it is a replay', async () => {
    const begun = await begin();
    const xml = signed(good(begun, 'gil@acme.test'));
    assert.equal((await send(begun, xml)).status, 303);
    const before = await holdings(server, acme);
    const again = await send(begun, xml);
    assert.equal(again.status, 403);
    assert.equal(JSON.parse(again.text).check, 'replay');
    assert.equal((await lastEvent(server, acme, 'sign_in.refused'))?.reason, 'replay');
    assert.deepEqual(await holdings(server, acme), before);
  });

  it('SAML-35 given twenty posts of one response at once on two instances, then exactly one signs in', async () => {
    const begun = await begin();
    const SAMLResponse = hostile.posted(signed(good(begun, 'twenty@acme.test')));
    const cookie = `drawbridge-login=${begun.browser.cookies(server.url).get('drawbridge-login')}`;
    const before = await holdings(server, acme);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        (at % 2 === 0 ? server.http : twin)
          .post(`/saml/${okta.id}/acs`)
          .set('Cookie', cookie)
          .type('form')
          .send({ SAMLResponse }),
      ),
    );
    const statuses = answers.map(({ status }) => status).sort();
    assert.deepEqual(statuses, [303, ...Array(19).fill(403)]);
    const after = await holdings(server, acme);
    assert.equal(after['sessions'], before['sessions']! + 1);
    assert.equal(after['users'], before['users']! + 1);
  });

  it("SAML-34 given the request is of another browser, then it is refused and the request stays that one's", async () => {
    const victim = await begin();
    const attacker = await begin();
    const before = await holdings(server, acme);
    const xml = signed(good(attacker, 'gil@acme.test'));
    const page = await send(victim, xml);
    assert.equal(page.status, 403);
    assert.equal(JSON.parse(page.text).check, 'browser');
    assert.deepEqual(await holdings(server, acme), before);
    assert.equal((await send(attacker, xml)).status, 303);
  });

  it('SAML-34 given a browser without our cookie, then the response is bounced once from our own site, and then refused', async () => {
    const begun = await begin();
    const stray = { ...begun, browser: new Browser('application/json') };
    const xml = signed(good(begun, 'gil@acme.test'));
    const bounced = await send(stray, xml);
    assert.equal(bounced.status, 200);
    assert.match(bounced.text, /name="bounced"/);
    assert.match(bounced.headers.get('content-security-policy')!, /form-action/);
    const page = await stray.browser.post(okta.serviceProvider.acsUrl, {
      SAMLResponse: hostile.posted(xml),
      bounced: '1',
    });
    assert.equal(page.status, 403);
    assert.equal(JSON.parse(page.text).check, 'browser');
    assert.equal((await send(begun, xml)).status, 303);
  });

  it('SAML-33 given the request has expired, then it is refused', async () => {
    const begun = await begin();
    await within(
      server.deps,
      acme,
      sql`UPDATE sign_in_attempts SET expires_at = now() - interval '1 second' WHERE id = ${begun.requestId}`,
    );
    const page = await send(begun, signed(good(begun)));
    assert.equal(page.status, 403);
    assert.equal(JSON.parse(page.text).check, 'in-response-to');
  });

  it('given a connection that is turned off, then nobody is sent to it and nothing is taken from it', async () => {
    const begun = await begin();
    await connection(server, acme, 'okta', { ...manual, enabled: false });
    assert.equal((await server.http.get(`/saml/${okta.id}/login`)).body.check, 'connection-disabled');
    assert.equal(JSON.parse((await send(begun, signed(good(begun)))).text).check, 'connection-disabled');
    await connection(server, acme, 'okta', manual);
  });

  it('given a browser shows the refusal, then its page names the check, the remedy and the id of its trace, escaped', async () => {
    const begun = await begin();
    const { text, headers } = await server.http
      .post(`/saml/${okta.id}/acs`)
      .set('Accept', 'text/html')
      .set('Cookie', `drawbridge-login=${begun.browser.cookies(server.url).get('drawbridge-login')}`)
      .type('form')
      .send({ SAMLResponse: hostile.posted(signed({ ...good(begun), audience: '<b>wrong</b>' })) });
    assert.match(headers['content-type']!, /html/);
    assert.match(text, /You are not signed in/);
    const id = /<code>([0-9a-f-]{36})<\/code>/.exec(text)?.[1];
    const trace = await server.api('get', `/organizations/${acme.slug}/sign-in-traces/${id}`).expect(200);
    assert.equal(trace.body.requestId, headers['x-request-id']);
    assert.doesNotMatch(text, /<b>/);
  });
});
