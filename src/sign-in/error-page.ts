/** Errors on the sign-in paths: a page for people, with the request's id and what can be done; problem+json for programs. */
import type { ErrorRequestHandler } from 'express';
import { asFault } from '../http/problem.ts';
import { requestIdOf } from '../http/request-context.ts';
import type { Log } from '../log.ts';
import { html, sendPage, wantsPage } from './page.ts';
import { SignInRefusal } from './refusal.ts';
import { wayBack } from './test-sign-in.ts';
import { traceIdOf } from './trace.ts';

const AT_FAULT = 'Something went wrong on our side. Nothing was changed.';

/** Shows errors to browsers; leaves them to the next handler for everybody else. */
export function errorPage(deps: {
  readonly settings: { readonly http: { readonly baseUrl: string } };
  readonly log: Log;
}): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent || !wantsPage(request)) return next(error);
    const fault = asFault(error);
    const id = requestIdOf(request);
    const shown = traceIdOf(request) ?? id;
    if (fault === undefined) deps.log.error({ error, requestId: id, path: request.path }, 'request failed');
    else if (fault.cause !== undefined) deps.log.info({ cause: fault.cause, requestId: id }, fault.message);
    const check = fault instanceof SignInRefusal ? html`<dt>Check</dt><dd><code>${fault.check}</code></dd>` : null;
    const body = html`<p class="bad">${fault?.message ?? AT_FAULT}</p>
${fault?.remedy === undefined ? null : html`<p>${fault.remedy}</p>`}
<dl>${check}<dt>For your administrator, this happened as</dt><dd><code>${shown}</code></dd></dl>
${wayBack(request) ?? html`<p><a href="/sign-in">Sign in again</a></p>`}`;
    sendPage(
      response,
      deps.settings.http.baseUrl,
      fault?.status ?? 500,
      fault?.status === 404 ? 'Not found' : 'You are not signed in',
      body,
    );
  };
}
