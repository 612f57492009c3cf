import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from 'kysely';
import { Browser, formOf, type Page } from '../../src/demo/browser.ts';
import { startOidcIdp } from '../../src/demo/idp/oidc-idp.ts';
import type { DemoPerson } from '../../src/demo/idp/people.ts';
import { startSamlIdp } from '../../src/demo/idp/saml-idp.ts';
import * as hostile from '../doubles/hostile-saml.ts';
import { openTestDatabase } from '../harness/database.ts';
import { startTestServer } from '../harness/server.ts';
import { type Arranged, connection, holdings, organization, within } from './arrange.ts';
import { hostileIdp } from './hostile-idp.ts';

const PEOPLE: readonly DemoPerson[] = [{ id: 'ina', email: 'ina@acme.test', name: 'Ina <b>IT</b>', groups: ['IT'] }];

const dns = new Map<string, string[][]>();
const database = await openTestDatabase();
const server = await startTestServer(database, {
  resolveTxt: async (name) =>
    dns.get(name) ?? Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })),
});
const saml = await startSamlIdp({ people: PEOPLE });
const oidc = await startOidcIdp({ people: PEOPLE });
database.onEnd(() => saml.close());
database.onEnd(() => oidc.close());

let count = 0;

async function company(): Promise<Arranged> {
  count += 1;
  return organization(server, `acme-${count}`, {}, []);
}

async function linkOf(
  { slug }: Arranged,
  input: Record<string, unknown> = { connection: 'idp' },
): Promise<{ id: string; url: string }> {
  const made = await server.api('post', `/organizations/${slug}/set-up-links`).send(input).expect(201);
  return made.body;
}

async function opened(where: Arranged): Promise<Browser> {
  const browser = new Browser();
  const page = await browser.get((await linkOf(where)).url);
  assert.equal(page.status, 200, page.text);
  assert.equal(page.url, `${server.url}/set-up`, 'the token has left the address bar');
  return browser;
}

/** Sends a step's form as a page of ours does. */
async function step(browser: Browser, name: string, fields: Record<string, string> = {}): Promise<Page> {
  const cookies = [...browser.cookies(server.url)].map(([cookie, value]) => `${cookie}=${value}`).join('; ');
  const response = await fetch(`${server.url}/set-up/${name}`, {
    method: 'POST',
    headers: { cookie: cookies, origin: server.url, accept: 'text/html' },
    body: new URLSearchParams(fields),
    redirect: 'manual',
  });
  if (response.status === 303) return browser.get(`${server.url}/set-up`);
  return {
    url: `${server.url}/set-up/${name}`,
    status: response.status,
    headers: response.headers,
    text: await response.text(),
  };
}

async function proveDomain(browser: Browser, name: string): Promise<Page> {
  const claimed = await step(browser, 'domain', { name });
  const domains = claimed.text.slice(claimed.text.indexOf('id="domain"'));
  const [record = '', value = ''] = [...domains.matchAll(/<code>([^<]*)<\/code>/g)].map(([, found = '']) => found);
  dns.set(record, [[value]]);
  return step(browser, 'verify', { name });
}

async function testSignIn(browser: Browser, page: Page): Promise<Page> {
  const start = /href="([^"]*\/login\?returnTo=\/set-up)"/.exec(page.text)?.[1];
  assert.ok(start, 'a way to test');
  const choice = formOf(await browser.get(start));
  const answer = await browser.post(choice.action, { ...choice.fields, person: 'ina' });
  if (!answer.text.includes('SAMLResponse')) return answer;
  const posting = formOf(answer);
  return browser.post(posting.action, posting.fields);
}

