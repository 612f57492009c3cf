/**
 * The console is an app like the platform's: it signs people in by OpenID Connect, and shows its access token to the administration API.
 * It is registered by the server itself, for it is served at this server's own address.
 */
import { isMeantAsKey } from '../../credentials/api-key-format.ts';
import { Fault } from '../../errors.ts';
import type { Authenticate } from '../../http/caller.ts';
import { bearerOf } from '../../http/operator.ts';
import type { Store } from '../../store/database.ts';
import { personAsCaller, type SessionDependencies } from '../authenticate.ts';
import { appInput } from './app-input.ts';
import { putApp } from './app-registration.ts';
import { findArtifact } from './artifacts.ts';
import { inInstallation } from './installation.ts';

const CONSOLE = 'drawbridge-console';

/**
 * Registers the console at this server's address, at the server's start.
 * @throws Fault `invalid-settings` where the address is not one that a browser may be sent to with a code
 */
export async function registerConsole({
  store,
  settings,
}: {
  readonly store: Pick<Store, 'db'>;
  readonly settings: { readonly http: { readonly baseUrl: string } };
}): Promise<void> {
  const { baseUrl } = settings.http;
  const app = appInput.safeParse({
    slug: CONSOLE,
    name: 'Drawbridge console',
    type: 'public',
    redirectUris: [`${baseUrl}/console/signed-in`],
    postLogoutRedirectUris: [`${baseUrl}/console/`],
  });
  if (!app.success) {
    throw new Fault('invalid-settings', `${baseUrl} must be an https address, or one of this machine.`, {
      where: 'http.baseUrl',
      remedy: 'Browsers send codes and tokens there.',
    });
  }
  await inInstallation(store.db, { actor: { kind: 'operator', id: 'console', label: 'console' } }, (tx) =>
    putApp(tx, app.data),
  );
}

/** Recognises a person by an access token that the console was given; those of other apps administer nothing. */
export function authenticateConsole(deps: SessionDependencies): Authenticate {
  return async (request) => {
    const token = bearerOf(request);
    if (token === undefined || isMeantAsKey(token)) return undefined;
    const found = await findArtifact(deps.store, 'AccessToken', token);
    if (found === undefined || found.payload.clientId !== CONSOLE) return undefined;
    return personAsCaller(deps, {
      organizationId: found.organizationId,
      userId: String(found.payload.accountId),
      email: found.email,
    });
  };
}
