import { z } from 'zod';
import type { Attempt } from '../audit/attempt.ts';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { Store } from '../store/database.ts';
import { withRank } from './acting.ts';
import { changeInput, changeMembership, grantInput, grantMembership, revokeMembership } from './granting.ts';
import { membershipQuery, membershipsOf, pageOfMemberships } from './membership.ts';
import type { Models } from './model-file.ts';
import { organizationModel } from './organization-model.ts';
import { transferInput, transferOwnership } from './ownership.ts';
import { findPerson, listPeople, peopleQuery, personInput } from './people.ts';

export interface AccessDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly models: Models;
}

const area = 'people';

/** Routes below `/api/v1/organizations/:organization`. */
export function accessRoutes(deps: AccessDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  declarePeople(api, deps);
  declareMemberships(api, deps);
  return api;
}

function declarePeople(api: ApiRouter, deps: AccessDependencies): void {
  endpoint(
    api,
    { method: 'get', path: '/people', summary: 'People, a page at a time', area, query: peopleQuery },
    ({ query }, request) => withinTenant(deps.store.db, request, (tx) => listPeople(tx, query), 'reader'),
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/people/:user',
      summary: 'One person with every membership, its source, rule and reason',
      area,
      params: z.object({ user: personInput }),
    },
    ({ params }, request) =>
      withinTenant(
        deps.store.db,
        request,
        async (tx) => {
          const person = await findPerson(tx, params.user);
          return { ...person, memberships: await membershipsOf(tx, person.id) };
        },
        'reader',
      ),
  );
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
    },
    ({ query }, request) => withinTenant(deps.store.db, request, (tx) => pageOfMemberships(tx, query), 'reader'),
  );

  endpoint(
    api,
    { method: 'post', path: '/memberships', summary: 'Give a role by hand', area, body: grantInput, status: 201 },
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
