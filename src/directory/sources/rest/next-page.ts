/** Where the first page of a list is, and after a page the next. */
import { nextLink } from '../pages.ts';
import { textAt, valueAt } from './paths.ts';
import type { Paging } from './settings.ts';

export type Paged = Exclude<Paging, { kind: 'none' }>;

export interface PageRead {
  readonly url: URL;
  readonly body: unknown;
  readonly headers: Headers;
  /** How many entries of the list were read so far, and of those on this page for the first time. */
  readonly count: number;
  readonly fresh: number;
  /** Whether these are as many as the list says. */
  readonly isAll: boolean;
}

/** The parameters of the first page. */
export function firstParameters(paging: Paged): Record<string, string> {
  return {
    ...(paging.size === undefined ? {} : { [paging.size.parameter]: String(paging.size.value) }),
    ...(paging.kind === 'offset' ? { [paging.parameter]: '0' } : {}),
    ...(paging.kind === 'page' ? { [paging.parameter]: String(paging.first ?? 1) } : {}),
  };
}

/**
 * The address of the next page; null after the last. By number or offset, the last is one without anything new, for a service may put
 * less on a page than it was asked for.
 */
export function nextPage(paging: Paged, page: PageRead): string | null {
  if (paging.kind === 'link') return nextLink(page.headers);
  if (paging.kind === 'next') return repeated(page.url, textAt(page.body, paging.next));
  if (paging.kind === 'cursor') {
    const cursor = textAt(page.body, paging.cursor);
    const more = paging.more === undefined || valueAt(page.body, paging.more) !== false;
    return cursor === '' || !more ? null : withParameter(page.url, paging.parameter, cursor);
  }
  if (page.fresh === 0 || page.isAll) return null;
  if (paging.kind === 'offset') return withParameter(page.url, paging.parameter, Math.max(1, page.count - 1));
  return withParameter(page.url, paging.parameter, Number(page.url.searchParams.get(paging.parameter)) + 1);
}

function withParameter(url: URL, name: string, value: string | number): string {
  const next = new URL(url);
  next.searchParams.set(name, String(value));
  return next.href;
}

/** An address that has a cursor and no more: what else was asked is asked again. */
function repeated(url: URL, link: string): string | null {
  if (link === '' || !URL.canParse(link, url)) return link || null;
  const next = new URL(link, url);
  for (const [name, value] of url.searchParams) if (!next.searchParams.has(name)) next.searchParams.set(name, value);
  return next.href;
}

/** Puts the parameters of paging into the body, where the service expects them there: numbers as such, a cursor as it came. */
export function asRequest(paging: Paged, url: URL, body: Readonly<Record<string, unknown>> | undefined) {
  if (paging.place !== 'body') return { url, body };
  const bare = new URL(url);
  const said: Record<string, unknown> = { ...body };
  const move = (name: string, isNumber: boolean) => {
    const value = bare.searchParams.get(name);
    if (value !== null) said[name] = isNumber ? Number(value) : value;
    bare.searchParams.delete(name);
  };
  if (paging.size !== undefined) move(paging.size.parameter, true);
  if ('parameter' in paging) move(paging.parameter, paging.kind !== 'cursor');
  return { url: bare, body: said };
}
