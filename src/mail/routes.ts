/** What became of mails, in the administration API. */
import { z } from 'zod';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Store } from '../store/database.ts';
import { listMails, mailQuery, retryMail } from './outbox.ts';

/** Routes below `/api/v1/organizations/:organization`. */
export function mailRoutes(deps: { readonly store: Pick<Store, 'db'>; readonly jobs: JobQueue }): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  const area = 'people';

  endpoint(
    api,
    { method: 'get', path: '/mails', summary: 'What became of mails, latest first', area, query: mailQuery },
    ({ query }, request) =>
      withinTenant(deps.store.db, request, async (tx) => ({ mails: await listMails(tx, query) }), 'reader'),
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/mails/:mail/retry',
      summary: 'Try a mail again that was given up',
      area,
      params: z.object({ mail: z.string() }),
    },
    ({ params }, request) => withinTenant(deps.store.db, request, (tx) => retryMail(deps.jobs, tx, params.mail)),
  );
  return api;
}
