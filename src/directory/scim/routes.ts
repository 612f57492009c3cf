/** The SCIM 2.0 server (RFC 7643, 7644): an identity provider writes what it knows of people and groups into its directory. */
import { type ErrorRequestHandler, type RequestHandler, type Response, Router } from 'express';
import { Fault } from '../../errors.ts';
import { asFault } from '../../http/problem.ts';
import { requestIdOf } from '../../http/request-context.ts';
import type { Log } from '../../log.ts';
import { jsonBody } from './body.ts';
import { bulkRoutes } from './bulk-routes.ts';
import { listResponse, resourceTypes, schemas, serviceProviderConfig } from './discovery.ts';
import { groupRoutes } from './group-routes.ts';
import { baseOf, requireDirectory, type ScimDependencies } from './request.ts';
import { errorBody } from './scim-fault.ts';
import { userRoutes } from './user-routes.ts';

/** Routes to be mounted at `/scim/v2`; a directory's resources are below `/:directory`. */
export function scimRoutes(deps: ScimDependencies): Router {
  const router = Router();
  router.use('/:directory', requireDirectory(deps), answerInScim);
  router.use(...jsonBody);
  discoveryRoutes(router, deps);
  userRoutes(router, deps);
  groupRoutes(router, deps);
  bulkRoutes(router, deps);
  router.all('/:directory/Me', (_request, response) => {
    sendError(response, 501, 'This is not supported; ServiceProviderConfig tells what is.');
  });
  router.use((request) => {
    throw new Fault('not-found', `There is nothing at ${request.method} ${request.path.slice(0, 200)}.`);
  });
  router.use(scimErrors(deps.log));
  return router;
}

function discoveryRoutes(router: Router, deps: ScimDependencies): void {
  router.get('/:directory/ServiceProviderConfig', (request, response) => {
    response.json(serviceProviderConfig(baseOf(deps, request)));
  });
  for (const [path, all] of [
    ['ResourceTypes', resourceTypes],
    ['Schemas', schemas],
  ] as const) {
    router.get(`/:directory/${path}`, (request, response) => {
      const list = all(baseOf(deps, request));
      response.json(listResponse(list, { total: list.length, startIndex: 1 }));
    });
    router.get(`/:directory/${path}/:id`, (request, response) => {
      const found = all(baseOf(deps, request)).find((each) => each['id'] === request.params['id']);
      if (found === undefined) throw new Fault('not-found', `There is no such resource in ${path}.`);
      response.json(found);
    });
  }
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
    sendError(response, fault.status, [fault.message, fault.remedy].filter(Boolean).join(' '), scimType);
  };
}

function sendError(response: Response, status: number, detail: string, scimType?: unknown): void {
  response
    .status(status)
    .type('application/scim+json')
    .send(JSON.stringify(errorBody(status, detail, scimType)));
}
