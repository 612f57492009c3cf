/** The SCIM 2.0 server (RFC 7643, 7644): an identity provider writes what it knows of people and groups into its directory. */
import { type ErrorRequestHandler, type Request, type RequestHandler, type Response, Router } from 'express';
import { Fault } from '../../errors.ts';
import { asFault } from '../../http/problem.ts';
import { requestIdOf } from '../../http/request-context.ts';
import type { Log } from '../../log.ts';
import { jsonBody } from './body.ts';
import { bulkRoutes } from './bulk-routes.ts';
import { listResponse, resourceTypes, schemas, serviceProviderConfig } from './discovery.ts';
import { endpointRoutes } from './endpoint.ts';
import { groups } from './group-endpoint.ts';
import { logged } from './logged.ts';
import { baseOf, entrance, reading, type ScimDependencies } from './request.ts';
import { RequestLog } from './request-log.ts';
import { errorBody } from './scim-fault.ts';
import { searchRoutes } from './search-routes.ts';
import { users } from './user-endpoint.ts';

/** Routes to be mounted at `/scim/v2`; a directory's resources are below `/:directory`. */
export function scimRoutes(deps: ScimDependencies): Router {
  const router = Router();
  const log = new RequestLog(deps.store.db, deps.log);
  const { enter, refused } = entrance(deps);
  router.use(answerInScim, logged(log), enter);
  router.all('/:directory/Me', (_request, response) => {
    sendError(response, 501, 'This is not supported; ServiceProviderConfig tells what is.');
  });
  router.use(...jsonBody);
  discoveryRoutes(router, deps);
  endpointRoutes(router, deps, users);
  endpointRoutes(router, deps, groups);
  searchRoutes(router, deps);
  bulkRoutes(router, deps);
  router.use((request) => {
    throw new Fault('not-found', `There is nothing at ${request.method} ${request.path.slice(0, 200)}.`);
  });
  router.use(refused, scimErrors(deps.log));
  return router;
}

function discoveryRoutes(router: Router, deps: ScimDependencies): void {
  router.get('/:directory/ServiceProviderConfig', async (request, response) => {
    refuseFilter(request);
    await proven(deps, request);
    response.json(serviceProviderConfig(baseOf(deps, request)));
  });
  for (const [path, all] of [
    ['ResourceTypes', resourceTypes],
    ['Schemas', schemas],
  ] as const) {
    router.get(`/:directory/${path}`, async (request, response) => {
      refuseFilter(request);
      await proven(deps, request);
      const list = all(baseOf(deps, request));
      response.json(listResponse(list, { total: list.length, startIndex: 1 }));
    });
    router.get(`/:directory/${path}/:id`, async (request, response) => {
      await proven(deps, request);
      const wanted = String(request.params['id']).toLowerCase();
      const found = all(baseOf(deps, request)).find((each) => String(each['id']).toLowerCase() === wanted);
      if (found === undefined) throw new Fault('not-found', `There is no such resource in ${path}.`);
      response.json(found);
    });
  }
}

/** What needs no row still needs a token that is good at this moment. */
function proven(deps: ScimDependencies, request: Request): Promise<void> {
  return reading(deps, request, async () => undefined);
}

/** RFC 7644, 4: a discovery endpoint that is asked to filter answers 403. */
function refuseFilter(request: Request): void {
  if (request.query['filter'] === undefined) return;
  throw new Fault('forbidden', 'What this server says of itself is told whole; leave the filter out.');
}

/** SCIM's own media type on every answer. */
const answerInScim: RequestHandler = (_request, response, next) => {
  response.type('application/scim+json');
  next();
};

/** Whatever was thrown becomes a SCIM error body (RFC 7644, 3.12); what is ours to mend is logged and told without detail. */
function scimErrors(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error);
    const fault = asFault(error);
    if (fault === undefined) {
      log.error({ error, requestId: requestIdOf(request), path: request.path }, 'SCIM request failed');
      sendError(response, 500, 'Something went wrong on our side; nothing was changed.');
      return;
    }
    const scimType = fault.extra['scimType'] ?? (fault.code === 'invalid-input' ? 'invalidSyntax' : undefined);
    const { retryAfter } = fault.extra;
    if (typeof retryAfter === 'number') response.set('Retry-After', String(retryAfter));
    sendError(response, fault.status, [fault.message, fault.remedy].filter(Boolean).join(' '), scimType);
  };
}

function sendError(response: Response, status: number, detail: string, scimType?: unknown): void {
  response
    .status(status)
    .type('application/scim+json')
    .json(errorBody(status, detail, scimType));
}
