/** Everything that a browser meets of local sign-in. */
import { Router } from 'express';
import type { SignInDependencies } from '../door.ts';
import { passwordPages } from './pages.ts';
import { secondFactorPages } from './second-factor-pages.ts';
import { securityPages } from './security-pages.ts';

/** Routes mounted at the root, below the paths whose errors the sign-in room shows. */
export function localPages(deps: SignInDependencies): Router {
  return Router().use(passwordPages(deps), secondFactorPages(deps), securityPages(deps));
}
