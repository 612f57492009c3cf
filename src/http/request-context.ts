/** What every request carries: an id that the log, the audit and the answer share, and the caller's address. */
import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import type { Actor, Origin } from '../store/tenant.ts';

const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;
const ids = new WeakMap<Request, string>();

/** Gives each request an id (the caller's `X-Request-Id`, where it is harmless) and echoes it. */
export const requestContext: RequestHandler = (request, response, next) => {
  const given = request.get('x-request-id');
  const id = given !== undefined && REQUEST_ID.test(given) ? given : randomUUID();
  ids.set(request, id);
  response.set('X-Request-Id', id);
  next();
};

export function requestIdOf(request: Request): string {
  return ids.get(request) ?? 'unknown';
}

/** The origin of a transaction that this request starts on behalf of `actor`. */
export function originOf(request: Request, actor: Actor): Origin {
  return { actor, requestId: requestIdOf(request), address: request.ip };
}
