/** Everything that a browser meets while signing in. */
import { Router } from 'express';
import { errorPage } from './error-page.ts';
import { invitationPages } from './invitation/pages.ts';
import { localPages } from './local/routes.ts';
import { meRoutes } from './me.ts';
import { oidcRoutes } from './oidc/routes.ts';
import { onOwnHost } from './own-host.ts';
import { pageAssets } from './page.ts';
import { samlRoutes } from './saml/routes.ts';
import { type SetUpDependencies, setUpPages } from './set-up/pages.ts';
import { signInPage } from './sign-in-page.ts';
import { testedPage } from './test-sign-in.ts';

/** Routes of the sign-in room, mounted at the root. */
export function signInRoutes(deps: SetUpDependencies): Router {
  const router = Router();
  router.use(['/sign-in', '/saml', '/oidc', '/me', '/set-up'], onOwnHost(deps.settings.http.baseUrl));
  router.use(
    pageAssets(),
    testedPage(deps.settings.http.baseUrl),
    signInPage(deps),
    meRoutes(deps),
    samlRoutes(deps),
    oidcRoutes(deps),
    setUpPages(deps),
  );
  router.use(localPages(deps), invitationPages(deps));
  router.use(['/sign-in', '/sign-out', '/me', '/saml', '/oidc', '/set-up'], errorPage(deps));
  return router;
}
