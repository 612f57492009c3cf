/** Reads a cookie (RFC 6265). */
import type { Request } from 'express';

/** The value of a cookie; undefined where it is not sent, or sent twice: then nobody knows whose it is. */
export function readCookie(request: Request, name: string): string | undefined {
  const pairs = (request.get('cookie') ?? '').split(';').map((pair) => pair.trim());
  const values = pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? values[0] : undefined;
}
