/** As much of a browser as signing in needs: it keeps cookies, follows redirects and sends forms on. */

export interface Page {
  readonly url: string;
  readonly status: number;
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

  get(url: string): Promise<Page> {
    return this.#go(url, { method: 'GET' });
  }

  post(url: string, fields: Record<string, string>): Promise<Page> {
    return this.#go(url, { method: 'POST', body: new URLSearchParams(fields) });
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

  async #go(url: string, init: RequestInit, redirects = 0): Promise<Page> {
    if (redirects > MAX_REDIRECTS) throw new Error(`too many redirects, the last to ${url}`);
    const response = await fetch(url, {
      ...init,
      headers: { ...this.#headers(url), accept: 'text/html' },
      redirect: 'manual',
    });
    this.#keepCookies(url, response);
    const location = response.headers.get('location');
    if (location === null) return { url, status: response.status, text: await response.text() };
    await response.arrayBuffer();
    return this.#go(new URL(location, url).toString(), { method: 'GET' }, redirects + 1);
  }

  #headers(url: string): Record<string, string> {
    const cookies = [...this.#jar(url)].map(([name, value]) => `${name}=${value}`).join('; ');
    return cookies === '' ? {} : { cookie: cookies };
  }

  #keepCookies(url: string, response: Response): void {
    const jar = this.#jar(url);
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';', 1);
      const at = pair.indexOf('=');
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
  }

  #jar(url: string): Map<string, string> {
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
