/** Composition: settings -> store -> capabilities -> one express app. Each capability brings its routes; this file mounts them. */
import express, { type Express } from 'express';
import helmet from 'helmet';
import { sql } from 'kysely';
import type { Models } from './access/model-file.ts';
import { Fault } from './errors.ts';
import { type Authenticate, enterOrganization, requireCaller } from './http/caller.ts';
import type { ApiRouter } from './http/endpoint.ts';
import { openApiDocument } from './http/openapi.ts';
import { authenticateOperator } from './http/operator.ts';
import { problemHandler } from './http/problem.ts';
import { requestContext } from './http/request-context.ts';
import type { JobQueue } from './jobs/queue.ts';
import type { Log } from './log.ts';
import type { Settings } from './settings.ts';
import type { Store } from './store/database.ts';
import { locateOrganization } from './store/locate.ts';

/** What the capabilities are built from. */
export interface Dependencies {
  readonly settings: Settings;
  readonly store: Store;
  readonly jobs: JobQueue;
  readonly models: Models;
  readonly log: Log;
}

/** Builds the HTTP application. */
export function createApp(deps: Dependencies): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', deps.settings.http.trustProxy);
  app.use(requestContext);
  app.use(helmet());

  app.get('/healthz', (_request, response) => void response.json({ status: 'ok' }));
  app.get('/readyz', async (_request, response) => {
    await sql`SELECT 1`.execute(deps.store.db);
    response.json({ status: 'ready' });
  });

  // Capabilities with protocols of their own mount here, before the JSON API.

  app.use('/api/v1', administrationApi(deps));
  app.use((request) => {
    throw new Fault('not-found', `There is nothing at ${request.method} ${request.path}.`, { where: 'path' });
  });
  app.use(problemHandler(deps.log));
  return app;
}

function administrationApi(deps: Dependencies): express.Router {
  const api = express.Router();
  const authenticate = firstOf([authenticateOperator(deps.settings.secrets.operatorToken)]);
  const perOrganization: ApiRouter[] = [];

  api.use(express.json({ limit: '1mb' }));
  api.get('/openapi.json', (_request, response) => {
    const endpoints = perOrganization.flatMap((router) => router.described);
    response.json(openApiDocument(endpoints, deps.settings.http.baseUrl));
  });
  api.use(requireCaller(authenticate));
  const find = (slugOrId: string) => locateOrganization(deps.store.db, slugOrId);
  api.use('/organizations/:organization', enterOrganization(find), ...perOrganization.map((each) => each.router));
  return api;
}

/** Tries each way in turn; the first that recognises the caller wins. */
function firstOf(ways: readonly Authenticate[]): Authenticate {
  return async (request) => {
    for (const way of ways) {
      const caller = await way(request);
      if (caller !== undefined) return caller;
    }
    return undefined;
  };
}
