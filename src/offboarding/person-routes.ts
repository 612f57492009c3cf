/** What becomes of one person: let go, and all that is short of it or comes after it. */
import { z } from 'zod';
import { actorOf } from '../access/acting.ts';
import { personInput } from '../access/people.ts';
import { attempting } from '../audit/attempt.ts';
import { callerOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, endpoint } from '../http/endpoint.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { rehireAnswer } from './case-answer.ts';
import { eraseUser } from './erase.ts';
import { offboardUser } from './offboard.ts';
import { previewRehire, rehireUser } from './rehire.ts';
import type { OffboardingRouteDependencies } from './route-dependencies.ts';
import { reactivateUser, suspendUser } from './suspend.ts';

/** Adds them to a router. */
export function declareLeaving(api: ApiRouter, deps: OffboardingRouteDependencies): void {
  declareOrder(
    api,
    deps,
    'offboard',
    'Let a person go, now: everything they hold here ends in one transaction',
    offboardUser,
    201,
  );
  declareOrder(
    api,
    deps,
    'suspend',
    'Suspend a person: signed out, kept out, and able to come back with all they have',
    suspendUser,
  );
  declareOrder(api, deps, 'reactivate', 'Let a suspended person in again', reactivateUser);
  declareRehire(api, deps);
  declareErasure(api, deps);
}

const params = z.object({ user: personInput });
const body = z.strictObject({ reason: z.string().trim().min(1).max(500) });

type Order = { readonly user: string; readonly reason: string; readonly by: string | null };

/** What an administrator orders of one person, and why. Who tries it above their own rank is written down. */
function declareOrder(
  api: ApiRouter,
  deps: OffboardingRouteDependencies,
  verb: 'offboard' | 'suspend' | 'reactivate',
  summary: string,
  carryOut: (deps: OffboardingRouteDependencies, tx: TenantTransaction, order: Order) => Promise<unknown>,
  status?: number,
): void {
  const spec = { method: 'post', path: `/people/:user/${verb}`, summary, area: 'people', params, body } as const;
  endpoint(api, status === undefined ? spec : { ...spec, status }, async (input, request) => {
    const { user } = input.params;
    const attempt = { action: `user.${verb}_refused`, resource: { type: 'user', id: user } };
    const order = { user, reason: input.body.reason, by: callerOf(request).userId };
    return attempting(deps.store.db, request, attempt, (tx) => carryOut(deps, tx, order));
  });
}

function declareRehire(api: ApiRouter, deps: OffboardingRouteDependencies): void {
  const path = '/people/:user/rehire';
  endpoint(
    api,
    {
      method: 'get',
      path,
      summary: 'What a rehire would give back, what not and why',
      area: 'people',
      params,
      answer: rehireAnswer,
    },
    async ({ params: { user } }, request) => {
      const by = actorOf(callerOf(request));
      return withinTenant(deps.store.db, request, (tx) => previewRehire(deps, tx, user, by), 'reader');
    },
  );

  endpoint(
    api,
    {
      method: 'post',
      path,
      summary: 'Take a leaver back, with what the grace period gives back',
      area: 'people',
      params,
      body,
    },
    async (input, request) => {
      const { user } = input.params;
      const by = actorOf(callerOf(request));
      return withinTenant(deps.store.db, request, (tx) =>
        rehireUser(deps, tx, { user, reason: input.body.reason, by }),
      );
    },
  );
}

function declareErasure(api: ApiRouter, deps: OffboardingRouteDependencies): void {
  endpoint(
    api,
    {
      method: 'delete',
      path: '/people/:user/personal-data',
      summary:
        "Erase a leaver's personal data, everywhere and for good; what happened stays told of a person without a name",
      area: 'people',
      params,
      query: body,
      status: 200,
    },
    async ({ params: { user }, query: { reason } }, request) => {
      const attempt = { action: 'user.erase_refused', resource: { type: 'user', id: user } };
      const by = callerOf(request).userId;
      return attempting(deps.store.db, request, attempt, (tx) => eraseUser(deps, tx, { user, reason, by }));
    },
  );
}
