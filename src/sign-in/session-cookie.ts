/** The cookie that carries a person's session. */
import type { Request, Response } from 'express';
import { readCookie } from './cookies.ts';

/** Sets it. It goes to this host only, to no script, and with no cross-site request but a followed link. */
export function setSessionCookie(
  response: Response,
  baseUrl: string,
  session: { readonly token: string; readonly expiresAt: Date },
): void {
  response.cookie(cookieName(baseUrl), session.token, { ...attributes(baseUrl), expires: session.expiresAt });
}

/** Takes it back. */
export function clearSessionCookie(response: Response, baseUrl: string): void {
  response.clearCookie(cookieName(baseUrl), attributes(baseUrl));
}

/** The token that a request carries. */
export function sessionTokenOf(request: Request, baseUrl: string): string | undefined {
  const token = readCookie(request, cookieName(baseUrl));
  return token !== undefined && /^[\w-]{20,100}$/.test(token) ? token : undefined;
}

/** The `__Host-` prefix makes the browser insist on Secure, on this host and on the whole path; without https there is no such thing. */
function cookieName(baseUrl: string): string {
  return isSecure(baseUrl) ? '__Host-drawbridge' : 'drawbridge';
}

function attributes(baseUrl: string) {
  return { httpOnly: true, sameSite: 'lax', path: '/', secure: isSecure(baseUrl) } as const;
}

function isSecure(baseUrl: string): boolean {
  return baseUrl.startsWith('https:');
}
