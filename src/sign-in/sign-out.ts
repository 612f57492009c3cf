/** Where a browser goes on to when its session here has ended: whichever way it came in may have a session of its own to end. */
import type { Settings } from '../settings.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { endAtProvider } from './oidc/provider-session.ts';
import { endAtIdentityProvider } from './saml/start-logout.ts';

export interface SignOutDependencies {
  readonly settings: Pick<Settings, 'secrets' | 'http'>;
}

/** Gives the address at which a session is ended elsewhere too; undefined where it did not begin there. It asks nobody but the database. */
export type SignOutElsewhere = (
  deps: SignOutDependencies,
  tx: TenantTransaction,
  sessionId: string,
) => Promise<string | undefined>;

const CONTRIBUTORS: readonly SignOutElsewhere[] = [endAtProvider, endAtIdentityProvider];

/** The first address that any way of signing in has for this session. */
export async function onwardAfterSignOut(
  deps: SignOutDependencies,
  tx: TenantTransaction,
  sessionId: string,
): Promise<string | undefined> {
  for (const contribute of CONTRIBUTORS) {
    const onward = await contribute(deps, tx, sessionId);
    if (onward !== undefined) return onward;
  }
  return undefined;
}
