/**
 * Answers that nobody asked for (a tile at the identity provider). By default refused. Where a connection allows more, either what came is
 * dropped and a sign-in begun properly, or the person is asked first: else an attacker could sign somebody in as himself.
 */
import type { Request, Response } from 'express';
import { hashOf, randomSecret } from '../../credentials/sealing.ts';
import { inTenant } from '../../store/tenant.ts';
import { beginAttempt, bindBrowser } from '../attempt.ts';
import type { SamlConnection } from '../connection.ts';
import type { Door, SignInDependencies } from '../door.ts';
import { html, sendPage } from '../page.ts';
import { SignInRefusal } from '../refusal.ts';
import { safeReturnTo } from '../return-to.ts';
import type { AcceptedAssertion, ReadResponse } from './accept.ts';
import { acceptFor, admit } from './admit.ts';
import { serviceProviderOf } from './service-provider.ts';

type Form = Readonly<Record<string, unknown>>;

/** Deals with such an answer as the connection says. @throws SignInRefusal `in-response-to` where it takes none */
export async function takeUnsolicited(
  deps: SignInDependencies,
  door: Door<SamlConnection>,
  request: Request,
  response: Response,
  read: ReadResponse,
  posted: Form,
): Promise<void> {
  const { config, id } = door.connection;
  const { baseUrl } = deps.settings.http;
  if (config.idpInitiated === 'off') throw nobodyAsked();
  if (config.idpInitiated === 'bounce') {
    const query = new URLSearchParams({ returnTo: safeReturnTo(posted['RelayState'], baseUrl) });
    return response.redirect(303, `${serviceProviderOf(baseUrl, id).loginUrl}?${query}`);
  }
  const accepted = await acceptFor(deps, door, read, true);
  const { consent } = posted;
  if (typeof consent !== 'string') return askFirst(deps, door, request, response, accepted, posted);
  await admit(deps, door, request, response, accepted, consentId(consent, accepted.assertionId));
}

/** Shows whose answer it is; what the person then sends counts once, in this browser, for this assertion. */
async function askFirst(
  deps: SignInDependencies,
  { connection, origin }: Door<SamlConnection>,
  request: Request,
  response: Response,
  { login, assertionId }: AcceptedAssertion,
  posted: Form,
): Promise<void> {
  const { baseUrl } = deps.settings.http;
  const token = randomSecret();
  const returnTo = safeReturnTo(posted['RelayState'], baseUrl);
  const browser = bindBrowser(request, response, baseUrl);
  await inTenant(deps.store.db, connection.organizationId, origin, (tx) =>
    beginAttempt(tx, connection.id, browser, {
      id: consentId(token, assertionId),
      nonce: null,
      codeVerifier: null,
      returnTo,
    }),
  );
  const body = html`<p>${connection.name} has sent you here to sign in as <strong>${login.email ?? login.name}</strong>.</p>
<form method="post">
<input type="hidden" name="SAMLResponse" value="${String(posted['SAMLResponse'])}">
<input type="hidden" name="consent" value="${token}">
<button>Continue as ${login.name}</button>
</form>
<p class="soft">If this is not you, or you did not mean to, <a href="/sign-in">start here instead</a>.</p>`;
  sendPage(response, baseUrl, 200, 'Sign in?', body);
}

function consentId(token: string, assertionId: string): string {
  return `consent-${hashOf(`${token} ${assertionId}`).toString('base64url')}`;
}

/** Such an answer, where the connection takes none. */
export function nobodyAsked(): SignInRefusal {
  return new SignInRefusal('in-response-to', {
    reason: 'The assertion answers no request; a sign-in has to start here.',
    remedy: "Start at the sign-in page, or point the tile at the identity provider to the connection's login address.",
  });
}
