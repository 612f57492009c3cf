/** `POST /.search` at the root: users and groups in one answer (RFC 7644, 3.4.3), users first. */
import type { Router } from 'express';
import { listResponse } from './discovery.ts';
import { listed } from './endpoint.ts';
import { groups } from './group-endpoint.ts';
import { MAX_PAGE } from './limits.ts';
import { type Search, searchOfAll } from './list-query.ts';
import { baseOf, reading, type ScimDependencies } from './request.ts';
import { users } from './user-endpoint.ts';

/** Declares the search over all types of resources. */
export function searchRoutes(router: Router, deps: ScimDependencies): void {
  router.post('/:directory/.search', async (request, response) => {
    const { ofUsers, ofGroups, startIndex, count } = searchOfAll(request.body);
    const answer = await reading(deps, request, async (tx, { directoryId }) => {
      const base = baseOf(deps, request);
      const first = { from: startIndex, most: Math.min(count, MAX_PAGE) };
      const people = await listed(users, tx, base, directoryId, paged(ofUsers, first));
      const next = {
        from: Math.max(1, first.from - people.total),
        most: first.most - people.resources.length,
      };
      const teams = await listed(groups, tx, base, directoryId, paged(ofGroups, next));
      return listResponse([...people.resources, ...teams.resources], {
        total: people.total + teams.total,
        startIndex,
      });
    });
    response.json(answer);
  });
}

function paged({ query, projection }: Search, { from, most }: { from: number; most: number }): Search {
  return { query: { ...query, startIndex: String(from), count: String(most) }, projection };
}
