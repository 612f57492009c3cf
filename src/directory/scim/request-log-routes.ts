/** The log of a directory's requests in the administration API. */
import { z } from 'zod';
import { withinTenant } from '../../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../../http/endpoint.ts';
import type { Store } from '../../store/database.ts';
import { findDirectory } from '../directory.ts';
import { listRequests } from './request-log.ts';

const outcome = z.enum(['read', 'changed', 'unchanged', 'refused', 'failed']);
const shownRequest = z.object({
  id: z.string(),
  at: z.date(),
  requestId: z.string(),
  address: z.string().nullable(),
  token: z.string().nullable(),
  method: z.string(),
  path: z.string(),
  status: z.number(),
  tookMs: z.number(),
  outcome,
  changed: z.array(z.string()),
  ignored: z.array(z.string()),
  because: z.string().nullable(),
  request: z.string().nullable(),
  answer: z.string().nullable(),
});

/** Routes below `/api/v1/organizations/:organization`. */
export function requestLogRoutes({ store: { db } }: { readonly store: Pick<Store, 'db'> }): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  endpoint(
    api,
    {
      method: 'get',
      path: '/directories/:directory/requests',
      summary:
        'What a source has asked of this directory within seven days, newest first: request, answer, what it changed',
      area: 'directories',
      params: z.object({ directory: z.string() }),
      query: z.object({
        before: z.uuid().optional(),
        outcome: outcome.optional(),
        limit: z.coerce.number().int().min(1).max(500).optional(),
      }),
      answer: z.object({ requests: z.array(shownRequest) }),
    },
    async ({ params, query }, request) =>
      withinTenant(
        db,
        request,
        async (tx) => {
          const directory = await findDirectory(tx, params.directory);
          return { requests: await listRequests(tx, directory.id, query) };
        },
        'reader',
      ),
  );
  return api;
}
