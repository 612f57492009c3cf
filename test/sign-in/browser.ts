/** A browser as far as signing in needs one: it keeps cookies per host, follows redirects, and sends forms on. */
import assert from 'node:assert/strict';

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

export interface Form {
  readonly action: string;
  readonly fields: Record<string, string>;
}

export class Browser {
  /** By origin: browsers don't tell ports apart, but two servers on one host must not see each other's cookies in a test. */
  readonly #jars = new Map<string, Map<string, string>>();
  readonly accept: string;

  constructor(accept = 'application/json') {
    this.accept = accept;
  }

  /** Follows redirects, but none that `stopAt` names. */
  async get(url: string, stopAt?: RegExp): Promise<Page> {
    return this.#go(url, { method: 'GET' }, stopAt);
  }

  async post(url: string, fields: Record<string, string>, stopAt?: RegExp): Promise<Page> {
    return this.#go(url, { method: 'POST', body: new URLSearchParams(fields) }, stopAt);
  }

  cookies(origin: string): Map<string, string> {
    const jar = this.#jars.get(origin) ?? new Map<string, string>();
    this.#jars.set(origin, jar);
    return jar;
  }

  async #go(url: string, init: RequestInit, stopAt?: RegExp, hops = 0): Promise<Page> {
    assert.ok(hops < 15, `too many redirects, the last to ${url}`);
    const jar = this.cookies(new URL(url).origin);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { accept: this.accept, ...(cookie === '' ? {} : { cookie }) };
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';', 1)[0]!.split(/=(.*)/s);
      if (/expires=Thu, 01 Jan 1970/i.test(line) || value === '') jar.delete(name);
      else jar.set(name, value);
    }
    const location = response.headers.get('location');
    if (location !== null && response.status >= 300 && response.status < 400) {
      const next = new URL(location, url).toString();
      if (!stopAt?.test(next)) {
        await response.arrayBuffer();
        return this.#go(next, { method: 'GET' }, stopAt, hops + 1);
      }
    }
    return { url, status: response.status, headers: response.headers, text: await response.text() };
  }
}

/** The first form of a page. */
export function formOf({ text, url }: Page): Form {
  const tag = /<form[^>]*>/.exec(text)?.[0];
  assert.ok(tag, `no form on ${url}: ${text.slice(0, 500)}`);
  const action = unescaped(/action="([^"]*)"/.exec(tag)?.[1] ?? url);
  const inputs = [...text.matchAll(/<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"/g)];
  const fields = Object.fromEntries(inputs.map(([, name = '', value = '']) => [unescaped(name), unescaped(value)]));
  return { action: new URL(action, url).toString(), fields };
}

function unescaped(text: string): string {
  const named: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"' };
  return text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(/&(amp|lt|gt|quot);/g, (each) => named[each] ?? each);
}
