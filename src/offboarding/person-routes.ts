/** What becomes of one person: let go, and all that is short of it or comes after it. */
import { z } from 'zod';
import { callerOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, endpoint } from '../http/endpoint.ts';
import { offboardUser } from './offboard.ts';
import type { OffboardingRouteDependencies } from './route-dependencies.ts';

/** Adds them to a router. */
export function declareLeaving(api: ApiRouter, deps: OffboardingRouteDependencies): void {
  endpoint(
    api,
    {
      method: 'post',
      path: '/people/:user/offboard',
      summary: 'Let a person go, now: everything they hold here ends in one transaction',
      area: 'people',
      params: z.object({ user: z.string() }),
      body: z.strictObject({ reason: z.string().trim().min(1).max(500) }),
      status: 201,
    },
    async ({ params, body }, request) => {
      const by = callerOf(request).userId;
      return withinTenant(deps.store.db, request, (tx) =>
        offboardUser(deps, tx, { user: params.user, reason: body.reason, by }),
      );
    },
  );
}
