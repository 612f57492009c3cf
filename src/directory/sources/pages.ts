/** Lists that a source gives page by page, each naming the next. None leads elsewhere, comes twice, or goes on for ever. */
import { createHash } from 'node:crypto';
import { Fault } from '../../errors.ts';
import { noPageTwice } from './paging.ts';

export interface Page {
  readonly items: readonly unknown[];
  /** Where the next page is; null on the last. */
  readonly next: string | null;
}

/** The same people three times are no list any more; of empty pages, some services have a few. */
const MOST_ALIKE = 2;
const MOST_EMPTY = 1000;

/**
 * Follows a list from page to page.
 * @throws Fault `invalid-feed` where a page is repeated or is elsewhere
 */
export async function* followPages(first: URL, read: (url: URL) => Promise<Page>): AsyncGenerator<readonly unknown[]> {
  const neverAgain = noPageTwice(`${first.origin}${first.pathname}`);
  const contents = new Map<string, number>();
  for (let url: URL | null = first; url !== null; ) {
    neverAgain(hash(url.href));
    const { items, next }: Page = await read(url);
    const content = hash(JSON.stringify(items));
    const alike = (contents.get(content) ?? 0) + 1;
    contents.set(content, alike);
    if (alike > (items.length > 0 ? MOST_ALIKE : MOST_EMPTY)) throw refusal('repeats a page', url);
    yield items;
    url = next === null ? null : nextOf(first, url, next);
  }
}

/** The next page by a header (RFC 8288): `<https://...>; rel="next"`, among others. */
export function nextLink(headers: Headers): string | null {
  return /<([^>]*)>\s*;[^<]*\brel="?next"?/i.exec(headers.get('link') ?? '')?.[1] ?? null;
}

function nextOf(first: URL, current: URL, next: string): URL {
  if (!URL.canParse(next, current)) throw refusal('names a next page that is no address', current);
  const url = new URL(next, current);
  // Whoever names another server would be sent the access token.
  if (url.origin !== first.origin) throw refusal(`leads to another server (${url.origin})`, current);
  return url;
}

function refusal(what: string, { origin, pathname }: URL): Fault {
  return new Fault('invalid-feed', `The source ${what}; nothing was changed.`, {
    where: `${origin}${pathname}`,
    remedy: 'Run again; if it stays so, tell the operator of the source.',
  });
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
