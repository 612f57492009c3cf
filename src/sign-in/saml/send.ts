/** The way to the identity provider, by redirect or by a form that sends itself. */
import { randomBytes } from 'node:crypto';
import type { Request, Response } from 'express';
import { inTenant } from '../../store/tenant.ts';
import { beginAttempt, bindBrowser } from '../attempt.ts';
import type { SamlConnection } from '../connection.ts';
import type { Door, SignInDependencies } from '../door.ts';
import { html, sendPage } from '../page.ts';
import { safeReturnTo } from '../return-to.ts';
import { authnRequest, type Outgoing } from './authn-request.ts';
import { signsRequests } from './config.ts';
import { ownKeys } from './own-key.ts';
import { serviceProviderOf } from './service-provider.ts';

/** Begins a sign-in and sends the browser to the identity provider. @throws Fault `conflict` */
export async function sendToProvider(
  deps: SignInDependencies,
  { connection, origin }: Door<SamlConnection>,
  request: Request,
  response: Response,
): Promise<void> {
  const { http, secrets } = deps.settings;
  const { config, id: connectionId, organizationId } = connection;
  const id = `_${randomBytes(20).toString('hex')}`;
  const returnTo = safeReturnTo(request.query['returnTo'], http.baseUrl);
  const browser = bindBrowser(request, response, http.baseUrl);
  const key = await inTenant(deps.store.db, organizationId, origin, async (tx) => {
    await beginAttempt(tx, connectionId, browser, { id, nonce: null, codeVerifier: null, returnTo });
    return signsRequests(config) ? (await ownKeys(tx, secrets.sealingKeys, connectionId)).signing : undefined;
  });
  send(response, http.baseUrl, await authnRequest(config, serviceProviderOf(http.baseUrl, connectionId), id, key));
}

function send(response: Response, baseUrl: string, outgoing: Outgoing): void {
  if (outgoing.binding === 'redirect') {
    response.redirect(302, outgoing.url);
    return;
  }
  const fields = Object.entries(outgoing.fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">
`,
  );
  const body = html`<form method="post" action="${outgoing.url}">
${fields}<button>Continue</button>
</form>
<script src="/sign-in/submit.js"></script>`;
  sendPage(response, baseUrl, 200, 'Taking you to your identity provider', body);
}
