/** Whom an organization tells of what happens, in the administration API. */
import { type ApiRouter, apiRouter } from '../http/endpoint.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import { declareStreams } from './ssf/admin-routes.ts';
import { declareWebhooks } from './webhook-routes.ts';

interface Dependencies {
  readonly settings: Settings;
  readonly store: Pick<Store, 'db'>;
  readonly jobs: JobQueue;
}

/** Routes below `/api/v1/organizations/:organization`. */
export function signalRoutes(deps: Dependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  declareWebhooks(api, deps);
  declareStreams(api, deps);
  return api;
}
