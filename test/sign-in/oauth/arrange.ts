/** An app of the platform, built with an unmodified openid-client, and people who really sign in by SAML. */
import assert from 'node:assert/strict';
import * as client from 'openid-client';
import { Browser, formOf, type Page } from '../../../src/demo/browser.ts';
import { startSamlIdp } from '../../../src/demo/idp/saml-idp.ts';
import type { TestDatabase } from '../../harness/database.ts';
import type { TestServer } from '../../harness/server.ts';
import { type Arranged, connection, organization } from '../arrange.ts';

export const REDIRECT_URI = 'https://insights.test/callback';
export const ALL_SCOPES = 'openid email profile roles permissions';

/** Registers an app by the API; gives its secret, where it has one. */
export async function register(
  server: TestServer,
  slug: string,
  more: Record<string, unknown> = {},
): Promise<string | undefined> {
  const put = await server
    .api('put', `/apps/${slug}`)
    .send({ name: slug, redirectUris: [REDIRECT_URI], postLogoutRedirectUris: ['https://insights.test/bye'], ...more });
  assert.equal(put.status, 200, put.text);
  return put.body.secret;
}

/** What an app knows of Drawbridge: what it discovers. */
export function discover(server: TestServer, clientId: string, secret?: string): Promise<client.Configuration> {
  const method = secret === undefined ? client.None() : client.ClientSecretBasic(secret);
  const options = { execute: [client.allowInsecureRequests] };
  return client.discovery(new URL(`${server.url}/oauth`), clientId, undefined, method, options);
}

export interface Asked {
  readonly url: URL;
  readonly verifier: string;
  readonly state: string;
  readonly nonce: string;
}

/** A request for a sign-in, as the library makes it. */
export async function ask(config: client.Configuration, more: Record<string, string> = {}): Promise<Asked> {
  const [verifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()];
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT_URI,
    scope: 'openid email profile roles',
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...more,
  });
  return { url, verifier, state, nonce };
}

/** What the library makes of the answer. */
export function redeem(config: client.Configuration, asked: Asked, callback: string) {
  return client.authorizationCodeGrant(config, new URL(callback), {
    pkceCodeVerifier: asked.verifier,
    expectedState: asked.state,
    expectedNonce: asked.nonce,
  });
}

/** A company whose people sign in by SAML, each named before the `@` of their address. */
export class Company {
  readonly where: Arranged;
  readonly #server: TestServer;
  readonly #loginUrl: string;

  constructor(server: TestServer, where: Arranged, loginUrl: string) {
    this.#server = server;
    this.where = where;
    this.#loginUrl = loginUrl;
  }

  /** Signs somebody in at Drawbridge. */
  async signIn(who: string, browser = new Browser()): Promise<Browser> {
    await this.#answer(await browser.get(this.#loginUrl), who, browser, /\/me$/);
    return browser;
  }

  /** Follows an app's request through the sign-in page to the app's callback. @returns the callback's URL */
  async throughSignIn(asked: Asked, who: string, browser: Browser): Promise<string> {
    const page = await browser.get(asked.url.toString());
    const chosen = await browser.get(`${page.url}&organization=${this.where.slug}`);
    return callbackOf(await this.#answer(chosen, who, browser, /^https:\/\/insights\.test/));
  }

  async #answer(choicePage: Page, who: string, browser: Browser, stopAt: RegExp): Promise<Page> {
    const choice = formOf(choicePage);
    const answer = formOf(await browser.post(choice.action, { ...choice.fields, person: who }));
    return browser.post(answer.action, answer.fields, stopAt);
  }

  /** Deprovisions somebody as an administrator does. */
  async letGo(email: string): Promise<void> {
    const gone = await this.#server
      .api('post', `/organizations/${this.where.slug}/people/${email}/offboard`)
      .send({ reason: 'has left' });
    assert.ok(gone.ok, gone.text);
  }
}

/** Makes one. */
export async function company(
  server: TestServer,
  database: TestDatabase,
  slug: string,
  names: readonly string[],
): Promise<Company> {
  const people = names.map((id) => ({ id, email: `${id}@${slug}.test`, name: id, groups: [] }));
  const idp = await startSamlIdp({ people });
  database.onEnd(() => idp.close());
  const where = await organization(server, slug);
  const saml = await connection(server, where, 'saml', { kind: 'saml', metadata: idp.metadata });
  idp.trust((await server.http.get(`/saml/${saml.id}/metadata`)).text);
  return new Company(server, where, saml.serviceProvider.loginUrl);
}

/** Where a browser was about to be sent. */
export function callbackOf(page: Page): string {
  const location = page.headers.get('location');
  assert.ok(location !== null, `${page.status} at ${page.url}: ${page.text}`);
  return new URL(location, page.url).toString();
}

/** Signs in at Drawbridge and then reaches the app without being asked anything. */
export async function enter(
  config: client.Configuration,
  browser: Browser,
  more: Record<string, string> = {},
): Promise<{ readonly asked: Asked; readonly callback: string }> {
  const asked = await ask(config, more);
  const page = await browser.get(asked.url.toString(), /^https:\/\/insights\.test/);
  return { asked, callback: callbackOf(page) };
}

/** The same to the end: tokens. */
export async function tokensOf(config: client.Configuration, browser: Browser, more: Record<string, string> = {}) {
  const { asked, callback } = await enter(config, browser, more);
  return redeem(config, asked, callback);
}

/** Whether a token is worth anything, as its own app is told. */
export async function isLive(config: client.Configuration, token: string | undefined): Promise<boolean> {
  assert.ok(token !== undefined);
  return (await client.tokenIntrospection(config, token)).active;
}

/** Signs out at Drawbridge itself. */
export async function signOut(server: TestServer, browser: Browser): Promise<void> {
  const { status } = await browser.json('POST', `${server.url}/sign-out`);
  assert.ok(status === 204 || status === 200, String(status));
}

/** How the library says that it was refused. */
export const INVALID_GRANT = { error: 'invalid_grant' };
