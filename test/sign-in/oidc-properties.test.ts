/** Whatever an ID token says: it is accepted or refused, it never breaks anything, and no altered one is accepted. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Browser } from '../../src/demo/browser.ts';
import { type Behaviour, type IdTokenClaims, startHostileOidc } from '../doubles/hostile-oidc.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { connection, holdings, organization } from './arrange.ts';

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 60);
const database = await openTestDatabase();
const server = await startTestServer(database);
const idp = await startHostileOidc('bridge');
database.onEnd(() => idp.close());
const acme = await organization(server, 'acme');
const { relyingParty } = await connection(server, acme, 'entra', {
  ...{ kind: 'oidc', issuer: idp.url, clientId: 'bridge', clientSecret: 'secret' },
});

async function statusOf(behaviour: Behaviour, more: Record<string, string> = {}): Promise<number> {
  idp.behave(behaviour);
  const browser = new Browser('application/json');
  const sent = await browser.get(relyingParty.loginUrl, /\/auth\?/);
  const { searchParams: asked } = new URL(sent.headers.get('location')!);
  const code = idp.code(asked.get('nonce')!, { sub: 'ana', email: 'ana@acme.test' });
  const answer = new URLSearchParams({ code, state: asked.get('state')!, iss: idp.url, ...more });
  return (await browser.get(`${relyingParty.redirectUri}?${answer}`, /\/me$/)).status;
}

/** Claims that decide, and such as carry what is kept. */
const DECISIVE = ['iss', 'aud', 'azp', 'nonce', 'exp', 'iat', 'sub', 'at_hash'];
/** What a database refuses to keep, and what looks like something else. */
const value = fc.oneof(
  { arbitrary: fc.jsonValue(), weight: 3 },
  fc.constantFrom('a\u0000b', '\ud800', '\u202egnp', 1e300, -1, { toString: null }, ['x', '\u0000'], 'x'.repeat(5000)),
);
const TOLD = [
  'email',
  'email_verified',
  'name',
  'groups',
  '_claim_names',
  'hasgroups',
  'sid',
  'amr',
  'acr',
  'auth_time',
];

describe('an ID token', () => {
  it('given it is altered anywhere, then it is not accepted', async () => {
    assert.equal(await statusOf({}), 303);
    const before = await holdings(server, acme);
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.constantFrom('A', 'b', '0', '-'), async (at, other) => {
        const makeIdToken = async (claims: IdTokenClaims) => altered(await idp.sign(claims), at, other);
        return (await statusOf({ makeIdToken })) === 403;
      }),
      { numRuns: RUNS },
    );
    assert.deepEqual(await holdings(server, acme), before);
  });

  it('given anything at all in a claim that decides, then it is refused by a check, unless it is what was there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...DECISIVE), value, async (name, value) => {
        const status = await statusOf({ claims: (good) => ({ ...good, [name]: value }) });
        const maybe = { sub: 'string', exp: 'number', iat: 'number' }[name] === typeof value;
        return status === 403 || (maybe && status === 303);
      }),
      { numRuns: RUNS },
    );
  });

  it('given anything at all in what it tells of the person, then they come in or are refused, and nothing breaks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...TOLD), value, async (name, value) =>
        [303, 403].includes(await statusOf({ claims: (good) => ({ ...good, [name]: value }) })),
      ),
      { numRuns: RUNS },
    );
  });

  it('given anything at all in the answer that the browser brings, then it is refused by a check', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('state', 'iss', 'code', 'error', 'error_description'),
        fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), fc.constantFrom('\u0000', 'x'.repeat(5000), '%00')),
        async (name, text) => {
          const status = await statusOf({}, { [name]: text, ...(name === 'error_description' ? { error: 'x' } : {}) });
          return status === 403;
        },
      ),
      { numRuns: RUNS },
    );
  });
});

/** With another character somewhere. The last one of a segment may stand for the same bytes as another. */
function altered(token: string, at: number, other: string): string {
  const dots = [...token.matchAll(/\./g)].map(({ index }) => index);
  const place = at % (token.length - 1);
  if (token[place] === other || dots.includes(place + 1)) return `x${token}`;
  return `${token.slice(0, place)}${other}${token.slice(place + 1)}`;
}
