/**
 * Lists of a SCIM server, by cursor (RFC 9865) where it has them, else by index (RFC 7644, section 3.4.2.4). How many there are is never
 * believed where that would end the list, and held against the server where it is more than was read.
 */
import { z } from 'zod';
import { Fault } from '../../../errors.ts';
import { jsonOf, placeOf } from '../http.ts';
import { overlapping } from '../overlapping.ts';
import { noPageTwice } from '../paging.ts';
import type { ScimClient } from './client.ts';

export interface ScimList {
  /** `/Users` or `/Groups`. */
  readonly path: string;
  readonly filter?: string | undefined;
  readonly attributes?: string;
  readonly count: number;
}

const page = z.looseObject({
  totalResults: z.int().nonnegative().optional(),
  Resources: z.array(z.unknown()).optional(),
  nextCursor: z.string().min(1).nullish(),
});
type Page = z.output<typeof page>;

/**
 * Everything on a list.
 * @throws Fault `invalid-feed` where pages repeat, move, or are fewer than the server says; `upstream-failed`
 */
export async function* listAll(client: ScimClient, list: ScimList): AsyncGenerator<unknown> {
  yield* (await client.hasCursors()) ? byCursor(client, list) : byIndex(client, list);
}

async function* byCursor(client: ScimClient, list: ScimList): AsyncGenerator<unknown> {
  const begins = noPageTwice(list.path);
  let read = 0;
  for (let cursor = ''; ; ) {
    begins(cursor);
    const { Resources = [], nextCursor } = await readPage(client, list, { cursor, count: String(list.count) });
    read += Resources.length;
    yield* Resources;
    if (nextCursor === undefined || nextCursor === null) break;
    cursor = nextCursor;
  }
  // Some may have come or gone since the first page: as many as there are by now.
  const { totalResults } = await readPage(client, list, { startIndex: '1', count: '0' });
  expectAll(list, read, totalResults);
}

async function* byIndex(client: ScimClient, list: ScimList): AsyncGenerator<unknown> {
  let total: number | undefined;
  const read = async (from: number) => {
    const paging = { startIndex: String(from + 1), count: String(list.count) };
    const { Resources = [], totalResults } = await readPage(client, list, paging);
    total = totalResults;
    return Resources;
  };
  expectAll(list, yield* overlapping(read, idOf, list.path), total);
}

async function readPage(
  client: ScimClient,
  { path, filter, attributes }: ScimList,
  paging: Readonly<Record<string, string>>,
): Promise<Page> {
  const url = client.address(path, {
    ...paging,
    ...(filter === undefined ? {} : { filter }),
    ...(attributes === undefined ? {} : { attributes }),
  });
  const parsed = page.safeParse(jsonOf(url, await client.ask(url)));
  const count = Number(paging['count']);
  if (!parsed.success || (count > 0 && parsed.data.Resources === undefined && parsed.data.totalResults !== 0)) {
    throw new Fault('invalid-feed', 'The source answers with something that is no SCIM list; nothing was changed.', {
      where: placeOf(url),
      remedy: "Check the address: it is that of the server's /Users, without /Users.",
    });
  }
  return parsed.data;
}

const identified = z.looseObject({ id: z.string() });

function idOf(resource: unknown): string | undefined {
  return identified.safeParse(resource).data?.id;
}

function expectAll({ path }: ScimList, read: number, total: number | undefined): void {
  if (total === undefined || read >= total) return;
  throw new Fault('invalid-feed', `The source gives ${read} of ${total} resources; nothing was changed.`, {
    where: path,
    remedy: 'The list may have changed while it was read: run again.',
  });
}
