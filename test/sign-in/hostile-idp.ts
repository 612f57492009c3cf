/** An identity provider whose every answer a test makes itself, at a connection of its own. */
import assert from 'node:assert/strict';
import { Browser, type Page } from '../../src/demo/browser.ts';
import { type SelfSigned, selfSigned } from '../../src/demo/idp/certificate.ts';
import * as hostile from '../doubles/hostile-saml.ts';
import type { TestServer } from '../harness/server.ts';
import { type Arranged, connection, holdings, lastEvent } from './arrange.ts';

export interface Begun {
  readonly browser: Browser;
  readonly requestId: string;
  /** What the browser was sent on with. */
  readonly sent: Page;
}

type Signing = Partial<hostile.Signing>;

export class HostileIdp {
  readonly issuer: string;
  readonly key: SelfSigned;
  readonly server: TestServer;
  readonly where: Arranged;
  readonly slug: string;
  connection: Awaited<ReturnType<typeof connection>>;

  constructor(server: TestServer, where: Arranged, slug: string, key: SelfSigned, made: HostileIdp['connection']) {
    this.issuer = issuerOf(slug);
    this.key = key;
    this.server = server;
    this.where = where;
    this.slug = slug;
    this.connection = made;
  }

  get own() {
    return this.connection.serviceProvider;
  }

  /** Changes the connection. */
  async put(options: Record<string, unknown>): Promise<void> {
    this.connection = await connection(this.server, this.where, this.slug, {
      ...described(this.slug, this.key),
      ...options,
    });
  }

  /** Begins a sign-in in a browser. */
  async begin(browser = new Browser('application/json')): Promise<Begun> {
    const sent = await browser.get(this.own.loginUrl, /idp\.test/);
    const location = sent.headers.get('location');
    return { browser, requestId: location === null ? '' : hostile.requestIdIn(location), sent };
  }

  good({ requestId }: Pick<Begun, 'requestId'>, email = 'mia@acme.test'): hostile.Parts {
    return hostile.goodParts({ ...this.own, issuer: this.issuer, requestId, email });
  }

  signed(parts: hostile.Parts, signing: Signing = {}): string {
    return hostile.sign(hostile.response(parts, hostile.assertion(parts)), {
      privateKey: this.key.privateKey,
      ...signing,
    });
  }

  post({ browser }: Pick<Begun, 'browser'>, xml: string, more: Record<string, string> = {}): Promise<Page> {
    return browser.post(this.own.acsUrl, { SAMLResponse: hostile.posted(xml), ...more }, /\/me$|idp\.test/);
  }

  /** Signs somebody in. */
  async signIn(email: string, parts: Partial<hostile.Parts> = {}): Promise<Browser> {
    const begun = await this.begin();
    const page = await this.post(begun, this.signed({ ...this.good(begun, email), ...parts }));
    assert.equal(page.status, 303, page.text);
    return begun.browser;
  }

  /** Posts what is made of a fresh sign-in; it is refused by this check, on record, and nothing has changed. */
  async refuses(check: string, make: (begun: Begun) => string | Promise<string>): Promise<void> {
    const begun = await this.begin();
    const before = await holdings(this.server, this.where);
    const page = await this.post(begun, await make(begun));
    assert.equal(page.status, 403, page.text);
    assert.equal(JSON.parse(page.text).check, check, page.text);
    const event = await lastEvent(this.server, this.where, 'sign_in.refused');
    assert.deepEqual([event?.outcome, event?.reason], ['denied', check]);
    assert.deepEqual(await holdings(this.server, this.where), before);
  }

  /** The steps of the last attempt, as an administrator reads them. */
  async lastSteps(): Promise<{ check: string; passed: boolean; got?: string }[]> {
    const path = `/organizations/${this.where.slug}/sign-in-traces?connection=${this.slug}&limit=1`;
    return (await this.server.api('get', path).expect(200)).body.traces[0].steps;
  }
}

/** Makes one with a fresh key. @param days for how long its certificate is valid from now */
export async function hostileIdp(
  server: TestServer,
  where: Arranged,
  slug: string,
  options: Record<string, unknown> = {},
  days?: number,
): Promise<HostileIdp> {
  const key = await selfSigned(slug, days);
  const made = await connection(server, where, slug, { ...described(slug, key), ...options });
  return new HostileIdp(server, where, slug, key, made);
}

function described(slug: string, { certificate }: SelfSigned) {
  return {
    kind: 'saml',
    entityId: issuerOf(slug),
    ssoUrl: `https://${slug}.idp.test/sso`,
    ssoPostUrl: `https://${slug}.idp.test/sso-post`,
    certificates: [certificate],
  };
}

function issuerOf(slug: string): string {
  return `https://${slug}.idp.test/saml`;
}
