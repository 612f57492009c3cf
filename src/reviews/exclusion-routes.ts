/** Exclusions in the administration API. */
import { z } from 'zod';
import { withRank } from '../access/acting.ts';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import { exclusionQuery, liftExclusion, listExclusions, shownExclusion } from './exclusion.ts';
import type { ReviewDependencies } from './remind.ts';

/** Routes below `/api/v1/organizations/:organization`. */
export function exclusionRoutes(deps: ReviewDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  const area = 'people';

  endpoint(
    api,
    {
      method: 'get',
      path: '/membership-exclusions',
      summary: 'What no mapping rule gives to whom any more, since a review took it away',
      area,
      query: exclusionQuery,
      answer: z.object({ exclusions: z.array(shownExclusion) }),
    },
    ({ query }, request) =>
      withinTenant(deps.store.db, request, async (tx) => ({ exclusions: await listExclusions(tx, query) }), 'reader'),
  );

  endpoint(
    api,
    {
      method: 'delete',
      path: '/membership-exclusions/:exclusion',
      summary: 'Lift an exclusion: rules give this person the role again',
      area,
      params: z.object({ exclusion: z.string().max(100) }),
    },
    ({ params: { exclusion } }, request) => {
      const attempt = { action: 'membership.refused', resource: { type: 'membership_exclusion', id: exclusion } };
      return withRank(deps.store.db, request, attempt, (tx, actor) => liftExclusion(deps, tx, actor, exclusion));
    },
  );
  return api;
}
