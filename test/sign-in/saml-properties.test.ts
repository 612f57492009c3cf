/** Whatever is done to a signed response, it is refused or says exactly what was signed; and no text makes the reader crash or hang. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DOMParser, XMLSerializer } from '@xmldom/xmldom';
import fc from 'fast-check';
import { pemBody, selfSigned } from '../../src/demo/idp/certificate.ts';
import { SignInRefusal } from '../../src/sign-in/refusal.ts';
import { acceptAssertion, readResponse } from '../../src/sign-in/saml/accept.ts';
import { samlConfig } from '../../src/sign-in/saml/config.ts';
import { serviceProviderOf } from '../../src/sign-in/saml/service-provider.ts';
import * as hostile from '../doubles/hostile-saml.ts';

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 200);
const key = await selfSigned('idp');
const id = '11111111-1111-4111-8111-111111111111';
const own = serviceProviderOf('https://bridge.test', id);
const ours = await selfSigned('ours');
const config = samlConfig.parse({
  entityId: 'https://idp.test',
  ssoUrl: 'https://idp.test/sso',
  certificates: [pemBody(key.certificate)],
  encryption: 'accepted',
  acceptSignedResponse: true,
});
const parts = hostile.goodParts({ ...own, issuer: 'https://idp.test', requestId: '_request', email: 'mia@acme.test' });
const { privateKey } = key;
const plain = hostile.response(parts, hostile.assertion(parts));
const good = hostile.sign(plain, { privateKey });
const encrypted = await hostile.encrypt(good, { certificate: ours.certificate });
/** Every way in which a response may be signed and sealed. */
const RESPONSES = {
  'a response whose assertion is signed': good,
  'a response that is signed around a signed assertion': hostile.sign(good, { privateKey, over: 'Response' }),
  'a response that is signed around a bare assertion': hostile.sign(plain, { privateKey, over: 'Response' }),
  'a response whose assertion is encrypted': encrypted,
  'a response that is signed around an encrypted assertion': hostile.sign(encrypted, { privateKey, over: 'Response' }),
};
const take = async (posted: unknown) =>
  acceptAssertion({ config, own, keys: async () => [ours], now: new Date(), unsolicited: false }, readResponse(posted));
const accept = (xml: string) => take(hostile.posted(xml));
const accepted = await accept(good);

/** Refused, or the same person as the untouched message. */
async function holds(xml: string): Promise<void> {
  try {
    const { login, requestId, assertionId, session } = await accept(xml);
    const { acceptableUntil: _, ...expected } = accepted;
    assert.deepEqual({ login, requestId, assertionId, session }, expected);
  } catch (error) {
    if (!(error instanceof SignInRefusal)) throw error;
  }
}

interface Change {
  readonly one: number;
  readonly other: number;
  readonly what: number;
  readonly text: string;
}

/** One element moved, copied or wrapped around another, or an attribute changed, taken away or lent to another element. */
function rearranged(xml: string, which: Change): string {
  try {
    const document = new DOMParser({ errorHandler: () => undefined }).parseFromString(xml, 'text/xml');
    change(document, which);
    return new XMLSerializer().serializeToString(document);
  } catch {
    // What can't be rearranged so, such as an element into itself, stays.
    return xml;
  }
}

function change(document: Document, { one, other, what, text }: Change): void {
  const all = Array.from(document.getElementsByTagName('*'));
  const [element, place] = [all[one % all.length]!, all[other % all.length]!];
  const attribute = element.attributes.item(what % Math.max(1, element.attributes.length));
  const changes = [
    () => place.appendChild(element),
    () => place.insertBefore(element.cloneNode(true), place.firstChild),
    () => element.parentNode?.insertBefore(place.cloneNode(true), element),
    () => element.parentNode?.replaceChild(place.cloneNode(true), element),
    () => {
      const shell = place.cloneNode(false);
      element.parentNode?.replaceChild(shell, element);
      shell.appendChild(element);
    },
    () => attribute && element.setAttribute(attribute.name, text),
    () => attribute && element.removeAttribute(attribute.name),
    () => attribute && place.setAttribute(attribute.name, attribute.value),
    () => element.insertBefore(document.createTextNode(text), element.firstChild),
    () => element.insertBefore(document.createComment(text), element.firstChild),
    () => element.parentNode?.removeChild(element),
  ];
  changes[what % changes.length]?.();
}

