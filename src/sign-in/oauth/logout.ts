/** Signing out at an app's wish (RP-initiated logout): it ends the session here, and with it what every app was given in it. */
import type { Request, Response } from 'express';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { endSession } from '../../credentials/session.ts';
import { originOf } from '../../http/request-context.ts';
import type { JobQueue } from '../../jobs/queue.ts';
import type { Store } from '../../store/database.ts';
import { inTenant } from '../../store/tenant.ts';
import { actorOf } from '../authenticate.ts';
import { html, sendPage } from '../page.ts';
import { clearSessionCookie } from '../session-cookie.ts';
import { wakeLogoutWorker } from './backchannel-logout.ts';
import { sessionBehind } from './browser.ts';
import { showLater } from './show.ts';

export interface LogoutDependencies {
  readonly settings: { readonly http: { readonly baseUrl: string } };
  readonly store: Pick<Store, 'db'>;
  readonly jobs: JobQueue;
}

/** Asks whether to sign out; an app that proves whose session it means (by the ID token) has asked already, and nobody needs no asking. */
function askForLogout(baseUrl: string, context: KoaContextWithOIDC): void {
  const { session, entities } = context.oidc;
  const person = sessionBehind(context.req)?.userId;
  const settled = person === undefined || entities.IdTokenHint?.payload.sub === person;
  const secret = (session as unknown as { state?: { secret?: string } } | undefined)?.state?.secret;
  const body = html`<p>This signs you out here and in every app that you reached from here.</p>
<form method="post" action="/oauth/end-session/confirm">
<input type="hidden" name="xsrf" value="${secret}">
<input type="hidden" name="logout" value="yes">
<button>Sign out</button>
</form>
${settled ? html`<script src="/sign-in/submit.js" defer></script>` : null}`;
  showLater(context, (response) => sendPage(response, baseUrl, 200, 'Sign out?', body));
}

/** Where nobody said where to go afterwards. */
export function sayGoodbye(baseUrl: string, context: KoaContextWithOIDC): void {
  const body = html`<p><a href="/sign-in">Sign in again</a></p>`;
  showLater(context, (response) => sendPage(response, baseUrl, 200, 'You are signed out', body));
}

/** Ends our session once the provider has ended its own. */
export function endSessionToo(deps: LogoutDependencies) {
  const { baseUrl } = deps.settings.http;
  return async (context: KoaContextWithOIDC, next: () => Promise<unknown>): Promise<void> => {
    await next();
    // Without a session of its own the provider asks nobody; but there may be one of ours.
    if (context.oidc?.route === 'end_session' && context.status === 200) askForLogout(baseUrl, context);
    const confirmed = context.oidc?.route === 'end_session_confirm' && context.status === 303;
    if (!confirmed || context.oidc.params?.['logout'] === undefined) return;
    const session = sessionBehind(context.req);
    if (session !== undefined) {
      const origin = originOf(context.req as Request, actorOf(session));
      await inTenant(deps.store.db, session.organizationId, origin, async (tx) => {
        await endSession(tx, session.sessionId, 'signed out from an app');
        await wakeLogoutWorker(deps.jobs, tx);
      });
    }
    clearSessionCookie(context.res as Response, baseUrl);
  };
}
