/** `POST /Bulk`: each operation goes the way of a request of its own, so that it is checked, audited and settled like one. */
import type { Request, Router } from 'express';
import { requestIdOf } from '../../http/request-context.ts';
import { type BulkOperation, readBulk, referencesOf, resolved } from './bulk.ts';
import { baseOf, reading, type ScimDependencies } from './request.ts';
import { errorBody } from './scim-fault.ts';

interface Answer {
  readonly status: number;
  readonly location?: string;
  readonly version?: string;
  readonly response?: unknown;
}

/** Declares the bulk endpoint. */
export function bulkRoutes(router: Router, deps: ScimDependencies): void {
  router.post('/:directory/Bulk', async (request, response) => {
    const { operations, failOnErrors } = readBulk(request.body);
    await reading(deps, request, async () => undefined);
    const answers = await work(operations, failOnErrors, (operation) => dispatch(deps, request, operation));
    response.json({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkResponse'],
      Operations: operations.flatMap(({ method, bulkId }, at) => {
        const answer = answers.get(at);
        if (answer === undefined) return [];
        const { status, ...rest } = answer;
        return [{ method, ...(bulkId === undefined ? {} : { bulkId }), ...rest, status: String(status) }];
      }),
    });
  });
}

/**
 * Does the operations in their order, but whoever refers to another after that one. @returns answers by place; none for operations
 * that were not tried because there had been too many errors
 */
async function work(
  operations: readonly BulkOperation[],
  failOnErrors: number,
  send: (operation: BulkOperation) => Promise<Answer>,
): Promise<Map<number, Answer>> {
  const answers = new Map<number, Answer>();
  const ids = new Map<string, string>();
  const waiting = operations.map((_, at) => at);
  let errors = 0;
  while (waiting.length > 0 && errors < failOnErrors) {
    const ready = waiting.findIndex((at) => referencesOf(operations[at] as BulkOperation).every((id) => ids.has(id)));
    const at = waiting.splice(Math.max(ready, 0), 1)[0] as number;
    const operation = operations[at] as BulkOperation;
    const answer = ready < 0 ? unresolvable(operation, ids) : await send(resolved(operation, ids));
    answers.set(at, answer);
    if (answer.status >= 400) errors += 1;
    else if (operation.bulkId !== undefined && answer.location !== undefined) {
      ids.set(operation.bulkId, answer.location.slice(answer.location.lastIndexOf('/') + 1));
    }
  }
  return answers;
}

/** What it refers to failed, is not there, or refers to it in turn. */
function unresolvable(operation: BulkOperation, ids: ReadonlyMap<string, string>): Answer {
  const missing = referencesOf(operation).find((id) => !ids.has(id));
  const sentence = `The bulkId "${missing}" that this refers to was not made: its own operation failed, is not there, or refers back.`;
  return { status: 409, response: errorBody(409, sentence, 'invalidValue') };
}

/** Sends one operation to this very server, over the address that the bulk request came in by. */
async function dispatch(deps: ScimDependencies, request: Request, operation: BulkOperation): Promise<Answer> {
  const { method, path, version, data } = operation;
  const { localAddress = '127.0.0.1', localPort } = request.socket;
  const host = localAddress.includes(':') ? `[${localAddress}]` : localAddress;
  const answer = await fetch(`http://${host}:${localPort}${request.baseUrl}/${request.params['directory']}${path}`, {
    method,
    headers: {
      authorization: request.get('authorization') ?? '',
      'content-type': 'application/scim+json',
      'x-request-id': requestIdOf(request),
      ...(version === undefined ? {} : { 'if-match': version }),
    },
    ...(data === undefined ? {} : { body: JSON.stringify(data) }),
  });
  const text = await answer.text();
  const etag = answer.headers.get('etag');
  const location = answer.headers.get('location') ?? (method === 'DELETE' ? null : `${baseOf(deps, request)}${path}`);
  return {
    status: answer.status,
    ...(location !== null && answer.ok ? { location } : {}),
    ...(etag === null ? {} : { version: etag }),
    ...(answer.ok || text === '' ? {} : { response: JSON.parse(text) }),
  };
}
