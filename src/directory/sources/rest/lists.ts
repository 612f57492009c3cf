/**
 * Reads a list of a JSON API from its first page to its last, however it is paged, and holds it to what it says of itself. By offset, pages
 * overlap by one entry: where that is another, the list has changed meanwhile and somebody would be left out.
 */
import { Fault } from '../../../errors.ts';
import { jsonOf, placeOf } from '../http.ts';
import { elementsOf } from '../json-array.ts';
import { followPages } from '../pages.ts';
import type { RestClient } from './client.ts';
import { asRequest, firstParameters, nextPage, type Paged } from './next-page.ts';
import { stepsOf, textAt, valueAt } from './paths.ts';
import type { List } from './settings.ts';

/** More than any list of people has: what goes on so long goes on for ever. */
const MOST_ENTRIES = 10_000_000;

/**
 * Streams the entries of a list.
 * @param id where an entry has its id
 * @throws Fault `invalid-feed` where pages repeat or skip entries, or do not make up what the list says that it is
 */
export function entriesOf(client: RestClient, list: List, id: string): AsyncGenerator<unknown> {
  const { paging } = list;
  return paging.kind === 'none' ? atOnce(client, list) : inPages(client, list, paging, id);
}

async function* atOnce(client: RestClient, { path, query = {}, method, body, at }: List): AsyncGenerator<unknown> {
  const url = client.address(path, query);
  yield* elementsOf(await client.stream(url, requestOf(method, body)), stepsOf(at), placeOf(url));
}

async function* inPages(client: RestClient, list: List, paging: Paged, id: string): AsyncGenerator<unknown> {
  const { path, query = {}, method, at } = list;
  const first = client.address(path, { ...query, ...firstParameters(paging) });
  const where = placeOf(first);
  let count = 0;
  let total: number | undefined;
  let last = '';
  const pages = followPages(first, async (url) => {
    const asked = asRequest(paging, url, list.body);
    const answer = await client.ask(asked.url, requestOf(method, asked.body));
    const body = jsonOf(asked.url, answer);
    total = sameTotal(body, paging.total, total, where);
    const found = listAt(body, at, where);
    const overlaps = paging.kind === 'offset' && Number(url.searchParams.get(paging.parameter)) < count;
    const items = overlaps ? withoutOverlap(found, id, last, where) : found;
    count += items.length;
    if (count > Math.min(total ?? MOST_ENTRIES, MOST_ENTRIES))
      throw changed(where, `It goes on after ${count} entries`);
    if (items.length > 0) last = textAt(items.at(-1), id);
    const isAll = count === total;
    return { items, next: nextPage(paging, { url, body, headers: answer.headers, count, fresh: items.length, isAll }) };
  });
  for await (const page of pages) yield* page;
  if (total !== undefined && count !== total)
    throw changed(where, `It has ${count} entries, and says that it has ${total}`);
}

function requestOf(method: string | undefined, body: unknown): RequestInit {
  if (body === undefined) return { method: method ?? 'GET' };
  const headers = { 'content-type': 'application/json' };
  return { method: method ?? 'GET', headers, body: JSON.stringify(body) };
}

function listAt(body: unknown, at: string, where: string): readonly unknown[] {
  const found = valueAt(body, at);
  if (Array.isArray(found)) return found;
  throw new Fault('invalid-feed', `The answer has no list at "${at}"; nothing was changed.`, { where });
}

function sameTotal(body: unknown, path: string | undefined, before: number | undefined, where: string) {
  if (path === undefined) return undefined;
  const total = Number(textAt(body, path) || Number.NaN);
  if (!Number.isInteger(total)) throw changed(where, `It does not say how many entries it has (${path})`);
  if (before !== undefined && before !== total) throw changed(where, `It had ${before} entries, and then ${total}`);
  return total;
}

function withoutOverlap(items: readonly unknown[], id: string, last: string, where: string): readonly unknown[] {
  if (items.length > 0 && textAt(items[0], id) === last) return items.slice(1);
  throw changed(where, 'A page does not begin where the one before ended');
}

function changed(where: string, reason: string): Fault {
  return new Fault('invalid-feed', `The list changed while it was read: ${reason}. Nothing was changed.`, {
    where,
    remedy: 'Run again; if it stays so, the paging settings do not fit the source.',
  });
}
