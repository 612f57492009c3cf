/** `/sign-in`: who are you, and where do you sign in? */
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { faultOf } from '../http/problem.ts';
import { type Way, waysIn } from './discovery.ts';
import type { SignInDependencies } from './door.ts';
import { type Html, html, sendPage, wantsPage } from './page.ts';
import { safeReturnTo } from './return-to.ts';

const asked = z.object({
  email: z.string().max(254).optional(),
  organization: z.string().max(63).optional(),
  returnTo: z.string().max(2000).optional(),
});
type Asked = z.output<typeof asked>;

/** The page, the redirect where there is one way in, the choice where there are several. Programs get the ways as JSON. */
export function signInPage(deps: SignInDependencies): Router {
  const router = Router();
  router.get('/sign-in', async (request, response) => {
    const query = asked.safeParse(request.query);
    if (!query.success) throw faultOf(query.error, 'query');
    const { email, organization } = query.data;
    const named = Boolean(email || organization);
    const ways = named ? await waysIn(deps.store.db, withoutUndefined({ email, organization })) : [];
    answer(deps, request, response, query.data, named, ways);
  });
  return router;
}

function answer(
  deps: SignInDependencies,
  request: Request,
  response: Response,
  query: Asked,
  named: boolean,
  ways: Way[],
): void {
  const { baseUrl } = deps.settings.http;
  const returnTo = safeReturnTo(query.returnTo, baseUrl);
  const onward = (way: Way) => `${way.loginPath}?returnTo=${encodeURIComponent(returnTo)}`;
  if (!wantsPage(request)) {
    response.json({ ways: ways.map((way) => ({ name: way.name, url: baseUrl + onward(way) })) });
    return;
  }
  const [first] = ways;
  if (first === undefined) {
    sendPage(response, baseUrl, 200, 'Sign in', form(query, returnTo, named));
  } else if (ways.length === 1) {
    response.redirect(303, onward(first));
  } else {
    const links = ways.map((way) => html`<a class="button" href="${onward(way)}">${way.name}</a>\n`);
    sendPage(response, baseUrl, 200, 'How do you want to sign in?', html`${links}`);
  }
}

function form({ email, organization }: Asked, returnTo: string, named: boolean): Html {
  const sorry = html`<p class="bad" role="alert">No sign-in is set up for this. Check the spelling, or ask your administrator.</p>`;
  return html`${named ? sorry : null}
<form method="get" action="/sign-in">
<input type="hidden" name="returnTo" value="${returnTo}">
<label for="email">E-mail address at work</label>
<input id="email" name="email" type="email" autocomplete="username" required value="${email}">
<button>Continue</button>
</form>
<form method="get" action="/sign-in">
<input type="hidden" name="returnTo" value="${returnTo}">
<p class="soft">or</p>
<label for="organization">Your organization's short name</label>
<input id="organization" name="organization" required value="${organization}">
<button>Continue</button>
</form>
<p><a href="/sign-in/password?returnTo=${encodeURIComponent(returnTo)}">Sign in with a password</a></p>`;
}

function withoutUndefined(given: { email: string | undefined; organization: string | undefined }) {
  return {
    ...(given.email ? { email: given.email } : {}),
    ...(given.organization ? { organization: given.organization } : {}),
  };
}
