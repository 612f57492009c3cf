/** Hands each answered request to the directory's log, without secrets and without what would fill it. */
import type { Request, RequestHandler, Response } from 'express';
import { requestIdOf } from '../../http/request-context.ts';
import type { EnteredDirectory } from '../enter.ts';
import { isObject } from './conform.ts';
import { notesOf } from './notes.ts';
import type { LoggedRequest, RequestLog } from './request-log.ts';

const LONGEST = 8_000;
const LONGEST_READ = 64 * 1024;
const SECRET = /password|passwd|secret|token|private.?key|x509/i;

const entered = new WeakMap<Request, EnteredDirectory>();

/** Remembers which directory a request has proven to be; only those are logged. */
export function remember(request: Request, directory: EnteredDirectory): void {
  entered.set(request, directory);
}

/** Logs a request once its answer is out. */
export function logged(log: RequestLog): RequestHandler {
  return (request, response, next) => {
    const began = Date.now();
    let answer: unknown;
    const json = response.json.bind(response);
    response.json = (body: unknown) => {
      answer = body;
      return json(body);
    };
    response.on('close', () => {
      const directory = entered.get(request);
      if (directory !== undefined) log.add(entryOf(request, response, directory, new Date(began), answer));
    });
    next();
  };
}

function entryOf(
  request: Request,
  response: Response,
  directory: EnteredDirectory,
  at: Date,
  answer: unknown,
): LoggedRequest {
  const { changed, ignored } = notesOf(request);
  const outcome = outcomeOf(request, response.statusCode, changed.length > 0);
  const because = outcome === 'unchanged' ? 'all that it says is stored like that already' : reasonIn(answer, outcome);
  return {
    organization_id: directory.organizationId,
    directory_id: directory.directoryId,
    at,
    request_id: requestIdOf(request),
    address: request.ip ?? null,
    token_id: directory.tokenId,
    method: request.method,
    path: pathOf(request),
    status: response.statusCode,
    took_ms: Date.now() - at.getTime(),
    outcome,
    told: { changed, ignored, ...(because === undefined ? {} : { because }) },
    request:
      request.body === undefined ? null : withoutSecrets(request.body, Number(request.get('content-length') ?? 0)),
    answer: answer === undefined ? null : withoutSecrets(withoutResources(answer), 0),
  };
}

function outcomeOf(request: Request, status: number, changed: boolean): LoggedRequest['outcome'] {
  if (status >= 500) return 'failed';
  if (status >= 400) return 'refused';
  if (request.method === 'GET' || request.method === 'HEAD' || request.path.endsWith('.search')) return 'read';
  return changed ? 'changed' : 'unchanged';
}

function reasonIn(answer: unknown, outcome: LoggedRequest['outcome']): string | undefined {
  if (outcome !== 'refused' && outcome !== 'failed') return undefined;
  return isObject(answer) && typeof answer['detail'] === 'string' ? answer['detail'] : undefined;
}

/** The path below the directory, with its query unless that asks for a secret. */
function pathOf(request: Request): string {
  const path = request.url.slice(0, 2_000);
  return SECRET.test(path) ? (path.split('?')[0] ?? path) : path;
}

/** Of a list, how many were told: whom, stands in the directory itself. */
function withoutResources(answer: unknown): unknown {
  return isObject(answer) && Array.isArray(answer['Resources'])
    ? { ...answer, Resources: `(${answer['Resources'].length})` }
    : answer;
}

function withoutSecrets(body: unknown, size: number): string {
  if (size > LONGEST_READ) return `(${size} bytes)`;
  const text = JSON.stringify(body, (key, value: unknown) => {
    if (SECRET.test(key)) return '(not logged)';
    const names = isObject(value) && typeof value['path'] === 'string' && SECRET.test(value['path']);
    return names ? { ...value, value: '(not logged)' } : value;
  });
  // What no text column could hold was refused; it is still to be told.
  const plain = (text ?? '').replaceAll('\\u0000', '').toWellFormed();
  return plain.length > LONGEST ? `${plain.slice(0, LONGEST)}...` : plain;
}
