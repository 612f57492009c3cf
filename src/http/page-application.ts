/** Serves a built single-page application from a folder: its files as they are, and its one page for every address below. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import express, { type Request, type Response, Router } from 'express';
import { Fault } from '../errors.ts';

/** What stands in the built page where each answer's own nonce goes. */
const NONCE = '%NONCE%';

/**
 * @param folder what the build made: `index.html`, and `assets/` whose names change with their content, each with its `.gz`
 * @throws Fault `unavailable`, when asked, where it was never built
 */
export function pageApplication(folder: string): Router {
  const router = Router();
  const lasting = { index: false, immutable: true, maxAge: '365d', fallthrough: false } as const;
  router.use('/assets', compressed(join(folder, 'assets')), express.static(join(folder, 'assets'), lasting));
  let page: string | undefined;
  router.get('/{*path}', (_request, response) => {
    page ??= readPage(folder);
    const nonce = randomBytes(16).toString('base64');
    response.set('Content-Security-Policy', policyWith(nonce));
    response.set('Cache-Control', 'no-store').type('html').send(page.replaceAll(NONCE, nonce));
  });
  return router;
}

function readPage(folder: string): string {
  const file = join(folder, 'index.html');
  if (existsSync(file)) return readFileSync(file, 'utf8');
  throw new Fault('unavailable', 'The console has not been built.', { remedy: 'Run "npm run build:console".' });
}

/** Hands out the file that the build has compressed, to whoever can read it. */
function compressed(folder: string) {
  return (request: Request, response: Response, next: () => void): void => {
    const type = { '.js': 'text/javascript', '.css': 'text/css' }[/\.[a-z]+$/.exec(request.path)?.[0] ?? ''];
    response.vary('Accept-Encoding');
    if (type !== undefined && request.acceptsEncodings('gzip') && existsSync(join(folder, `${request.path}.gz`))) {
      response.set({ 'Content-Encoding': 'gzip', 'Content-Type': `${type}; charset=utf-8` });
      request.url += '.gz';
    }
    next();
  };
}

/** Scripts and styles of ours alone; styles that the library writes at run time carry the nonce. */
function policyWith(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}
