/** What every request carries: an id that the log, the audit and the answer share, and the caller's address. */
import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import type { Actor, Origin } from '../store/tenant.ts';

/** Any text that can do no harm where it is logged: AuthZEN has it echoed as it came. */
const REQUEST_ID = /^[\x20-\x7e]{1,128}$/;
const ids = new WeakMap<Request, string>();

/** Gives each request an id (the caller's `X-Request-Id`, where it is harmless) and echoes it. */
export const requestContext: RequestHandler = (request, response, next) => {
  const id = harmlessRequestId(request.get('x-request-id'));
  ids.set(request, id);
  response.set('X-Request-Id', id);
  next();
};

/** The id that a caller gives, where it is harmless; else one of ours. */
export function harmlessRequestId(given: string | string[] | undefined): string {
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

export function requestIdOf(request: Request): string {
  return ids.get(request) ?? 'unknown';
}

/** The origin of a transaction that this request starts on behalf of `actor`. */
export function originOf(request: Request, actor: Actor): Origin {
  return { actor, requestId: requestIdOf(request), address: request.ip };
}
