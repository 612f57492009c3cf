/** `/sign-in/password`, and `/password/:link` where a password is set. Programs send and get JSON. */
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import { hashOf } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import { asFault, faultOf } from '../../http/problem.ts';
import { originOf } from '../../http/request-context.ts';
import { locatePasswordLink } from '../../store/locate.ts';
import { inTenant } from '../../store/tenant.ts';
import { endFormerSession, type SignInDependencies } from '../door.ts';
import { type Html, html, sendPage, wantsPage } from '../page.ts';
import { safeReturnTo } from '../return-to.ts';
import { requireSameOrigin } from '../same-origin.ts';
import { setSessionCookie } from '../session-cookie.ts';
import { setHalfCookie } from './half-sign-in.ts';
import { consumePasswordLink, findPasswordLink, setPassword } from './password.ts';
import { hashPassword } from './password-hash.ts';
import { requireGoodPassword } from './password-rules.ts';
import { type Session, signInByPassword } from './sign-in.ts';
import { countAttempt, networkOf, takeBackAttempt } from './throttle.ts';

const credentials = z.object({
  email: z.string().max(254),
  password: z.string().max(1024),
  organization: z.string().max(63).optional(),
  returnTo: z.string().max(2000).optional(),
});

const hints = z.object({
  email: z.string().max(254).catch(''),
  organization: z.string().max(63).catch(''),
  returnTo: z.string().max(2000).optional().catch(undefined),
});
type Hints = z.output<typeof hints>;

const newPassword = z.object({ password: z.string().max(1024) });

/** Reads a form, or JSON; only from our own pages. */
export function ownForms(baseUrl: string): RequestHandler[] {
  return [
    (request, _response, next) => {
      requireSameOrigin(request, baseUrl);
      next();
    },
    express.urlencoded({ extended: false, limit: '64kb', parameterLimit: 20 }),
    express.json({ limit: '64kb' }),
  ];
}

/** `GET` and `POST /sign-in/password`, `GET` and `POST /sign-in/set-password/:link`. */
export function passwordPages(deps: SignInDependencies): Router {
  const router = Router();
  const { baseUrl } = deps.settings.http;

  router.get('/sign-in/password', (request, response) => {
    showForm(response, baseUrl, hints.parse(request.query));
  });

  router.post('/sign-in/password', ownForms(baseUrl), async (request: Request, response: Response) => {
    try {
      await takePassword(deps, request, response);
    } catch (error) {
      const fault = asFault(error);
      if (fault === undefined || !wantsPage(request)) throw error;
      if (typeof fault.extra['retryAfter'] === 'number') response.set('Retry-After', String(fault.extra['retryAfter']));
      showForm(response, baseUrl, hints.parse(request.body ?? {}), fault);
    }
  });

  router.get('/sign-in/set-password/:link', async (request, response) => {
    const token = await linkOf(deps, request);
    const origin = originOf(request, { kind: 'system', id: 'password-link', label: 'password link' });
    const { email } = await inTenant(
      deps.store.db,
      token.organizationId,
      origin,
      (tx) => findPasswordLink(tx, token.text),
      'reader',
    );
    if (wantsPage(request)) showNewPassword(response, baseUrl, email);
    else response.set('Cache-Control', 'no-store').json({ email });
  });

  router.post('/sign-in/set-password/:link', ownForms(baseUrl), async (request: Request, response: Response) => {
    const email = await useLink(deps, request, response);
    if (email === undefined || response.headersSent) return;
    if (wantsPage(request)) response.redirect(303, `/sign-in/password?email=${encodeURIComponent(email)}`);
    else response.status(204).end();
  });
  return router;
}

async function takePassword(deps: SignInDependencies, request: Request, response: Response): Promise<void> {
  const { baseUrl } = deps.settings.http;
  const parsed = credentials.safeParse(request.body ?? {});
  if (!parsed.success) throw faultOf(parsed.error, 'form');
  const returnTo = safeReturnTo(parsed.data.returnTo, baseUrl);
  const outcome = await signInByPassword(deps, request, {
    ...parsed.data,
    organization: parsed.data.organization || undefined,
    returnTo,
  });
  if (outcome.kind === 'in') return letIn(deps, request, response, outcome.session, returnTo);
  setHalfCookie(response, baseUrl, outcome.token);
  if (wantsPage(request)) response.redirect(303, '/sign-in/second-factor');
  else response.json({ next: 'second-factor', url: `${baseUrl}/sign-in/second-factor` });
}

