/** Where a browser may be sent after signing in: a path here, never another site (no open redirects). Pure. */

const DEFAULT = '/me';

/** The path to return to; `/me` where what was asked for is not a path of ours. */
export function safeReturnTo(asked: unknown, baseUrl: string): string {
  if (
    typeof asked !== 'string' ||
    !/^\/(?![/\\])[\x21-\x7e]*$/.test(asked) ||
    asked.includes('\\') ||
    asked.length > 2000
  ) {
    return DEFAULT;
  }
  const target = new URL(asked, baseUrl);
  const path = target.pathname + target.search + target.hash;
  // `/.//elsewhere` is a path whose normal form is another site's address.
  return target.origin === new URL(baseUrl).origin && !path.startsWith('//') ? path : DEFAULT;
}
