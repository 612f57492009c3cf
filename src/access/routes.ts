import { z } from 'zod';
import type { Attempt } from '../audit/attempt.ts';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { Store } from '../store/database.ts';
import { withRank } from './acting.ts';
import { changeInput, changeMembership, grantInput, grantMembership, revokeMembership } from './granting.ts';
import { membershipQuery, pageOfMemberships, shownMembership } from './membership.ts';
import type { Models } from './model-file.ts';
import { organizationModel } from './organization-model.ts';
import { transferInput, transferOwnership } from './ownership.ts';

export interface AccessDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly models: Models;
}

const area = 'people';

/** Routes below `/api/v1/organizations/:organization`. */
export function accessRoutes(deps: AccessDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  declareMemberships(api, deps);
  return api;
}

function declareMemberships(api: ApiRouter, deps: AccessDependencies): void {
  const { models } = deps;
  const params = z.object({ membership: z.string() });

  endpoint(
    api,
    {
      method: 'get',
      path: '/memberships',
      summary: 'Memberships, of a person or of a scope by their ids, a page at a time',
      area,
      query: membershipQuery,
      answer: z.object({ memberships: z.array(shownMembership), next: z.uuid().nullable() }),
    },
    ({ query }, request) => withinTenant(deps.store.db, request, (tx) => pageOfMemberships(tx, query), 'reader'),
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/memberships',
      summary: 'Give a role by hand',
      area,
      body: grantInput,
      answer: z.object({ id: z.uuid() }),
      status: 201,
    },
    ({ body }, request) =>
      withRank(deps.store.db, request, attemptOf('user', body.user, body), async (tx, actor) => ({
        id: await grantMembership(tx, await organizationModel(models, tx), actor, body),
      })),
  );

  endpoint(
    api,
    {
      method: 'patch',
      path: '/memberships/:membership',
      summary: 'Change a role that was given by hand',
      area,
      params,
      body: changeInput,
    },
    ({ params: { membership }, body }, request) =>
      withRank(deps.store.db, request, attemptOf('membership', membership, body), async (tx, actor) =>
        changeMembership(tx, await organizationModel(models, tx), actor, membership, body),
      ),
  );

  endpoint(
    api,
    {
      method: 'delete',
      path: '/memberships/:membership',
      summary: 'Take a role away',
      area,
      params,
      query: z.object({ reason: z.string().max(500).default('') }),
    },
    ({ params: { membership }, query }, request) =>
      withRank(deps.store.db, request, attemptOf('membership', membership), async (tx, actor) =>
        revokeMembership(tx, await organizationModel(models, tx), actor, membership, query.reason),
      ),
  );

  endpoint(
    api,
    // No area: whoever holds a role may hand it over, whatever else they administer; the rules ask whether they do.
    { method: 'post', path: '/ownership-transfers', summary: 'Hand a role over', body: transferInput, status: 204 },
    ({ body }, request) =>
      withRank(deps.store.db, request, attemptOf('user', body.to, body), async (tx, actor) =>
        transferOwnership(tx, await organizationModel(models, tx), actor, body),
      ),
  );
}

/** What is told of an attempt that is refused: of whom or of what, as the caller named it, and the role that was wanted. */
function attemptOf(
  type: string,
  id: string,
  wanted: { readonly role?: string | undefined; readonly scope?: unknown } = {},
): Attempt {
  const { role, scope } = wanted;
  return { action: 'membership.refused', resource: { type, id }, detail: { role, scope } };
}
