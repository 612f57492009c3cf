/** Searches, page by page (RFC 2696), so that neither side ever holds everything. */
import { BindRequest, type Control, FilterParser, PagedResultsControl, SearchRequest } from 'ldapts';
import { noPageTwice } from '../paging.ts';
import type { LdapConnection } from './connection.ts';
import { refused } from './faults.ts';
import { BIND_RESPONSE, type Entry, SEARCH_DONE } from './message.ts';

export interface Search {
  readonly base: string;
  readonly scope?: 'base' | 'one' | 'sub';
  /** RFC 4515. */
  readonly filter: string;
  /** Nothing is asked for that is not named. */
  readonly attributes: readonly string[];
  readonly controls?: readonly Control[];
}

/** Signs in. @throws Fault `upstream-failed` */
export async function bind(connection: LdapConnection, dn: string, password: string): Promise<void> {
  const answer = await connection.ask((messageId) => new BindRequest({ messageId, dn, password }), BIND_RESPONSE);
  if (answer.status !== 0) throw refused(answer, connection.where);
}

/** Pages without anybody may be followed by others, but not for ever. */
const MAX_EMPTY_PAGES = 1000;

/**
 * Everything that a search finds.
 * @throws Fault `invalid-feed` where a page comes again, or the server gives only a part; `upstream-failed`
 */
export async function* search(connection: LdapConnection, wanted: Search, pageSize: number): AsyncIterable<Entry> {
  const begins = noPageTwice(`${connection.where} ${wanted.base}`);
  let empty = 0;
  for (let cookie: Buffer | undefined = Buffer.alloc(0); cookie !== undefined; ) {
    const page: Page = await readPage(connection, wanted, pageSize, cookie);
    begins(page.entries[0]?.name ?? `empty page ${Math.min(++empty, MAX_EMPTY_PAGES)}`);
    yield* page.entries;
    cookie = page.next;
  }
}

/** The first that a search finds. */
export async function find(connection: LdapConnection, wanted: Search): Promise<Entry | undefined> {
  const { entries } = await readPage(connection, wanted, 1, Buffer.alloc(0));
  return entries[0];
}

interface Page {
  readonly entries: readonly Entry[];
  /** Undefined after the last page. */
  readonly next: Buffer | undefined;
}

async function readPage(connection: LdapConnection, wanted: Search, size: number, cookie: Buffer): Promise<Page> {
  const { base, scope = 'sub', filter, attributes, controls = [] } = wanted;
  const entries: Entry[] = [];
  const paging = new PagedResultsControl({ value: { size, cookie } });
  const request = {
    baseDN: base,
    scope,
    filter: FilterParser.parseString(filter),
    attributes: [...attributes],
    timeLimit: 0,
    controls: [...controls, paging],
  };
  const answer = await connection.ask(
    (messageId) => new SearchRequest({ messageId, ...request }),
    SEARCH_DONE,
    (entry) => entries.push(entry),
  );
  if (answer.status !== 0) throw refused(answer, `${connection.where} ${base}`);
  return { entries, next: answer.cookie.length === 0 ? undefined : answer.cookie };
}
