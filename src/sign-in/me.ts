/** `/me`: who am I here, with which roles; and `/sign-out`. */
import { type Request, type Response, Router } from 'express';
import { sql } from 'kysely';
import { endSession, type LiveSession } from '../credentials/session.ts';
import { Fault } from '../errors.ts';
import { originOf } from '../http/request-context.ts';
import { inTenant } from '../store/tenant.ts';
import { actorOf, liveSessionOf } from './authenticate.ts';
import type { SignInDependencies } from './door.ts';
import { wakeLogoutWorker } from './oauth/backchannel-logout.ts';
import { html, sendPage, wantsPage } from './page.ts';
import { requireSameOrigin } from './same-origin.ts';
import { clearSessionCookie } from './session-cookie.ts';
import { onwardAfterSignOut } from './sign-out.ts';

interface Me {
  readonly user: { readonly id: string; readonly email: string; readonly name: string };
  readonly organization: { readonly id: string; readonly slug: string; readonly name: string };
  readonly memberships: readonly {
    readonly scope: string;
    readonly name: string;
    readonly role: string;
    readonly source: string;
  }[];
}

const SOURCES: Readonly<Record<string, string>> = {
  manual: 'an administrator',
  invitation: 'invitation',
  jit: 'first sign-in',
  mapping: 'your groups',
  ownership: 'ownership',
};

/** `GET /me` and `POST /sign-out`. */
export function meRoutes(deps: SignInDependencies): Router {
  const router = Router();
  const { baseUrl } = deps.settings.http;

  router.get('/me', async (request, response) => {
    const session = await liveSessionOf(deps, request);
    response.set('Cache-Control', 'no-store');
    if (session === undefined) return nobody(request, response);
    const me = await describe(deps, request, session);
    if (!wantsPage(request))
      return void response.json({ ...me, session: { id: session.sessionId, expiresAt: session.expiresAt } });
    showMe(response, baseUrl, me);
  });

  router.post('/sign-out', async (request, response) => {
    requireSameOrigin(request, baseUrl);
    const session = await liveSessionOf(deps, request);
    const onward = session === undefined ? undefined : await signOut(deps, request, session);
    clearSessionCookie(response, baseUrl);
    if (wantsPage(request)) response.redirect(303, onward ?? '/sign-in');
    else if (onward === undefined) response.status(204).end();
    else response.json({ onward });
  });
  return router;
}

/** Ends the session. @returns where the browser ends the one elsewhere too */
function signOut(deps: SignInDependencies, request: Request, session: LiveSession): Promise<string | undefined> {
  const origin = originOf(request, actorOf(session));
  return inTenant(deps.store.db, session.organizationId, origin, async (tx) => {
    await endSession(tx, session.sessionId, 'signed out');
    await wakeLogoutWorker(deps.jobs, tx);
    return onwardAfterSignOut(deps, tx, session.sessionId);
  });
}

function nobody(request: Request, response: Response): void {
  if (!wantsPage(request))
    throw new Fault('unauthenticated', 'Nobody is signed in.', { remedy: 'Sign in at /sign-in.' });
  response.redirect(303, '/sign-in?returnTo=%2Fme');
}

async function describe({ store }: SignInDependencies, request: Request, session: LiveSession): Promise<Me> {
  const { organizationId, userId } = session;
  const found = await inTenant(
    store.db,
    organizationId,
    originOf(request, actorOf(session)),
    async (tx) => {
      const { rows } = await sql<Me>`
        SELECT jsonb_build_object('id', u.id, 'email', u.email, 'name', u.display_name) AS user,
          jsonb_build_object('id', o.id, 'slug', o.slug, 'name', o.name) AS organization,
          (SELECT coalesce(jsonb_agg(jsonb_build_object('scope', m.scope_kind, 'name', coalesce(p.name, w.name, o.name), 'role', m.role,
              'source', m.source) ORDER BY m.scope_kind, w.name, p.name, m.role), '[]')
            FROM memberships m LEFT JOIN workspaces w ON w.id = m.workspace_id LEFT JOIN products p ON p.id = m.product_id
            WHERE m.user_id = u.id AND coalesce(m.expires_at > now(), true)) AS memberships
        FROM users u JOIN organizations o ON o.id = u.organization_id WHERE u.id = ${userId}`.execute(tx.db);
      return rows[0];
    },
    'reader',
  );
  if (found === undefined) throw new Fault('unauthenticated', 'Nobody is signed in.');
  return found;
}

function showMe(response: Response, baseUrl: string, { user, organization, memberships }: Me): void {
  const rows = memberships.map(
    ({ scope, name, role, source }) =>
      html`<tr><td>${role}</td><td>${name} <span class="soft">${scope}</span></td><td>${SOURCES[source] ?? source}</td></tr>\n`,
  );
  const table = html`<table><thead><tr><th scope="col">Role</th><th scope="col">Where</th><th scope="col">By</th></tr></thead>
<tbody>${rows}</tbody></table>`;
  const body = html`<p>${user.email} at <strong>${organization.name}</strong></p>
${rows.length > 0 ? table : html`<p class="soft">You have no role here yet. An administrator can give you one.</p>`}
<form method="post" action="/sign-out"><button>Sign out</button></form>`;
  sendPage(response, baseUrl, 200, user.name || user.email, body);
}
