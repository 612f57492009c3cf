/** Keeps a browser on one name of this machine. */
import type { RequestHandler } from 'express';

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * On one machine, `localhost` and `127.0.0.1` are the same server and yet different sites, each with its own cookies: a sign-in begun
 * on the one and finished on the other would be another browser's. Only loopback names are ever changed, so no proxy can loop.
 */
export function onOwnHost(baseUrl: string): RequestHandler {
  const own = new URL(baseUrl);
  return (request, response, next) => {
    const asked = URL.parse(`http://${request.get('host') ?? ''}`);
    const astray = asked !== null && asked.hostname !== own.hostname && asked.port === own.port;
    if (request.method === 'GET' && astray && LOOPBACK.has(own.hostname) && LOOPBACK.has(asked.hostname)) {
      response.redirect(307, own.origin + request.originalUrl.replace(/^\/+/, '/'));
    } else {
      next();
    }
  };
}
