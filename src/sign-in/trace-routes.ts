/** Traces of sign-ins in the administration API. */
import { z } from 'zod';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { Store } from '../store/database.ts';
import { findTrace, listTraces } from './trace.ts';

const step = z.object({
  check: z.string(),
  passed: z.boolean(),
  sentence: z.string().optional(),
  remedy: z.string().optional(),
  wanted: z.string().optional(),
  got: z.string().optional(),
  /** Who can mend it. */
  mender: z.enum(['identity provider', 'organization', 'platform', 'person']).optional(),
});

const shownTrace = z.object({
  id: z.string(),
  connection: z.string(),
  at: z.date(),
  requestId: z.string(),
  outcome: z.enum(['signed_in', 'tested', 'refused', 'failed']),
  refusedBy: z.string().nullable(),
  sentence: z.string(),
  userId: z.string().nullable(),
  /** What the identity provider said of the person, once that was verified. */
  said: z.unknown(),
  /** The roles held after it. */
  roles: z.unknown(),
  steps: z.array(step),
});

/** Routes below `/api/v1/organizations/:organization`. */
export function traceRoutes({ store }: { readonly store: Pick<Store, 'db'> }): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  const area = 'connections';

  endpoint(
    api,
    {
      method: 'get',
      path: '/sign-in-traces',
      summary: 'Sign-in attempts of the last seven days, check by check, latest first',
      area,
      query: z.object({
        /** Slug. */
        connection: z.string().optional(),
        outcome: z.enum(['signed_in', 'tested', 'refused', 'failed']).optional(),
        limit: z.coerce.number().int().min(1).max(200).default(50),
      }),
      answer: z.object({ traces: z.array(shownTrace) }),
    },
    ({ query }, request) =>
      withinTenant(store.db, request, async (tx) => ({ traces: await listTraces(tx, query) }), 'reader'),
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/sign-in-traces/:trace',
      summary: 'One attempt, by the id that its error page showed',
      area,
      params: z.object({ trace: z.string().max(64) }),
      answer: shownTrace,
    },
    ({ params }, request) => withinTenant(store.db, request, (tx) => findTrace(tx, params.trace), 'reader'),
  );
  return api;
}
