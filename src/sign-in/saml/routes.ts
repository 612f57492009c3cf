/** The SAML side of the door: metadata, the way to the identity provider, and the assertion consumer service. */
import { randomBytes } from 'node:crypto';
import express, { type Request, type Response, Router } from 'express';
import { inTenant } from '../../store/tenant.ts';
import { beginAttempt, bindBrowser, browserHash, consumeAttempt, refuseReplay } from '../attempt.ts';
import type { SamlConnection } from '../connection.ts';
import { type Door, guarded, letIn, openDoor, type SignInDependencies } from '../door.ts';
import { html, sendPage } from '../page.ts';
import { pass } from '../refusal.ts';
import { safeReturnTo } from '../return-to.ts';
import { ASSERTION_CHECKS, acceptableUntil, requestAnswered } from './assertion-checks.ts';
import { loginOf } from './login.ts';
import { decodeResponse, readMessage } from './message.ts';
import { MESSAGE_CHECKS } from './message-checks.ts';
import { authnRequestUrl, metadataOf, serviceProviderOf, verifiedAssertion } from './service-provider.ts';
import type { XmlElement } from './xml.ts';

/** `/saml/:connection/{metadata,login,acs}`. */
export function samlRoutes(deps: SignInDependencies): Router {
  const router = Router();
  const { baseUrl } = deps.settings.http;

  router.get('/saml/:connection/metadata', async (request, response) => {
    const { connection } = await openDoor(deps, request, 'saml');
    response
      .type('application/samlmetadata+xml')
      .send(metadataOf(connection, serviceProviderOf(baseUrl, connection.id)));
  });

  router.get('/saml/:connection/login', async (request, response) => {
    const door = await openDoor(deps, request, 'saml');
    await guarded(deps, door, () => sendToProvider(deps, door, request, response));
  });

  const form = express.urlencoded({ extended: false, limit: '1mb', parameterLimit: 20 });
  router.post('/saml/:connection/acs', form, async (request, response) => {
    const door = await openDoor(deps, request, 'saml');
    const posted = request.body as Record<string, unknown> | undefined;
    if (browserHash(request, baseUrl) === undefined && posted?.['bounced'] === undefined) {
      bounce(response, baseUrl, posted?.['SAMLResponse']);
      return;
    }
    await guarded(deps, door, () => consumeAssertion(deps, door, request, response));
  });
  return router;
}

async function sendToProvider(
  deps: SignInDependencies,
  door: Door<SamlConnection>,
  request: Request,
  response: Response,
): Promise<void> {
  const { connection, origin } = door;
  const { baseUrl } = deps.settings.http;
  const id = `_${randomBytes(20).toString('hex')}`;
  const returnTo = safeReturnTo(request.query['returnTo'], baseUrl);
  const browser = bindBrowser(request, response, baseUrl);
  await inTenant(deps.store.db, connection.organizationId, origin, (tx) =>
    beginAttempt(tx, connection.id, browser, { id, nonce: null, codeVerifier: null, returnTo }),
  );
  response.redirect(302, await authnRequestUrl(connection, serviceProviderOf(baseUrl, connection.id), id));
}

async function consumeAssertion(
  deps: SignInDependencies,
  door: Door<SamlConnection>,
  request: Request,
  response: Response,
): Promise<void> {
  const { connection } = door;
  const { baseUrl } = deps.settings.http;
  const own = serviceProviderOf(baseUrl, connection.id);
  const xml = decodeResponse((request.body as Record<string, unknown> | undefined)?.['SAMLResponse']);
  const root = readMessage(xml);
  pass(MESSAGE_CHECKS, { root, acsUrl: own.acsUrl });
  const assertion = await verifiedAssertion(connection, own, { xml, root });
  const expected = { issuer: connection.config.entityId, audience: own.entityId, acsUrl: own.acsUrl };
  pass(ASSERTION_CHECKS, { assertion, ...expected, now: new Date() });

  const browser = browserHash(request, baseUrl);
  await letIn(deps, door, response, loginOf(assertion, connection.config), async (tx) => {
    await refuseReplay(tx, connection.id, idOf(assertion), acceptableUntil(assertion));
    return consumeAttempt(tx, connection.id, requestAnswered(assertion) ?? '', browser, 'in-response-to');
  });
}

/**
 * A POST from the identity provider's site may come without our cookie: browsers hold a Lax one back, and without https there is no
 * other kind. The page posts the same once more from here, where the cookie comes along. If it still doesn't, another browser began.
 */
function bounce(response: Response, baseUrl: string, posted: unknown): void {
  const value = typeof posted === 'string' ? posted : '';
  const body = html`<form method="post">
<input type="hidden" name="SAMLResponse" value="${value}">
<input type="hidden" name="bounced" value="1">
<button>Continue</button>
</form>
<script src="/sign-in/submit.js"></script>`;
  sendPage(response, baseUrl, 200, 'Signing you in', body);
}

function idOf(assertion: XmlElement): string {
  return assertion.attributes['ID'] ?? '';
}
