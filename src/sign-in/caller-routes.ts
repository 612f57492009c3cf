/** `GET /api/v1/me`: as whom a credential calls the administration API, and what it may administer. */
import { z } from 'zod';
import { ADMIN_AREAS, callerOf } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import { originOf } from '../http/request-context.ts';
import type { Store } from '../store/database.ts';
import { inTenant } from '../store/tenant.ts';

const answer = z.object({
  actor: z.object({ kind: z.string(), id: z.string(), label: z.string() }),
  /** Null for the operator, who may act in any. */
  organization: z.object({ id: z.string(), slug: z.string(), name: z.string(), model: z.string() }).nullable(),
  /** The person's id, where it is one. */
  user: z.string().nullable(),
  areas: z.array(z.enum(ADMIN_AREAS)),
});

/** Routes below `/api/v1`. */
export function callerRoutes({ store }: { readonly store: Pick<Store, 'db'> }): ApiRouter {
  const api = apiRouter('/api/v1');
  endpoint(
    api,
    { method: 'get', path: '/me', summary: 'Who calls, in which organization, and what they may administer', answer },
    async (_input, request) => {
      const caller = callerOf(request);
      const { kind, id, label } = caller.actor;
      const organization =
        caller.organizationId === null
          ? null
          : await inTenant(store.db, caller.organizationId, originOf(request, caller.actor), (tx) =>
              tx.db.selectFrom('organizations').select(['id', 'slug', 'name', 'model']).executeTakeFirstOrThrow(),
            );
      return {
        actor: { kind, id, label },
        organization,
        user: caller.userId,
        areas: ADMIN_AREAS.filter((area) => caller.mayAdminister(area)),
      };
    },
  );
  return api;
}
