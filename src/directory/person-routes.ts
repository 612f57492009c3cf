/** One person as the directories see them, in the administration API: why they have what they have, what was done, and anew now. */
import { z } from 'zod';
import { findPerson, personInput } from '../access/people.ts';
import { placeOf, type ScopeInput } from '../access/scope.ts';
import { tenantOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import { explain } from './explain.ts';
import { provisioningLog } from './provisioning-log.ts';
import type { Change } from './reconcile/changes.ts';
import { reconcilePeople } from './reconcile/people.ts';
import type { RunDependencies } from './reconcile/run.ts';
import { syncPerson } from './reconcile/sync-person.ts';

const personPath = z.object({ user: personInput });

/** Routes below `/api/v1/organizations/:organization`. */
export function personRoutes(deps: RunDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  const { db } = deps.store;

  endpoint(
    api,
    {
      method: 'get',
      path: '/people/:user/explanation',
      summary: 'Why a person has what they have at a scope: `organization`, a workspace, or workspace/product',
      area: 'people',
      params: personPath,
      query: z.object({ scope: z.string().min(1).max(200).default('organization') }),
    },
    async ({ params, query }, request) =>
      withinTenant(
        db,
        request,
        async (tx) => {
          const person = await findPerson(tx, params.user);
          return { scope: query.scope, ...(await explain(tx, person.id, await placeOf(tx, scopeNamed(query.scope)))) };
        },
        'reader',
      ),
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/people/:user/provisioning-log',
      summary: 'What runs have done with a person, newest first',
      area: 'people',
      params: personPath,
      query: z.object({ limit: z.coerce.number().int().min(1).max(1000).default(100) }),
    },
    async ({ params, query }, request) =>
      withinTenant(
        db,
        request,
        async (tx) => {
          const person = await findPerson(tx, params.user);
          return { log: await provisioningLog(tx, person.id, query.limit) };
        },
        'reader',
      ),
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/people/:user/reconcile',
      summary: 'Settle one person anew from what the directories last said of them',
      area: 'directories',
      params: personPath,
    },
    async ({ params }, request) =>
      withinTenant(db, request, async (tx) => {
        const person = await findPerson(tx, params.user);
        const records = await tx.db
          .selectFrom('directory_users')
          .select('id')
          .where('user_id', '=', person.id)
          .execute();
        const directoryUserIds = records.map(({ id }) => id);
        const changes = await reconcilePeople(deps, tx, { userIds: [person.id], directoryUserIds }, 'request');
        return { changes: changes.map(shownChange) };
      }),
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/people/:user/sync',
      summary: 'Ask the sources for one person now, and settle them; their groups stay as they were last read',
      area: 'directories',
      params: personPath,
    },
    async ({ params }, request) => {
      const { directories, changes } = await syncPerson(deps, tenantOf(request), params.user);
      return { directories, changes: changes.map(shownChange) };
    },
  );
  return api;
}

function shownChange({ kind, role, old_role: oldRole, reason }: Change) {
  return { kind, role, oldRole, reason };
}

function scopeNamed(text: string): ScopeInput {
  if (text === 'organization') return 'organization';
  return text.includes('/') ? { product: text } : { workspace: text };
}
