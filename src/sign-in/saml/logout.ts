/** Single logout that the identity provider begins, and its answers to ours (SAML Profiles 4.4). */
import { SAML } from '@node-saml/passport-saml';
import type { Request, Response } from 'express';
import { record } from '../../audit/record.ts';
import { inTenant } from '../../store/tenant.ts';
import { refuseReplay } from '../attempt.ts';
import type { SamlConnection } from '../connection.ts';
import type { Door, SignInDependencies } from '../door.ts';
import { wakeLogoutWorker } from '../oauth/backchannel-logout.ts';
import { html, sendPage } from '../page.ts';
import { auditRefusal, pass, SignInRefusal } from '../refusal.ts';
import { signingOptions } from './authn-request.ts';
import { readForm } from './form.ts';
import { endSessionsMeant } from './idp-session.ts';
import { libraryOptions } from './library.ts';
import { isLogoutConfirmed, LOGOUT_CHECKS, type LogoutRequest, logoutRequestOf } from './logout-checks.ts';
import { type LogoutMessage, readLogoutForm, readLogoutQuery } from './logout-message.ts';
import { ownKeys } from './own-key.ts';
import { serviceProviderOf } from './service-provider.ts';

/** Takes a logout message that came by redirect. @throws SignInRefusal */
export async function takeLogoutQuery(
  deps: SignInDependencies,
  door: Door<SamlConnection>,
  request: Request,
  response: Response,
): Promise<void> {
  const query = request.originalUrl.slice(request.originalUrl.indexOf('?') + 1);
  await take(deps, door, response, async () => readLogoutQuery(door.connection.config, query));
}

/** Takes a logout message that came by form. @throws SignInRefusal, Fault `too-large`, `invalid-input` */
export async function takeLogoutForm(
  deps: SignInDependencies,
  door: Door<SamlConnection>,
  request: Request,
  response: Response,
): Promise<void> {
  const { connection } = door;
  const form = await readForm(request, response);
  const own = serviceProviderOf(deps.settings.http.baseUrl, connection.id);
  await take(deps, door, response, () => readLogoutForm(connection.config, own, form));
}

async function take(
  deps: SignInDependencies,
  door: Door<SamlConnection>,
  response: Response,
  read: () => Promise<LogoutMessage>,
): Promise<void> {
  const { connection, origin } = door;
  try {
    const message = await read();
    if (message.kind === 'response') return signedOut(deps, door, response, message);
    await signOut(deps, door, response, message);
  } catch (error) {
    if (error instanceof SignInRefusal) {
      await inTenant(deps.store.db, connection.organizationId, origin, (tx) =>
        auditRefusal(tx, connection, error, 'sign_out.refused'),
      );
    }
    throw error;
  }
}

async function signOut(
  deps: SignInDependencies,
  { connection, origin }: Door<SamlConnection>,
  response: Response,
  { root, relayState }: LogoutMessage,
): Promise<void> {
  const { config, organizationId, id } = connection;
  const { logoutUrl } = serviceProviderOf(deps.settings.http.baseUrl, id);
  pass(LOGOUT_CHECKS, { root, issuer: config.entityId, logoutUrl, now: new Date() });
  const asked = logoutRequestOf(root);
  const known = await inTenant(deps.store.db, organizationId, origin, async (tx) => {
    await refuseReplay(tx, id, `logout:${asked.id}`, asked.acceptableUntil);
    const meant = await endSessionsMeant(tx, id, asked.nameId, asked.sessionIndexes);
    await record(tx, {
      action: 'sign_out.told_by_provider',
      resource: { type: 'connection', id },
      outcome: meant.known ? 'success' : 'failure',
      reason: meant.known ? '' : 'Nobody has signed in here under that name and session.',
      detail: { connection: connection.slug, subject: asked.nameId, sessions: meant.ended },
    });
    if (meant.ended > 0) await wakeLogoutWorker(deps.jobs, tx);
    return meant.known;
  });
  const onward = await answerTo(deps, connection, asked, relayState, known);
  if (onward === undefined) return said(deps, response, true);
  response.redirect(303, onward);
}

/** The address at which the identity provider takes our answer; undefined where it takes none. */
async function answerTo(
  deps: SignInDependencies,
  { config, organizationId, id }: SamlConnection,
  asked: LogoutRequest,
  relayState: string | undefined,
  success: boolean,
): Promise<string | undefined> {
  const { http, secrets } = deps.settings;
  const address = config.logoutResponseUrl ?? config.logoutUrl;
  if (address === null) return undefined;
  const origin = { actor: { kind: 'connection', id, label: id } } as const;
  const { signing } = await inTenant(
    deps.store.db,
    organizationId,
    origin,
    (tx) => ownKeys(tx, secrets.sealingKeys, id),
    'reader',
  );
  const saml = new SAML({
    ...libraryOptions(config, serviceProviderOf(http.baseUrl, id)),
    entryPoint: address,
    logoutUrl: address,
    ...(signing === undefined ? {} : signingOptions(signing)),
  });
  // Of the request, the library takes nothing but its id.
  const request = { ID: asked.id } as Parameters<typeof saml.getLogoutResponseUrlAsync>[0];
  return saml.getLogoutResponseUrlAsync(request, relayState ?? '', {}, success);
}

/** The browser comes back that we sent there; its session here ended before it left. */
function signedOut(
  deps: SignInDependencies,
  { connection }: Door<SamlConnection>,
  response: Response,
  { root }: LogoutMessage,
): void {
  said(deps, response, isLogoutConfirmed({ root, issuer: connection.config.entityId }));
}

function said({ settings }: SignInDependencies, response: Response, confirmed: boolean): void {
  const there = confirmed
    ? html`<p>You are signed out here and at your identity provider.</p>`
    : html`<p class="bad">You are signed out here. Your identity provider did not confirm that you are signed out there too: close the browser to be sure.</p>`;
  const body = html`${there}
<a class="button" href="/sign-in">Sign in again</a>`;
  sendPage(response, settings.http.baseUrl, 200, 'You are signed out', body);
}
