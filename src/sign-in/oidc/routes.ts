/** The OpenID Connect side of the door: the way to the provider and back, and our keys for it. */
import { Router } from 'express';
import { inTenant } from '../../store/tenant.ts';
import { guarded, openDoor, type SignInDependencies } from '../door.ts';
import { tokenRevocationRoutes } from '../token-revocation.ts';
import { sendToProvider } from './authorize.ts';
import { comeBack } from './callback.ts';
import { publishedKeys } from './client-key.ts';
import { oidcLogoutRoutes } from './logout-routes.ts';
import { providers } from './provider.ts';
import { verifyToken } from './provider-token.ts';

/** `/oidc/:connection/...`. */
export function oidcRoutes(deps: SignInDependencies): Router {
  const router = Router();
  const find = providers(deps);

  router.get('/oidc/:connection/login', async (request, response) => {
    const door = await openDoor(deps, request, 'oidc');
    await guarded(deps, door, () => sendToProvider(deps, find, door, request, response));
  });

  router.get('/oidc/:connection/callback', async (request, response) => {
    const door = await openDoor(deps, request, 'oidc');
    await guarded(deps, door, () => comeBack(deps, find, door, request, response));
  });

  router.get('/oidc/:connection/jwks', async (request, response) => {
    const { connection, origin } = await openDoor(deps, request, 'oidc');
    const { organizationId, id } = connection;
    const keys = await inTenant(deps.store.db, organizationId, origin, (tx) => publishedKeys(tx, id), 'reader');
    // Kept for less long than a new key waits before it signs.
    response.set('Cache-Control', 'public, max-age=300').json({ keys: keys.map(({ jwk }) => jwk) });
  });
  const revocations = tokenRevocationRoutes(deps, {
    kind: 'oidc',
    verify: async (connection, token, wanted) =>
      verifyToken(await find(connection), connection.config, token, 'logout', wanted),
    issuerOf: ({ config }) => config.issuer,
  });
  router.use(oidcLogoutRoutes(deps, find), revocations);
  return router;
}
