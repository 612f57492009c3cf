/** Errors on the wire: RFC 9457 problem+json. What is not a `Fault` is ours to mend: logged whole, told as a 500 without detail. */
import type { ErrorRequestHandler, Request, Response } from 'express';
import { ZodError } from 'zod';
import { Fault } from '../errors.ts';
import type { Log } from '../log.ts';
import { awayFault } from '../store/away.ts';
import { requestIdOf } from './request-context.ts';

/** Answers a request with a fault as problem+json. */
export function sendProblem(request: Request, response: Response, fault: Fault): void {
  const { retryAfter, ...extra } = fault.extra;
  if (typeof retryAfter === 'number') response.set('Retry-After', String(Math.ceil(retryAfter)));
  response
    .status(fault.status)
    .type('application/problem+json')
    .send(
      JSON.stringify({
        type: `urn:drawbridge:problem:${fault.code}`,
        title: titleOf(fault.code),
        status: fault.status,
        detail: fault.message,
        ...(fault.where === undefined ? {} : { where: fault.where }),
        ...(fault.remedy === undefined ? {} : { remedy: fault.remedy }),
        requestId: requestIdOf(request),
        ...extra,
      }),
    );
}

/** The last handler of an app or router: whatever was thrown becomes a problem document. */
export function problemHandler(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error);
    const fault = asFault(error);
    if (fault === undefined) {
      log.error({ error, requestId: requestIdOf(request), path: request.path }, 'request failed');
      const hidden = new Fault('unavailable', 'Something went wrong on our side; nothing was changed.');
      response.status(500).type('application/problem+json');
      response.send(
        JSON.stringify({
          title: 'Internal error',
          status: 500,
          detail: hidden.message,
          requestId: requestIdOf(request),
        }),
      );
      return;
    }
    if (fault.cause !== undefined) log.info({ cause: fault.cause, requestId: requestIdOf(request) }, fault.message);
    sendProblem(request, response, fault);
  };
}

/** Sees a fault in what body parsers and validators throw; undefined where it is none of the caller's doing. */
export function asFault(error: unknown): Fault | undefined {
  if (error instanceof Fault) return error;
  if (error instanceof ZodError) return faultOf(error);
  const away = awayFault(error);
  if (away !== undefined) return away;
  const { type, status } = error as { type?: string; status?: number };
  if (type === 'entity.parse.failed') {
    // Without its cause, which holds the body: the log is no place for what stands in one.
    return new Fault('invalid-input', 'The body is not well-formed JSON.', { where: 'body' });
  }
  if (type === 'entity.too.large') {
    return new Fault('too-large', 'The body is larger than accepted here.', { where: 'body', cause: error });
  }
  if (status === 415)
    return new Fault('unsupported-media-type', 'This content type or encoding is not accepted.', { where: 'body' });
  if (status === 400) return new Fault('invalid-input', 'The request is malformed.', { cause: error });
  return undefined;
}

/** A validation error in the house's words: each field with its reason. */
export function faultOf(error: ZodError, whereabouts = 'body'): Fault {
  const errors = error.issues.map((issue) => ({
    where: [whereabouts, ...issue.path].join('.'),
    reason: issue.message,
  }));
  const first = errors[0];
  return new Fault('invalid-input', first ? `${first.where}: ${first.reason}` : 'The input is not valid.', {
    extra: { errors },
    cause: error,
  });
}

function titleOf(code: string): string {
  const words = code.replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
