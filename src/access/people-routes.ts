/** People in the administration API: the list, one person's page, what happened to them. */
import { z } from 'zod';
import { eventPage, pageInput, searchPage } from '../audit/search.ts';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import { organizationModel } from './organization-model.ts';
import { findPerson, personInput } from './people.ts';
import { listPeople, peoplePage, peopleQuery } from './people-list.ts';
import { pageOf, personPage } from './person-page.ts';
import type { AccessDependencies } from './routes.ts';
import { organizationWarnings, warningsOf } from './warning-facts.ts';

const params = z.object({ user: personInput });

/** Routes below `/api/v1/organizations/:organization`. */
export function peopleRoutes({ store, models }: AccessDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  const area = 'people';

  endpoint(
    api,
    {
      method: 'get',
      path: '/people',
      summary: 'People with their roles and teams: found, filtered, sorted, a page at a time',
      area,
      query: peopleQuery,
      answer: peoplePage,
    },
    ({ query }, request) => withinTenant(store.db, request, (tx) => listPeople(tx, query), 'reader'),
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/people/:user',
      summary: 'One person: identities, facts, memberships with source, rule and reason, keys, tokens, sessions',
      area,
      params,
      answer: personPage,
    },
    ({ params: { user } }, request) =>
      withinTenant(store.db, request, async (tx) => pageOf(tx, await findPerson(tx, user)), 'reader'),
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/people/:user/timeline',
      summary: 'What a person did, and what happened to them and theirs, newest first',
      area: 'audit',
      params,
      query: pageInput,
      answer: eventPage,
    },
    ({ params: { user }, query }, request) =>
      withinTenant(
        store.db,
        request,
        async (tx) => searchPage(tx, { user: (await findPerson(tx, user)).id }, query),
        'reader',
      ),
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/warnings',
      summary:
        'What is unwise: many owners, idle people, old or shared keys, an administrative default role, a review that is due',
      area,
      answer: organizationWarnings,
    },
    (_, request) =>
      withinTenant(
        store.db,
        request,
        async (tx) => warningsOf(tx, await organizationModel(models, tx), new Date()),
        'reader',
      ),
  );
  return api;
}
