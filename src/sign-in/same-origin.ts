/** Requests that change something with a cookie must come from our own pages (no CSRF). */
import type { Request } from 'express';
import { Fault } from '../errors.ts';

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Lets reading through, and what a page of ours sent: the browser says so by `Sec-Fetch-Site`, older ones by `Origin`.
 * @throws Fault `forbidden` where neither does
 */
export function requireSameOrigin(request: Request, baseUrl: string): void {
  if (READING.has(request.method)) return;
  const site = request.get('sec-fetch-site');
  const same = site === undefined ? request.get('origin') === new URL(baseUrl).origin : site === 'same-origin';
  if (same) return;
  throw new Fault('forbidden', 'A session changes things only from pages of this site.', {
    where: 'Origin',
    remedy: 'Use the console, or an API key.',
  });
}
