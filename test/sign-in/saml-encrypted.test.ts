/** Encrypted assertions: opened where agreed, and refused alike whatever is wrong with what is in them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { selfSigned } from '../../src/demo/idp/certificate.ts';
import * as hostile from '../doubles/hostile-saml.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { organization } from './arrange.ts';
import { hostileIdp } from './hostile-idp.ts';

const database = await openTestDatabase();
const server = await startTestServer(database);
const acme = await organization(server, 'acme');
const idp = await hostileIdp(server, acme, 'sealed', { encryption: 'required' });
const ours = () => idp.connection.ownCertificates[0]!.certificate;
const stranger = await selfSigned('somebody else');
const XMLENC = 'http://www.w3.org/2001/04/xmlenc#';

describe('an encrypted assertion', () => {
  for (const cipher of [
    'http://www.w3.org/2009/xmlenc11#aes256-gcm',
    'http://www.w3.org/2009/xmlenc11#aes128-gcm',
    `${XMLENC}aes256-cbc`,
    `${XMLENC}aes128-cbc`,
  ]) {
    it(`given it is encrypted by ${cipher.split('#')[1]} to our key, then the person is let in`, async () => {
      const begun = await idp.begin();
      const xml = await hostile.encrypt(idp.signed(idp.good(begun, 'open@acme.test')), { certificate: ours(), cipher });
      assert.doesNotMatch(xml, /open@acme/);
      const page = await idp.post(begun, xml);
      assert.equal(page.status, 303, page.text);
      const me = await begun.browser.json('GET', `${server.url}/me`);
      assert.partialDeepStrictEqual(me.body, { user: { email: 'open@acme.test' } });
    });
  }

  it('given the response around it is signed too, then that is verified as well', async () => {
    const begun = await idp.begin();
    const inner = await hostile.encrypt(idp.signed(idp.good(begun)), { certificate: ours() });
    const whole = hostile.sign(inner, { privateKey: idp.key.privateKey, over: 'Response' });
    assert.equal((await idp.post(begun, whole)).status, 303);
    await idp.refuses('encryption', async (again) => {
      const open = await hostile.encrypt(idp.signed(idp.good(again)), { certificate: ours() });
      return hostile.sign(open, { privateKey: stranger.privateKey, over: 'Response' });
    });
  });

  it('given our keys rotate, then one encrypted to the former still opens', async () => {
    const former = ours();
    const path = '/organizations/acme/connections/sealed/saml-keys/rotate';
    assert.equal((await server.api('post', path).send({})).status, 200);
    await idp.put({ encryption: 'required' });
    assert.notEqual(ours(), former);
    for (const certificate of [former, ours()]) {
      const begun = await idp.begin();
      const xml = await hostile.encrypt(idp.signed(idp.good(begun)), { certificate });
      assert.equal((await idp.post(begun, xml)).status, 303);
    }
  });

  it('SAML-40 given it is encrypted for another key, then it is refused', () =>
    idp.refuses('encryption', (begun) =>
      hostile.encrypt(idp.signed(idp.good(begun)), { certificate: stranger.certificate }),
    ));

  it('SAML-41 given it is not signed inside, then it is refused, and only the trace tells why', async () => {
    await idp.refuses('encryption', (begun) =>
      hostile.encrypt(hostile.response(idp.good(begun), hostile.assertion(idp.good(begun))), { certificate: ours() }),
    );
    assert.deepEqual((await idp.lastSteps()).at(-1)?.check, 'signed');
  });

  it('SAML-41 given it is signed inside by another key, then it is refused in the same words', async () => {
    await idp.refuses('encryption', (begun) =>
      hostile.encrypt(idp.signed(idp.good(begun), { privateKey: stranger.privateKey }), { certificate: ours() }),
    );
    assert.deepEqual((await idp.lastSteps()).at(-1)?.check, 'signature');
  });

  it('given it was altered on the way, then it is refused in the same words', () =>
    idp.refuses('encryption', async (begun) => {
      const cipher = `${XMLENC}aes256-cbc`;
      const xml = await hostile.encrypt(idp.signed(idp.good(begun)), { certificate: ours(), cipher });
      const at = xml.lastIndexOf('CipherValue>', xml.lastIndexOf('</')) - 200;
      return `${xml.slice(0, at)}${xml[at] === 'A' ? 'B' : 'A'}${xml.slice(at + 1)}`;
    }));

  it('SAML-42 given RSA 1.5 carries the key, then it is refused', () =>
    idp.refuses('encryption', (begun) =>
      hostile.encrypt(idp.signed(idp.good(begun)), { certificate: ours(), transport: `${XMLENC}rsa-1_5` }),
    ));

  it('SAML-42 given Triple DES, then it is refused', () =>
    idp.refuses('encryption', (begun) =>
      hostile.encrypt(idp.signed(idp.good(begun)), { certificate: ours(), cipher: `${XMLENC}tripledes-cbc` }),
    ));

  it('SAML-5 given a plain assertion beside it, then it is refused', () =>
    idp.refuses('encryption', async (begun) => {
      const plain = idp.signed(idp.good(begun));
      const encrypted = await hostile.encrypt(plain, { certificate: ours() });
      return encrypted.replace('</samlp:Response>', () => `${hostile.partsOf(plain).whole}</samlp:Response>`);
    }));

  it('SAML-5 given two of them, then it is refused', () =>
    idp.refuses('encryption', async (begun) => {
      const xml = await hostile.encrypt(idp.signed(idp.good(begun)), { certificate: ours() });
      return xml.replace(/(<saml:EncryptedAssertion>[\s\S]*<\/saml:EncryptedAssertion>)/, '$1$1');
    }));

  it('SAML-4 given a response is encrypted in place of an assertion, then it is refused', () =>
    idp.refuses('encryption', async (begun) => {
      const xml = idp.signed(idp.good(begun));
      const { whole } = hostile.partsOf(xml);
      const nested = hostile.response(idp.good(begun), `<saml:Assertion>${whole}</saml:Assertion>`);
      return hostile.encrypt(nested, { certificate: ours() });
    }));

  it('given encryption is required, when it comes in the clear, then it is refused', () =>
    idp.refuses('encryption', (begun) => idp.signed(idp.good(begun))));

  it('given encryption is accepted, when it comes in the clear, then the person is let in', async () => {
    await idp.put({ encryption: 'accepted' });
    await idp.signIn('clear@acme.test');
    await idp.put({ encryption: 'required' });
  });

  for (const [what, check, parts] of [
    ['another audience', 'audience', { audience: 'https://other.test' }],
    ['an end that is past', 'expired', { notOnOrAfter: Date.now() - 600_000 }],
  ] as const) {
    it(`given ${what} inside, validly signed, then that is the reason`, () =>
      idp.refuses(check, (begun) =>
        hostile.encrypt(idp.signed({ ...idp.good(begun), ...parts }), { certificate: ours() }),
      ));
  }
});

describe('a signature over the response alone', async () => {
  const other = await hostileIdp(server, acme, 'response-signed', { acceptSignedResponse: true });
  const whole = (parts: hostile.Parts, signing = {}) => other.signed(parts, { over: 'Response', ...signing });

  it('given the connection takes it, then the person is let in', async () => {
    const begun = await other.begin();
    assert.equal((await other.post(begun, whole(other.good(begun)))).status, 303);
  });

  it('SAML-6 given the assertion in it was swapped, then it is refused', () =>
    other.refuses('signature', (begun) => whole(other.good(begun)).replaceAll('mia@', 'olga@')));

  it('SAML-7 given the signature is taken away, then it is refused', () =>
    other.refuses('signed', (begun) => {
      const xml = whole(other.good(begun));
      return xml.replace(/<ds:Signature[\s\S]*?<\/ds:Signature>/, '');
    }));

  it('SAML-2 given another key made it, then it is refused', () =>
    other.refuses('signature', (begun) => whole(other.good(begun), { privateKey: stranger.privateKey })));

  it('SAML-4 given the signed response is nested in a forged one, then it is refused', () =>
    other.refuses('one-assertion', (begun) => {
      const forged = hostile.assertion({ ...other.good(begun, 'olga@acme.test'), assertionId: '_forged' });
      return hostile.response({ ...other.good(begun), responseId: '_outer' }, forged + whole(other.good(begun)));
    }));
});

describe('an identity provider whose certificate has expired', async () => {
  const late = await hostileIdp(server, acme, 'late', {}, -0.01);

  it('SAML-50 given the connection takes it, then the person is let in and the trace tells', async () => {
    await late.signIn('late@acme.test');
    const step = (await late.lastSteps()).find(({ check }) => check === 'certificate');
    assert.match(step?.got ?? '', /^expired on 20/);
  });

  it('SAML-50 given the connection refuses it, then nobody is let in, with that reason', async () => {
    await late.put({ expiredCertificates: 'refuse' });
    await late.refuses('certificate', (begun) => late.signed(late.good(begun)));
  });

  it('SAML-2 given another key signs, then it is the signature that is wrong', () =>
    late.refuses('signature', (begun) => late.signed(late.good(begun), { privateKey: stranger.privateKey })));

  it('SAML-46 given an attribute for the e-mail address twice with different values, then neither is believed', async () => {
    await late.put({});
    await late.refuses('email', (begun) =>
      late.signed({
        ...late.good(begun, 'double@acme.test'),
        attributes:
          '<saml:Attribute Name="email"><saml:AttributeValue>olga@acme.test</saml:AttributeValue></saml:Attribute>',
      }),
    );
  });

  it('SAML-47 given 5,000 groups, then the person is let in with all of them', async () => {
    const values = Array.from({ length: 5000 }, (_, at) => `<saml:AttributeValue>g${at}</saml:AttributeValue>`);
    await late.signIn('many@acme.test', {
      attributes: `<saml:Attribute Name="groups">${values.join('')}</saml:Attribute>`,
    });
    const path = '/organizations/acme/sign-in-traces?connection=late&limit=1';
    const { body } = await server.api('get', path).expect(200);
    assert.equal(body.traces[0].said.groups.length, 5000);
  });
});
