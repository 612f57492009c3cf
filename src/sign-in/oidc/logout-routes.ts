/** Signing out together with an OpenID provider: it tells us (back-channel), or sends the browser back that we sent there. */
import express, { type Request, type Response, Router } from 'express';
import { record } from '../../audit/record.ts';
import { hashOf } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import { inTenant } from '../../store/tenant.ts';
import { refuseReplay } from '../attempt.ts';
import type { OidcConnection } from '../connection.ts';
import { type Door, openDoor, type SignInDependencies } from '../door.ts';
import { wakeLogoutWorker } from '../oauth/backchannel-logout.ts';
import { html, sendPage, wantsPage } from '../page.ts';
import { auditRefusal, SignInRefusal } from '../refusal.ts';
import { readLogoutToken } from './logout-token.ts';
import type { FindProvider } from './provider.ts';
import { endSessionsMeant } from './provider-session.ts';

/** `/oidc/:connection/{backchannel-logout,logged-out}`. */
export function oidcLogoutRoutes(deps: SignInDependencies, find: FindProvider): Router {
  const router = Router();
  const form = express.urlencoded({ extended: false, limit: '64kb' });

  router.post('/oidc/:connection/backchannel-logout', form, async (request, response) => {
    const door = await openDoor(deps, request, 'oidc');
    response.set('Cache-Control', 'no-store');
    try {
      await signOut(deps, find, door, request);
      response.status(200).end();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      await keepRefusal(deps, door, error);
      if (!(error instanceof SignInRefusal)) throw error;
      response.status(400).json({ error: 'invalid_request', error_description: error.message });
    }
  });

  router.get('/oidc/:connection/logged-out', (request, response) => signedOut(deps, request, response));
  return router;
}

async function signOut(
  { store, jobs }: SignInDependencies,
  find: FindProvider,
  { connection, origin }: Door<OidcConnection>,
  request: Request,
): Promise<void> {
  const { logout_token: token } = (request.body ?? {}) as Record<string, unknown>;
  if (typeof token !== 'string') throw new SignInRefusal('token', { reason: 'There is no logout token.' });
  const meant = await readLogoutToken(await find(connection), connection.config, token);
  await inTenant(store.db, connection.organizationId, origin, async (tx) => {
    await refuseReplay(tx, connection.id, `logout:${hashOf(meant.jti).toString('base64url')}`, meant.until);
    const ended = await endSessionsMeant(tx, connection.id, meant);
    if (ended > 0) await wakeLogoutWorker(jobs, tx);
    await record(tx, {
      action: 'sign_out.told_by_provider',
      resource: { type: 'connection', id: connection.id },
      detail: { connection: connection.slug, subject: meant.sub ?? null, sessions: ended },
    });
  });
}

async function keepRefusal(
  { store }: SignInDependencies,
  { connection, origin }: Door<OidcConnection>,
  fault: Fault,
): Promise<void> {
  await inTenant(store.db, connection.organizationId, origin, (tx) =>
    auditRefusal(tx, connection, fault, 'sign_out.refused'),
  );
}

function signedOut({ settings }: SignInDependencies, request: Request, response: Response): void {
  if (!wantsPage(request))
    throw new Fault('unauthenticated', 'Nobody is signed in.', { remedy: 'Sign in at /sign-in.' });
  const body = html`<p>You are signed out here and at your identity provider.</p>
<a class="button" href="/sign-in">Sign in again</a>`;
  sendPage(response, settings.http.baseUrl, 200, 'You are signed out', body);
}
