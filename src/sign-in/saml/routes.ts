/** The SAML side of the door: metadata, the way to the identity provider, and the assertion consumer service. */
import { randomBytes } from 'node:crypto';
import express, { type Request, type Response, Router } from 'express';
import { asFault } from '../../http/problem.ts';
import { inTenant } from '../../store/tenant.ts';
import { beginAttempt, bindBrowser, browserHash, consumeAttempt, refuseReplay } from '../attempt.ts';
import type { SamlConnection } from '../connection.ts';
import { type Door, guarded, letIn, openDoor, type SignInDependencies } from '../door.ts';
import { html, sendPage } from '../page.ts';
import { safeReturnTo } from '../return-to.ts';
import { acceptAssertion } from './accept.ts';
import { authnRequestUrl, metadataOf, serviceProviderOf } from './service-provider.ts';

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

  router.post('/saml/:connection/acs', async (request, response) => {
    const door = await openDoor(deps, request, 'saml');
    await guarded(deps, door, async () => {
      const posted = await readForm(request, response);
      if (browserHash(request, baseUrl) !== undefined || posted['bounced'] !== undefined) {
        await consumeAssertion(deps, door, request, response, posted['SAMLResponse']);
      } else {
        bounce(response, baseUrl, posted['SAMLResponse']);
      }
    });
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
  posted: unknown,
): Promise<void> {
  const { connection } = door;
  const { baseUrl } = deps.settings.http;
  const accepted = await acceptAssertion(
    connection,
    serviceProviderOf(baseUrl, connection.id),
    posted,
    new Date(),
    door.trace,
  );
  const browser = browserHash(request, baseUrl);
  await letIn(deps, door, request, response, accepted.login, async (tx) => {
    await refuseReplay(tx, connection.id, accepted.assertionId, accepted.acceptableUntil);
    door.trace.passed('replay');
    const attempt = await consumeAttempt(tx, connection.id, accepted.requestId, browser, 'in-response-to');
    door.trace.passed('browser');
    return attempt;
  });
}

const parseForm = express.urlencoded({ extended: false, limit: '1mb', parameterLimit: 20 });

/** Reads the form. @throws Fault `too-large`, `invalid-input` */
async function readForm(request: Request, response: Response): Promise<Record<string, unknown>> {
  await new Promise<void>((done, fail) => {
    parseForm(request, response, (error?: unknown) => (error === undefined ? done() : fail(asFault(error) ?? error)));
  });
  return (request.body as Record<string, unknown> | undefined) ?? {};
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
