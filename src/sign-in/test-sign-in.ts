/**
 * Sign-ins that are only tests: everything is done and undone again, and the browser is led back to where the test was begun. A cookie
 * remembers that while the browser is away, for a refusal is shown before anybody has asked what was begun.
 */
import { type Request, type Response, Router } from 'express';
import { readCookie } from './cookies.ts';
import { type Html, html, sendPage } from './page.ts';

const CLOSE = 'Close this window: each check stands in the console, beside the button that brought you here.';

/** Where a test returns to, and what a refused one shows in place of "sign in again". */
const TESTS: Readonly<Record<string, { readonly after: string; readonly back: Html }>> = {
  '/set-up': { after: '/set-up#test', back: html`<p><a class="button" href="/set-up#test">Back to the set-up</a></p>` },
  '/sign-in/tested': { after: '/sign-in/tested', back: html`<p>This was a test. ${CLOSE}</p>` },
};
const COOKIE = 'drawbridge-test';

/** Whether what returns there is only a test. */
export function isTest(returnTo: unknown): returnTo is string {
  return typeof returnTo === 'string' && Object.hasOwn(TESTS, returnTo);
}

/** Where the browser goes when a test has worked. */
export function afterTest(returnTo: string): string {
  return TESTS[returnTo]?.after ?? returnTo;
}

/** Remembers whether what is begun now is a test. */
export function rememberTest(request: Request, response: Response, baseUrl: string): void {
  const returnTo = request.query['returnTo'];
  const secure = baseUrl.startsWith('https:');
  // As the attempt's own cookie: it has to come with what an identity provider posts.
  const attributes = { httpOnly: true, path: '/', secure, sameSite: secure ? 'none' : 'lax' } as const;
  if (isTest(returnTo)) response.cookie(COOKIE, returnTo, { ...attributes, maxAge: 15 * 60_000, encode: String });
  else if (readCookie(request, COOKIE) !== undefined) response.clearCookie(COOKIE, attributes);
}

/** The way back from a test that was refused; undefined where it was none. */
export function wayBack(request: Request): Html | undefined {
  const { returnTo } = request.query;
  const begun = isTest(returnTo) ? returnTo : readCookie(request, COOKIE);
  return isTest(begun) ? TESTS[begun]?.back : undefined;
}

/** `/sign-in/tested`: the end of a test that was begun in another window. */
export function testedPage(baseUrl: string): Router {
  const router = Router();
  router.get('/sign-in/tested', (_request, response) => {
    sendPage(response, baseUrl, 200, 'It works', html`<p>Nothing was changed, and nobody was signed in. ${CLOSE}</p>`);
  });
  return router;
}
