/** Pages of a search (AuthZEN, Pagination): an opaque token says where to go on, and of which search it is. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Fault } from '../errors.ts';

export interface Page {
  /** The id or name after which it begins; empty at the start. */
  readonly after: string;
  readonly limit: number;
}

const MOST = 1_000;
const USUAL = 100;
const token = z.tuple([z.string(), z.int().min(0).max(MOST), z.string()]);

/**
 * The page that is asked for.
 * @param question everything that is searched by
 * @throws Fault `invalid-input` where a token is not of this search, or another limit is asked for midway
 */
export function pageOf(
  question: unknown,
  asked: { readonly token?: string | undefined; readonly limit?: number | undefined },
): Page {
  const limit = asked.limit === undefined ? undefined : Math.min(asked.limit, MOST);
  if (asked.token === undefined || asked.token === '') return { after: '', limit: limit ?? USUAL };
  const [after, before, digest] = read(asked.token);
  if (digest !== digestOf(question) || (limit !== undefined && limit !== before)) {
    throw new Fault('invalid-input', 'This token goes on with another search than the one asked for.', {
      where: 'body.page.token',
      remedy: 'Send the same question and limit as before, or begin anew without a token.',
    });
  }
  return { after, limit: before };
}

/** The token of the page that begins after this one. */
export function tokenAfter(question: unknown, { limit }: Page, last: string): string {
  return Buffer.from(JSON.stringify([last, limit, digestOf(question)])).toString('base64url');
}

function read(text: string): z.output<typeof token> {
  try {
    return token.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
  } catch (cause) {
    throw new Fault('invalid-input', 'This is not a token of a page.', { where: 'body.page.token', cause });
  }
}

function digestOf(question: unknown): string {
  return createHash('sha256').update(JSON.stringify(question)).digest('base64url').slice(0, 22);
}
