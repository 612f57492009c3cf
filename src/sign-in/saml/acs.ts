/** The assertion consumer service: what is posted from the identity provider's site, and what becomes of it. */
import type { Request, Response } from 'express';
import { browserHash } from '../attempt.ts';
import type { SamlConnection } from '../connection.ts';
import type { Door, SignInDependencies } from '../door.ts';
import { html, sendPage } from '../page.ts';
import { isUnsolicited, readResponse } from './accept.ts';
import { acceptFor, admit } from './admit.ts';
import { readForm } from './form.ts';
import { takeUnsolicited } from './unsolicited.ts';

/** Takes a posted response and lets the person in. @throws SignInRefusal, Fault `too-large`, `invalid-input` */
export async function takeResponse(
  deps: SignInDependencies,
  door: Door<SamlConnection>,
  request: Request,
  response: Response,
): Promise<void> {
  const { baseUrl } = deps.settings.http;
  const posted = await readForm(request, response);
  const read = readResponse(posted['SAMLResponse']);
  if (isUnsolicited(read)) return takeUnsolicited(deps, door, request, response, read, posted);
  if (browserHash(request, baseUrl) === undefined && posted['bounced'] === undefined) {
    return bounce(response, baseUrl, posted['SAMLResponse']);
  }
  const accepted = await acceptFor(deps, door, read, false);
  await admit(deps, door, request, response, accepted, accepted.requestId ?? '');
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
