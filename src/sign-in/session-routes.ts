/** Sessions of people in the administration API: which there are, and their end. */
import { z } from 'zod';
import { findPerson } from '../access/people.ts';
import { endSessionsOf, liveSessionsOf } from '../credentials/session.ts';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Store } from '../store/database.ts';
import { wakeLogoutWorker } from './oauth/backchannel-logout.ts';

export interface SessionRouteDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly jobs: JobQueue;
}

const personPath = z.object({ user: z.string().max(254) });

/** Routes below `/api/v1/organizations/:organization`. */
export function sessionRoutes({ store, jobs }: SessionRouteDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  const path = '/people/:user/sessions';
  const area = 'people';

  endpoint(
    api,
    { method: 'get', path, summary: 'Where a person is signed in', area, params: personPath },
    ({ params }, request) =>
      withinTenant(
        store.db,
        request,
        async (tx) => ({ sessions: await liveSessionsOf(tx, (await findPerson(tx, params.user)).id) }),
        'reader',
      ),
  );

  endpoint(
    api,
    { method: 'delete', path, summary: 'Sign a person out everywhere', area, params: personPath, status: 204 },
    ({ params }, request) =>
      withinTenant(store.db, request, async (tx) => {
        await endSessionsOf(tx, (await findPerson(tx, params.user)).id, 'ended by an administrator');
        await wakeLogoutWorker(jobs, tx);
      }),
  );
  return api;
}
