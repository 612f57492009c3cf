/** As much of a browser as signing in needs: it keeps cookies, follows redirects and sends forms on. */

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface Form {
  readonly action: string;
  readonly fields: Record<string, string>;
}

const MAX_REDIRECTS = 15;

export class Browser {
  /** By origin: stricter than a real browser, which shares a host's cookies among its ports. */
  readonly #jars = new Map<string, Map<string, string>>();
  readonly #accept: string;

  /** @param accept what it says it can show; a program would say `application/json` */
  constructor(accept = 'text/html') {
    this.#accept = accept;
  }

  /** Follows redirects, but none that `stopAt` names. */
  get(url: string, stopAt?: RegExp): Promise<Page> {
    return this.#go(url, { method: 'GET' }, stopAt);
  }

  post(url: string, fields: Record<string, string>, stopAt?: RegExp): Promise<Page> {
    return this.#go(url, { method: 'POST', body: new URLSearchParams(fields) }, stopAt);
  }

  /** Sends the first form of a page, saying which page it is of, as browsers do. */
  submit(page: Page, stopAt?: RegExp): Promise<Page> {
    const { action, fields } = formOf(page);
    const headers = { origin: new URL(page.url).origin };
    return this.#go(action, { method: 'POST', body: new URLSearchParams(fields), headers }, stopAt);
  }

  /** What a page of this origin sends by script. */
  async json(method: string, url: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(url, {
      method,
      headers: {
        ...this.#headers(url),
        accept: 'application/json',
        'content-type': 'application/json',
        origin: new URL(url).origin,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
  }

  async #go(url: string, init: RequestInit, stopAt?: RegExp, redirects = 0): Promise<Page> {
    if (redirects > MAX_REDIRECTS) throw new Error(`too many redirects, the last to ${url}`);
    const headers = { ...this.#headers(url), accept: this.#accept, ...init.headers };
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    this.#keepCookies(url, response);
    const location = response.headers.get('location');
    const next = location === null ? undefined : new URL(location, url).toString();
    if (next === undefined || stopAt?.test(next)) {
      return { url, status: response.status, headers: response.headers, text: await response.text() };
    }
    await response.arrayBuffer();
    return this.#go(next, { method: 'GET' }, stopAt, redirects + 1);
  }

  #headers(url: string): Record<string, string> {
    const cookies = [...this.cookies(url)].map(([name, value]) => `${name}=${value}`).join('; ');
    return cookies === '' ? {} : { cookie: cookies };
  }

  #keepCookies(url: string, response: Response): void {
    const jar = this.cookies(url);
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';', 1);
      const at = pair.indexOf('=');
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
  }

  /** The cookies it sends to a URL's origin. */
  cookies(url: string): Map<string, string> {
    const { origin } = new URL(url);
    const jar = this.#jars.get(origin) ?? new Map<string, string>();
    this.#jars.set(origin, jar);
    return jar;
  }
}

/** The first form of a page. @throws Error where it has none */
export function formOf({ text, url }: Page): Form {
  const tag = /<form[^>]*>/.exec(text)?.[0];
  if (tag === undefined) throw new Error(`there is no form on ${url}`);
  const action = unescaped(/action="([^"]*)"/.exec(tag)?.[1] ?? url);
  const inputs = text.matchAll(/<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"/g);
  const fields = Object.fromEntries(
    [...inputs].map(([, name = '', value = '']) => [unescaped(name), unescaped(value)]),
  );
  return { action: new URL(action, url).toString(), fields };
}

/** Text of a page without its HTML escapes. */
export function unescaped(text: string): string {
  const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"' };
  return text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(/&(amp|lt|gt|quot);/g, (_, name: string) => named[name] ?? '');
}