const snippets = fc.constantFrom(
  ...[
    '<',
    '>',
    '"',
    "'",
    '&',
    '&amp;',
    '&#0;',
    '&#x41;',
    '\u0000',
    '<!-- -->',
    '<![CDATA[x]]>',
    '<?x?>',
    ' ID="x"',
    ' xmlns=""',
    '</saml:Assertion>',
    '<saml:Assertion>',
    'olga',
  ],
  ...[
    ' xmlns:saml="urn:other"',
    '\ufeff',
    '\u202e',
    '<ds:Signature/>',
    hostile.partsOf(good).whole,
    hostile.partsOf(good).signature,
  ],
);

describe('a signed SAML response', () => {
  for (const [what, xml] of Object.entries(RESPONSES)) {
    const position = fc.integer({ min: 0, max: xml.length - 1 });

    it(`given ${what}, and it is untouched, then it is accepted`, async () =>
      assert.equal((await accept(xml)).login.email, 'mia@acme.test'));

    it(`given ${what}, when anything is put in anywhere, then it is refused or says what was signed`, () =>
      fc.assert(
        fc.asyncProperty(position, fc.oneof(snippets, fc.string()), (at, text) =>
          holds(xml.slice(0, at) + text + xml.slice(at)),
        ),
        { numRuns: RUNS },
      ));

    it(`given ${what}, when any part is taken out or doubled, then it is refused or says what was signed`, () =>
      fc.assert(
        fc.asyncProperty(position, fc.integer({ min: 1, max: 400 }), fc.boolean(), (at, length, doubled) =>
          holds(doubled ? xml.slice(0, at + length) + xml.slice(at) : xml.slice(0, at) + xml.slice(at + length)),
        ),
        { numRuns: RUNS },
      ));

    it(`given ${what}, when its elements and attributes are rearranged, then it is refused or says what was signed`, () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.record({ one: fc.nat(200), other: fc.nat(200), what: fc.nat(1000), text: snippets }), {
            minLength: 1,
            maxLength: 3,
          }),
          (changes) => holds(changes.reduce(rearranged, xml)),
        ),
        { numRuns: RUNS },
      ));
  }

  it('given any text at all, then it is refused', () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(snippets).map((all) => `<a>${all.join('')}</a>`),
        ),
        (xml) => assert.rejects(accept(xml), SignInRefusal),
      ),
      { numRuns: RUNS },
    ));

  it('given anything is posted in place of base64, then it is refused', () =>
    fc.assert(
      fc.asyncProperty(fc.anything(), (posted) => assert.rejects(take(posted), SignInRefusal)),
      { numRuns: RUNS },
    ));

  const exhausting: readonly [what: string, xml: string][] = [
    ['nothing but angle brackets', '<'.repeat(260_000)],
    ['quotes that never end', '<a b="'.repeat(43_000)],
    ['quotes of both kinds', `<"'`.repeat(86_000)],
    ['ten thousand attributes', `<a ${Array.from({ length: 10_000 }, (_, at) => `a${at}="x"`).join(' ')}/>`],
    ['entities by the ten thousand', `<a>${'&amp;'.repeat(50_000)}</a>`],
    ['fifty thousand elements', `<a>${'<b/>'.repeat(50_000)}</a>`],
    [
      'namespaces by the thousand',
      `<a>${Array.from({ length: 5_000 }, (_, at) => `<b xmlns:n${at}="u"/>`).join('')}</a>`,
    ],
  ];
  for (const [what, xml] of exhausting) {
    it(`given ${what}, then it is refused within a second`, async () => {
      const begun = performance.now();
      await assert.rejects(accept(xml), SignInRefusal);
      assert.ok(performance.now() - begun < 1000, `${performance.now() - begun} ms`);
    });
  }
});