describe('the set-up link', () => {
  it('given an IT administrator with a SAML provider, then they set it up alone: copy, paste, prove, test, turn on', async () => {
    const acme = await company();
    const browser = await opened(acme);
    const chosen = await step(browser, 'provider', { provider: 'okta' });
    assert.match(chosen.text, /Single sign-on URL[\s\S]*\/saml\/[0-9a-f-]{36}\/acs/, 'in the words of the provider');
    const saved = await step(browser, 'connection', { metadata: saml.metadata });
    assert.equal(saved.status, 200, saved.text);
    const acs = /<code>([^<]*)\/acs<\/code>/.exec(saved.text)?.[1];
    saml.trust((await server.http.get(`${new URL(acs ?? '').pathname}/metadata`).expect(200)).text);
    assert.match((await step(browser, 'enable')).text, /No test sign-in has succeeded yet/);
    const proven = await proveDomain(browser, 'acme.test');
    assert.match(proven.text, /acme\.test<\/dt><dd class="good">verified/);

    const before = await holdings(server, acme);
    const tested = await testSignIn(browser, proven);
    assert.match(tested.text, /It works\./);
    assert.match(tested.text, /Ina &#60;b&#62;IT/, 'escaped');
    assert.match(tested.text, /Would be let in as:[\s\S]*viewer of organization/);
    assert.deepEqual(await holdings(server, acme), before, 'a test changes nothing');
    assert.equal(browser.cookies(server.url).has('drawbridge'), false, 'nobody is signed in by it');

    assert.match((await step(browser, 'enable')).text, /Turned on/);
    const ways = await server.http.get('/sign-in?email=ina@acme.test').expect(200);
    assert.equal(ways.body.ways.length, 1);
  });

  it('given one with an OpenID provider, then likewise', async () => {
    const acme = await company();
    const browser = await opened(acme);
    const chosen = await step(browser, 'provider', { provider: 'oidc' });
    const redirectUri = /<code>([^<]*\/callback)<\/code>/.exec(chosen.text)?.[1] ?? '';
    oidc.addClient({ id: 'set-up', secret: 'a secret of the provider', redirectUris: [redirectUri] });
    await step(browser, 'connection', {
      issuer: oidc.url,
      clientId: 'set-up',
      clientSecret: 'a secret of the provider',
    });
    const proven = await proveDomain(browser, `acme${count}.test`);
    const refused = await testSignIn(browser, proven);
    assert.match(refused.text, /domain acme\.test of this e-mail address is not verified/);
    const shown = await browser.get(`${server.url}/set-up`);
    assert.match(shown.text, /to be mended by: organization/);
  });

  it('given a response that was refused, when it is pasted, then each check of it is shown, for a draft too, and nothing is kept', async () => {
    const acme = await company();
    const idp = await hostileIdp(server, acme, 'idp', { enabled: false });
    const browser = await opened(acme);
    const chosen = await step(browser, 'provider', { provider: 'okta' });
    assert.match(chosen.text, /Check a response that was refused[\s\S]*name="samlResponse"/);
    await proveDomain(browser, `pasted${count}.test`);
    const pasted = (audience: string) => {
      const then = Date.now() - 86_400_000;
      const times = { notBefore: then, notOnOrAfter: then + 300_000, confirmedUntil: then + 300_000 };
      const good = idp.good({ requestId: '_gone' }, `ina@pasted${count}.test`);
      return hostile.posted(idp.signed({ ...good, ...times, audience }));
    };
    const before = await holdings(server, acme);
    const other = await step(browser, 'check-response', { samlResponse: pasted('urn:a&amp;b'), at: 'issued' });
    assert.match(other.text, /wanted <code>[^<]*\/saml\/[\s\S]*got <code>urn:a&#38;b<\/code>/, 'escaped');
    const good = await step(browser, 'check-response', { samlResponse: pasted(idp.own.entityId), at: 'issued' });
    assert.equal(good.status, 200);
    assert.match(good.text, /would be let in for the first time[\s\S]*viewer of organization/);
    assert.doesNotMatch(good.text, /SignatureValue|PHNhbWxwO/, 'what was pasted is not shown again');
    const late = await step(browser, 'check-response', { samlResponse: pasted(idp.own.entityId), at: '' });
    assert.match(late.text, /The assertion has expired/);
    assert.deepEqual(await holdings(server, acme), before);
    assert.match((await step(browser, 'enable')).text, /No test sign-in has succeeded yet/);
    const stored = await within(server.deps, acme, sql`SELECT * FROM sign_in_traces`);
    assert.deepEqual(stored, []);
    const foreign = {
      method: 'POST',
      headers: { origin: 'https://evil.test' },
      body: new URLSearchParams({ samlResponse: 'x' }),
    };
    assert.equal((await fetch(`${server.url}/set-up/check-response`, foreign)).status, 403);
  });

  it('given an address of metadata, then it is read, with the preset of the provider, and what no form asks stays', async () => {
    const acme = await company();
    const browser = await opened(acme);
    const chosen = await step(browser, 'provider', { provider: 'onelogin' });
    assert.match(chosen.text, /Issuer URL[\s\S]*name="metadataUrl"/);
    const path = `/organizations/${acme.slug}/connections`;
    const read = async () => (await server.api('get', path).expect(200)).body.connections[0];
    await step(browser, 'connection', { metadataUrl: `${saml.url}/metadata` });
    const { slug, config, metadata } = await read();
    assert.deepEqual([config.preset, config.entityId], ['onelogin', saml.entityId]);
    assert.deepEqual([metadata.url, metadata.failure], [`${saml.url}/metadata`, null]);
    const options = { idpInitiated: 'bounce', encryption: 'accepted' };
    await connection(server, acme, slug, { kind: 'saml', metadata: saml.metadata, enabled: false, ...options });
    await step(browser, 'connection', { metadataUrl: `${saml.url}/metadata`, email: 'mail' });
    assert.partialDeepStrictEqual((await read()).config, { ...options, attributes: { email: ['mail'] } });
    const nothing = await step(browser, 'connection', { metadataUrl: `${saml.url}/nothing` });
    assert.match(nothing.text, /role="alert"[^<]*>[^<]*404/);
  });

  it('given a provider of which we know the ways, then its own words, the fields it needs and its preset are used', async () => {
    const cases: readonly [
      name: string,
      shows: RegExp,
      hides: RegExp,
      fields: Record<string, string>,
      config: object,
    ][] = [
      [
        'google-oidc',
        /Authorized redirect URIs[\s\S]*hostedDomains/,
        /name="issuer"|Back-?channel/i,
        { hostedDomains: 'acme.test, acme.example' },
        { preset: 'google', issuer: 'https://accounts.google.com', hostedDomains: ['acme.test', 'acme.example'] },
      ],
      [
        'github',
        /Authorization callback URL/,
        /name="issuer"|name="clientAuthentication"/,
        { scopes: 'read:user user:email read:org' },
        { preset: 'github', issuer: 'https://github.com', scopes: ['read:user', 'user:email', 'read:org'] },
      ],
      [
        'entra-oidc',
        /xms_edov/,
        /private_key_jwt/,
        { issuer: 'https://login.microsoftonline.com/8c5ad29c-8d5d-4b0f-9c70-1f0c6a1a1c11/v2.0' },
        { preset: 'entra', clientAuthentication: null },
      ],
      [
        'keycloak-oidc',
        /Backchannel logout URL[\s\S]*\/backchannel-logout/,
        /hostedDomains/,
        { issuer: 'https://keycloak.test/realms/acme', clientAuthentication: 'private_key_jwt' },
        { preset: 'keycloak', clientAuthentication: 'private_key_jwt' },
      ],
    ];
    for (const [provider, shows, hides, fields, config] of cases) {
      const acme = await company();
      const browser = await opened(acme);
      const chosen = await step(browser, 'provider', { provider });
      assert.match(chosen.text, shows);
      assert.doesNotMatch(chosen.text, hides);
      const saved = await step(browser, 'connection', { clientId: 'app', clientSecret: 'the secret', ...fields });
      assert.equal(saved.status, 200, saved.text);
      const { body } = await server.api('get', `/organizations/${acme.slug}/connections/idp`).expect(200);
      assert.partialDeepStrictEqual(body.config, config);
    }
  });

  it('given an organization has said more of the connection, when its form is saved anew, then that stays', async () => {
    const acme = await company();
    const said = {
      acrValues: ['mfa'],
      maxAge: 600,
      defaultWorkspace: null,
      name: 'Our sign-in',
      justInTime: false,
      priority: 5,
      domains: ['kept.test'],
    };
    const put = {
      kind: 'oidc',
      preset: 'okta',
      issuer: 'https://acme.okta.test',
      clientId: 'old',
      clientSecret: 'old',
    };
    const path = `/organizations/${acme.slug}/connections/idp`;
    await server.api('put', `/organizations/${acme.slug}/domains/kept.test`).send({}).expect(200);
    await server
      .api('put', path)
      .send({ ...put, ...said, claims: { groups: ['teams'] } })
      .expect(200);
    const browser = await opened(acme);
    await step(browser, 'provider', { provider: 'okta-oidc' });
    const issuer = 'https://acme2.okta.test';
    await step(browser, 'connection', { issuer, clientId: 'new', clientSecret: 'new' });
    const { body } = await server.api('get', path).expect(200);
    const { acrValues, maxAge, clientId, claims } = body.config;
    assert.deepEqual([body.name, body.justInTime, acrValues, maxAge], ['Our sign-in', false, ['mfa'], 600]);
    assert.deepEqual([clientId, claims.groups], ['new', ['teams']]);
    assert.deepEqual([body.domains, body.priority], [['kept.test'], 5]);
  });

  it('given a key of ours instead of a secret, then the provider finds it where the page says, and the test works', async () => {
    const acme = await company();
    const browser = await opened(acme);
    const { text } = await step(browser, 'provider', { provider: 'oidc' });
    const [redirectUri = '', jwksUri = ''] = ['callback', 'jwks'].map(
      (name) => new RegExp(`<code>([^<]*/${name})</code>`).exec(text)?.[1],
    );
    oidc.addClient({ id: 'keyed', jwksUri, redirectUris: [redirectUri] });
    const said = { issuer: oidc.url, clientId: 'keyed', clientAuthentication: 'private_key_jwt' };
    assert.equal((await step(browser, 'connection', said)).status, 200);
    const proven = await proveDomain(browser, `keyed${count}.test`);
    const tested = await testSignIn(browser, proven);
    assert.match(tested.text, /domain acme\.test of this e-mail address is not verified/, 'past the token endpoint');
  });

  it('given mistakes, then each is told on the page, and nothing is saved', async () => {
    const acme = await company();
    const browser = await opened(acme);
    assert.equal((await step(browser, 'provider', { provider: 'moon' })).status, 400);
    await step(browser, 'provider', { provider: 'entra' });
    const bad = await step(browser, 'connection', { metadata: '<nothing/>' });
    assert.equal(bad.status, 400);
    assert.match(bad.text, /role="alert"/);
    assert.equal((await step(browser, 'domain', { name: 'gmail.com' })).status, 400);
    assert.deepEqual(await within(server.deps, acme, sql`SELECT id FROM connections`), []);
  });

  it('SEC-7: given a link that is expired, revoked or made up, or no link at all, then nothing opens, and all look alike', async () => {
    const acme = await company();
    const [expired, revoked, alive] = [await linkOf(acme), await linkOf(acme), await linkOf(acme)];
    await within(server.deps, acme, sql`UPDATE set_up_links SET expires_at = now() WHERE id = ${expired.id}`);
    await server.api('delete', `/organizations/${acme.slug}/set-up-links/${revoked.id}`).expect(204);
    const texts = [];
    for (const url of [expired.url, revoked.url, `${server.url}/set-up/${'x'.repeat(43)}`]) {
      const page = await new Browser().get(url);
      assert.equal(page.status, 404);
      texts.push(page.text.replace(/<code>[^<]*<\/code>/, ''));
    }
    assert.equal(new Set(texts).size, 1);
    assert.equal((await new Browser().get(`${server.url}/set-up`)).status, 404);
    assert.equal((await new Browser().get(alive.url)).status, 200);
  });

  it('SEC-7 TEN: given a link of one organization, then it reaches no other, and its token is stored as a hash only', async () => {
    const [one, two] = [await company(), await company()];
    const link = await linkOf(one);
    await server.api('delete', `/organizations/${two.slug}/set-up-links/${link.id}`).expect(404);
    const token = link.url.split('/').at(-1) ?? '';
    const stored = await within(server.deps, one, sql`SELECT * FROM set_up_links, audit_events`);
    assert.ok(!JSON.stringify(stored).includes(token));
    await server.http.post('/set-up/enable').set('Cookie', `drawbridge-set-up=${token}`).expect(403);
  });

  it('given a link that expires while somebody works with it, then the next step is refused', async () => {
    const acme = await company();
    const browser = await opened(acme);
    await within(server.deps, acme, sql`UPDATE set_up_links SET expires_at = now()`);
    assert.equal((await step(browser, 'provider', { provider: 'okta' })).status, 404);
  });
});
