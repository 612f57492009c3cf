import { z } from 'zod';
import { type Caller, callerOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { Store } from '../store/database.ts';
import {
  changeInput,
  changeMembership,
  grantInput,
  grantMembership,
  listMemberships,
  revokeMembership,
  transferInput,
  transferOwnership,
} from './granting.ts';
import type { Models } from './model-file.ts';
import { organizationModel } from './organization-model.ts';
import { findPerson, listPeople, peopleQuery } from './people.ts';

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
      params: z.object({ user: z.string() }),
    },
    ({ params }, request) =>
      withinTenant(
        deps.store.db,
        request,
        async (tx) => {
          const person = await findPerson(tx, params.user);
          return { ...person, memberships: await listMemberships(tx, { userId: person.id }) };
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
      summary: 'Memberships of a person or of a scope, by their ids',
      area,
      query: z.object({ user: z.uuid().optional(), scope: z.uuid().optional() }),
    },
    ({ query }, request) =>
      withinTenant(
        deps.store.db,
        request,
        async (tx) => ({ memberships: await listMemberships(tx, { userId: query.user, scopeId: query.scope }) }),
        'reader',
      ),
  );

  endpoint(
    api,
    { method: 'post', path: '/memberships', summary: 'Give a role by hand', area, body: grantInput, status: 201 },
    ({ body }, request) =>
      withinTenant(deps.store.db, request, async (tx) => ({
        id: await grantMembership(tx, await organizationModel(models, tx), actorOf(callerOf(request)), body),
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
      withinTenant(deps.store.db, request, async (tx) =>
        changeMembership(tx, await organizationModel(models, tx), actorOf(callerOf(request)), membership, body),
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
      withinTenant(deps.store.db, request, async (tx) =>
        revokeMembership(tx, await organizationModel(models, tx), actorOf(callerOf(request)), membership, query.reason),
      ),
  );

  endpoint(
    api,
    { method: 'post', path: '/ownership-transfers', summary: 'Hand a role over', body: transferInput, status: 204 },
    ({ body }, request) => {
      const caller = callerOf(request);
      // Whoever holds the role may hand it over, whatever else they administer; the rules ask whether they do.
      const actor = caller.actor.kind === 'operator' ? null : (caller.userId ?? '');
      return withinTenant(deps.store.db, request, async (tx) =>
        transferOwnership(tx, await organizationModel(models, tx), actor, body),
      );
    },
  );
}

/** The person whose rank counts; null where none does: the operator, and machines that administer people. */
function actorOf(caller: Caller): string | null {
  return caller.userId;
}
