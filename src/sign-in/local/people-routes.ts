/** What administrators do for people who sign in here: links that set passwords, lost second factors, break-glass people. */
import type { Request } from 'express';
import { z } from 'zod';
import { actorOf } from '../../access/acting.ts';
import { rolesAt } from '../../access/decide.ts';
import { subjectOf } from '../../access/membership.ts';
import type { Models } from '../../access/model-file.ts';
import { organizationModel } from '../../access/organization-model.ts';
import { findPerson, type Person } from '../../access/people.ts';
import { mayManage } from '../../access/rank.ts';
import { record } from '../../audit/record.ts';
import { Fault } from '../../errors.ts';
import { callerOf, withinTenant } from '../../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../../http/endpoint.ts';
import type { Store } from '../../store/database.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { keepBreakGlass } from '../policy.ts';
import { listBreakGlass, nameBreakGlass, withdrawBreakGlass } from './break-glass.ts';
import { removeAllFactors } from './factors.ts';
import { makePasswordLink } from './password.ts';

export interface LocalRouteDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly models: Models;
  readonly settings: { readonly http: { readonly baseUrl: string } };
}

const namedPerson = z.object({ id: z.uuid(), email: z.string(), password: z.boolean(), secondFactor: z.boolean() });
const personPath = z.object({ user: z.string().max(254) });

/** Routes below `/api/v1/organizations/:organization`. */
export function localSignInRoutes(deps: LocalRouteDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  const { baseUrl } = deps.settings.http;

  endpoint(
    api,
    {
      method: 'post',
      path: '/people/:user/password-links',
      summary: 'Make the link with which a person sets their password, once; it is shown this once',
      area: 'people',
      params: personPath,
      answer: z.object({ url: z.url(), expiresAt: z.date() }),
      status: 201,
    },
    ({ params }, request) =>
      overPerson(deps, request, params.user, 'password.link_made', async (tx, person) => {
        const { token, expiresAt } = await makePasswordLink(tx, person.id);
        return { url: `${baseUrl}/sign-in/set-password/${token}`, expiresAt };
      }),
  );

  endpoint(
    api,
    {
      method: 'delete',
      path: '/people/:user/second-factors',
      summary: 'Remove every second factor of a person who has lost theirs',
      area: 'people',
      params: personPath,
    },
    ({ params }, request) =>
      overPerson(deps, request, params.user, 'second_factor.reset', async (tx, person) => {
        await removeAllFactors(tx, person.id);
        await keepBreakGlass(tx);
      }),
  );
  declareBreakGlass(api, deps);
  return api;
}

function declareBreakGlass(api: ApiRouter, deps: LocalRouteDependencies): void {
  const path = '/break-glass/:user';
  const area = 'organization';
  const params = personPath;

  endpoint(
    api,
    {
      method: 'get',
      path: '/break-glass',
      summary: 'Who gets in by password and second factor although SSO is enforced, and what they still lack',
      area,
      answer: z.object({ people: z.array(namedPerson) }),
    },
    (_, request) =>
      withinTenant(deps.store.db, request, async (tx) => ({ people: await listBreakGlass(tx) }), 'reader'),
  );
  endpoint(api, { method: 'put', path, summary: 'Name a break-glass person', area, params }, (input, request) =>
    overPerson(deps, request, input.params.user, 'break_glass.named', (tx, person) =>
      nameBreakGlass(tx, deps.models, person.id),
    ),
  );
  endpoint(api, { method: 'delete', path, summary: 'Name them no longer', area, params }, (input, request) =>
    overPerson(deps, request, input.params.user, 'break_glass.withdrawn', (tx, person) =>
      withdrawBreakGlass(tx, person.id),
    ),
  );
}

/**
 * Does what gives power over a person's account: only to whoever may manage every role of that person, or they would gain these. A
 * refusal is audited.
 * @throws Fault `forbidden`, `not-found`
 */
async function overPerson<T>(
  deps: LocalRouteDependencies,
  request: Request,
  idOrEmail: string,
  action: string,
  work: (tx: TenantTransaction, person: Person) => Promise<T>,
): Promise<T> {
  const { db } = deps.store;
  try {
    return await withinTenant(db, request, async (tx) => {
      const person = await findPerson(tx, idOrEmail);
      await requireAbove(deps, tx, actorOf(callerOf(request)), person.id);
      return work(tx, person);
    });
  } catch (error) {
    if (error instanceof Fault && error.code === 'forbidden') {
      const resource = { type: 'user', id: idOrEmail };
      await withinTenant(db, request, (tx) =>
        record(tx, { action, resource, outcome: 'denied', reason: error.message }),
      );
    }
    throw error;
  }
}

async function requireAbove(
  deps: LocalRouteDependencies,
  tx: TenantTransaction,
  actor: string | null,
  userId: string,
): Promise<void> {
  if (actor === null || actor === userId) return;
  const model = await organizationModel(deps.models, tx);
  const [subject, own] = [await subjectOf(tx, userId), await subjectOf(tx, actor)];
  const now = new Date();
  for (const held of subject.memberships) {
    const product =
      held.scopeKind === 'product' ? { id: held.scopeId, subscription: { status: 'active', endsAt: null } } : null;
    const place = { organizationId: tx.organizationId, workspaceId: held.workspaceId, product };
    const ruling = mayManage(model, rolesAt(model, own, place, now), held);
    if (!ruling.allowed) throw new Fault('forbidden', `This person's account is not yours to manage: ${ruling.reason}`);
  }
}