/** Gives the browser its new session; the one it had is over. */
export async function letIn(
  deps: SignInDependencies,
  request: Request,
  response: Response,
  session: Session,
  returnTo: string,
): Promise<void> {
  const { baseUrl } = deps.settings.http;
  await endFormerSession(deps, request);
  setSessionCookie(response, baseUrl, session);
  if (wantsPage(request)) response.redirect(303, returnTo);
  else response.json({ next: null, returnTo, expiresAt: session.expiresAt });
}

async function useLink(deps: SignInDependencies, request: Request, response: Response): Promise<string | undefined> {
  const { db } = deps.store;
  const token = await linkOf(deps, request);
  const origin = originOf(request, { kind: 'system', id: 'password-link', label: 'password link' });
  const inLink = { ...token, origin };
  const holder = await inTenant(db, inLink.organizationId, origin, (tx) => findPasswordLink(tx, token.text), 'reader');
  try {
    const parsed = newPassword.safeParse(request.body ?? {});
    if (!parsed.success) throw faultOf(parsed.error, 'form');
    requireGoodPassword(parsed.data.password, holder.email);
    const phc = await hashPassword(parsed.data.password);
    const own = { ...origin, actor: { kind: 'user', id: holder.userId, label: holder.email } as const };
    await inTenant(db, inLink.organizationId, own, async (tx) => {
      const { userId } = await consumePasswordLink(tx, token.text);
      await setPassword(tx, userId, phc, 'link');
    });
    return holder.email;
  } catch (error) {
    const fault = asFault(error);
    if (fault === undefined || fault.code !== 'invalid-input' || !wantsPage(request)) throw error;
    showNewPassword(response, deps.settings.http.baseUrl, holder.email, fault);
    return undefined;
  }
}

/** Guessing links is counted like guessing passwords. */
async function linkOf(deps: SignInDependencies, request: Request): Promise<{ organizationId: string; text: string }> {
  const { db } = deps.store;
  const address = { what: 'address', of: networkOf(request.ip) } as const;
  await countAttempt(db, address);
  const text = String(request.params['link']);
  const organizationId = /^[\w-]{43}$/.test(text) ? await locatePasswordLink(db, hashOf(text)) : undefined;
  if (organizationId === undefined) {
    throw new Fault('not-found', 'This link was used before, or has expired.', {
      remedy: 'Ask your administrator for a new one.',
    });
  }
  await takeBackAttempt(db, address);
  return { organizationId, text };
}

/** What went wrong, on a page. */
export function troubleOf(fault: Fault | undefined): Html | null {
  return fault === undefined ? null : html`<p class="bad" role="alert">${fault.message} ${fault.remedy}</p>`;
}

function showForm(response: Response, baseUrl: string, { email, organization, returnTo }: Hints, fault?: Fault): void {
  const path = safeReturnTo(returnTo, baseUrl);
  const body = html`${troubleOf(fault)}
<form method="post" action="/sign-in/password">
<input type="hidden" name="returnTo" value="${path}">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" autocomplete="username" required value="${email}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<label for="organization">Your organization's short name <span class="soft">(if asked to give it)</span></label>
<input id="organization" name="organization" value="${organization}">
<button>Sign in</button>
</form>
<p><a href="/sign-in?returnTo=${encodeURIComponent(path)}">Sign in through your organization</a></p>`;
  sendPage(response, baseUrl, fault?.status ?? 200, 'Sign in with a password', body);
}

function showNewPassword(response: Response, baseUrl: string, email: string, fault?: Fault): void {
  const body = html`${troubleOf(fault)}<p>For ${email}. At least 12 characters; a few unrelated words make a good one.</p>
<form method="post">
<input type="hidden" name="username" autocomplete="username" value="${email}">
<label for="password">New password</label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="12" required>
<button>Set the password</button>
</form>`;
  sendPage(response, baseUrl, fault?.status ?? 200, 'Choose a password', body);
}
