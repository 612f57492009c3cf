/** Everything that a browser meets while signing in. */
import { Router } from 'express';
import type { SignInDependencies } from './door.ts';
import { errorPage } from './error-page.ts';
import { meRoutes } from './me.ts';
import { oidcRoutes } from './oidc/routes.ts';
import { onOwnHost } from './own-host.ts';
import { pageAssets } from './page.ts';
import { samlRoutes } from './saml/routes.ts';
import { signInPage } from './sign-in-page.ts';

/** Routes of the sign-in room, mounted at the root. */
export function signInRoutes(deps: SignInDependencies): Router {
  const router = Router();
  router.use(['/sign-in', '/saml', '/oidc', '/me'], onOwnHost(deps.settings.http.baseUrl));
  router.use(pageAssets(), signInPage(deps), meRoutes(deps), samlRoutes(deps), oidcRoutes(deps));
  router.use(['/sign-in', '/sign-out', '/me', '/saml', '/oidc'], errorPage(deps));
  return router;
}
