/** Roles in the administration API: the model's, which are fixed, and an organization's own. */
import { z } from 'zod';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { Store } from '../store/database.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { withRank } from './acting.ts';
import type { Models } from './model-file.ts';
import { organizationModel } from './organization-model.ts';
import { changeRole, deleteRole, makeRole, roleChange, roleInput } from './organization-roles.ts';
import { previewable, previewQuery } from './preview.ts';
import { roleEffect } from './role-effect.ts';
import { listRoles, matrixOf, roleMatrix, shownRole } from './role-view.ts';

export interface RoleDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly models: Models;
  /** Derives everybody's memberships anew: a role that has changed may rank otherwise among those that rules give. */
  readonly onRulesChanged: (tx: TenantTransaction) => Promise<unknown>;
}

const params = z.object({ role: z.string().max(100) });
const attempt = (role: string) => ({ action: 'role.refused', resource: { type: 'role', id: role } });

/** Routes below `/api/v1/organizations/:organization`. Who may make roles, the model says (`customRoles.permission`). */
export function roleRoutes(deps: RoleDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  declareReading(api, deps);

  endpoint(
    api,
    {
      method: 'post',
      path: '/roles',
      summary: "Make a role of one's own, from scratch or like another",
      body: roleInput,
      answer: z.object({ role: z.string(), label: z.string(), permissions: z.array(z.string()) }),
      status: 201,
    },
    ({ body }, request) =>
      withRank(deps.store.db, request, attempt(body.role), (tx, actor) => makeRole(deps.models, tx, actor, body)),
  );

  endpoint(
    api,
    {
      method: 'patch',
      path: '/roles/:role',
      summary: "Change a role of one's own; the answer says who loses and gains what",
      params,
      query: previewQuery,
      body: roleChange,
      answer: roleEffect,
    },
    ({ params: { role }, query, body }, request) =>
      previewable(query, (end) =>
        withRank(deps.store.db, request, attempt(role), async (tx, actor) => {
          const effect = await changeRole(deps.models, tx, actor, role, body);
          if (body.permissions !== undefined) await deps.onRulesChanged(tx);
          return end(effect);
        }),
      ),
  );

  endpoint(
    api,
    {
      method: 'delete',
      path: '/roles/:role',
      summary: "Delete a role of one's own, and take it from its holders; the answer says who loses what",
      params,
      query: previewQuery,
      answer: roleEffect,
    },
    ({ params: { role }, query }, request) =>
      previewable(query, (end) =>
        withRank(deps.store.db, request, attempt(role), async (tx, actor) =>
          end(await deleteRole(deps.models, tx, actor, role)),
        ),
      ),
  );
  return api;
}

function declareReading(api: ApiRouter, { store, models }: RoleDependencies): void {
  const area = 'people';
  endpoint(
    api,
    {
      method: 'get',
      path: '/roles',
      summary: 'Every role with its permissions and how many hold it',
      area,
      answer: z.object({ roles: z.array(shownRole) }),
    },
    (_, request) =>
      withinTenant(
        store.db,
        request,
        async (tx) => ({ roles: await listRoles(tx, await organizationModel(models, tx)) }),
        'reader',
      ),
  );

  endpoint(
    api,
    { method: 'get', path: '/roles/matrix', summary: 'Which role holds which permission', area, answer: roleMatrix },
    (_, request) =>
      withinTenant(store.db, request, async (tx) => matrixOf(await organizationModel(models, tx)), 'reader'),
  );
}
