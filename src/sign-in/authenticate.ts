/** A signed-in person as a caller of the administration API: in their own organization, as far as their roles reach. */
import type { Request } from 'express';
import { mayAdminister } from '../access/administration.ts';
import { subjectOf } from '../access/membership.ts';
import type { Models } from '../access/model-file.ts';
import { organizationModel } from '../access/organization-model.ts';
import { findSession, type LiveSession } from '../credentials/session.ts';
import type { Authenticate, Caller } from '../http/caller.ts';
import type { Store } from '../store/database.ts';
import { type Actor, inTenant, type Origin } from '../store/tenant.ts';
import { requireSameOrigin } from './same-origin.ts';
import { sessionTokenOf } from './session-cookie.ts';

export interface SessionDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly settings: { readonly http: { readonly baseUrl: string } };
  readonly models: Models;
}

const SESSIONS: Origin = { actor: { kind: 'system', id: 'sessions', label: 'sessions' } };

/**
 * Recognises a caller by the session cookie.
 * @throws Fault `forbidden` where another site's page makes the browser change something
 */
export function authenticateSession(deps: SessionDependencies): Authenticate {
  return async (request) => {
    const session = await liveSessionOf(deps, request);
    return session === undefined ? undefined : personAsCaller(deps, session);
  };
}

/** The live session that a request's cookie names. @throws Fault `forbidden` as `authenticateSession` does */
export async function liveSessionOf(
  deps: Pick<SessionDependencies, 'store' | 'settings'>,
  request: Request,
): Promise<LiveSession | undefined> {
  const { baseUrl } = deps.settings.http;
  const token = sessionTokenOf(request, baseUrl);
  if (token === undefined) return undefined;
  const session = await findSession(deps.store.db, token);
  if (session !== undefined) requireSameOrigin(request, baseUrl);
  return session;
}

/** The person of a session, as the audit names them. */
export function actorOf({ userId, email }: Pick<LiveSession, 'userId' | 'email'>): Actor {
  return { kind: 'user', id: userId, label: email };
}

/** A signed-in person as a caller: in their own organization, and in the areas that their roles administer. */
export function personAsCaller(
  deps: SessionDependencies,
  person: Pick<LiveSession, 'organizationId' | 'userId' | 'email'>,
): Promise<Caller> {
  const { organizationId, userId } = person;
  return inTenant(
    deps.store.db,
    organizationId,
    SESSIONS,
    async (tx) => {
      const model = await organizationModel(deps.models, tx);
      const subject = await subjectOf(tx, userId);
      const workspaces = await tx.db.selectFrom('workspaces').select('id').execute();
      const organization = { id: organizationId, workspaceIds: workspaces.map(({ id }) => id) };
      const now = new Date();
      return {
        actor: actorOf(person),
        organizationId,
        userId,
        mayAdminister: (area) => mayAdminister(model, subject, area, organization, now).decision,
        hasScope: () => false,
      };
    },
    'reader',
  );
}
