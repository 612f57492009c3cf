/** Whatever is done to a signed response, it is refused or says exactly what was signed; and no text makes the reader crash or hang. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { pemBody, selfSigned } from '../../src/demo/idp/certificate.ts';
import { SignInRefusal } from '../../src/sign-in/refusal.ts';
import { acceptAssertion, readResponse } from '../../src/sign-in/saml/accept.ts';
import { samlConfig } from '../../src/sign-in/saml/config.ts';
import { serviceProviderOf } from '../../src/sign-in/saml/service-provider.ts';
import * as hostile from '../doubles/hostile-saml.ts';

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 400);
const key = await selfSigned('idp');
const id = '11111111-1111-4111-8111-111111111111';
const own = serviceProviderOf('https://bridge.test', id);
const config = samlConfig.parse({
  entityId: 'https://idp.test',
  ssoUrl: 'https://idp.test/sso',
  certificates: [pemBody(key.certificate)],
});
const parts = hostile.goodParts({ ...own, issuer: 'https://idp.test', requestId: '_request', email: 'mia@acme.test' });
const good = hostile.sign(hostile.response(parts, hostile.assertion(parts)), { privateKey: key.privateKey });
const take = async (posted: unknown) =>
  acceptAssertion({ config, own, keys: async () => [], now: new Date(), unsolicited: false }, readResponse(posted));
const accept = (xml: string) => take(hostile.posted(xml));
const accepted = await accept(good);

/** Refused, or the same person as the untouched message. */
async function holds(xml: string): Promise<void> {
  try {
    const { login, requestId } = await accept(xml);
    assert.deepEqual({ login, requestId }, { login: accepted.login, requestId: accepted.requestId });
  } catch (error) {
    if (!(error instanceof SignInRefusal)) throw error;
  }
}

const position = fc.integer({ min: 0, max: good.length - 1 });
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
  it('given it is untouched, then it is accepted', () => assert.equal(accepted.login.email, 'mia@acme.test'));

  it('given anything is put in anywhere, then it is refused or says what was signed', () =>
    fc.assert(
      fc.asyncProperty(position, fc.oneof(snippets, fc.string()), (at, text) =>
        holds(good.slice(0, at) + text + good.slice(at)),
      ),
      { numRuns: RUNS },
    ));

  it('given any part is taken out or doubled, then it is refused or says what was signed', () =>
    fc.assert(
      fc.asyncProperty(position, fc.integer({ min: 1, max: 400 }), fc.boolean(), (at, length, doubled) =>
        holds(doubled ? good.slice(0, at + length) + good.slice(at) : good.slice(0, at) + good.slice(at + length)),
      ),
      { numRuns: RUNS },
    ));

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
