/** The SAML side of the door: metadata, the way to the identity provider, the assertion consumer service, and logout. */
import { Router } from 'express';
import { inTenant } from '../../store/tenant.ts';
import { guarded, openDoor, type SignInDependencies } from '../door.ts';
import { tokenRevocationRoutes } from '../token-revocation.ts';
import { takeResponse } from './acs.ts';
import { needsOwnKey } from './config.ts';
import { takeLogoutForm, takeLogoutQuery } from './logout.ts';
import { ownKeys, publishedCertificates } from './own-key.ts';
import { sendToProvider } from './send.ts';
import { metadataOf, serviceProviderOf } from './service-provider.ts';
import { revokedBy } from './token-revocation.ts';

/** `/saml/:connection/{metadata,login,acs,logout,global-token-revocation}`. */
export function samlRoutes(deps: SignInDependencies): Router {
  const router = Router();
  const { baseUrl } = deps.settings.http;

  router.get('/saml/:connection/metadata', async (request, response) => {
    const { connection, origin } = await openDoor(deps, request, 'saml');
    const { config, organizationId, id } = connection;
    const own = serviceProviderOf(baseUrl, id);
    const { certificates, signing } = needsOwnKey(config)
      ? await inTenant(
          deps.store.db,
          organizationId,
          origin,
          async (tx) => ({
            certificates: await publishedCertificates(tx, id),
            signing: (await ownKeys(tx, deps.settings.secrets.sealingKeys, id)).signing,
          }),
          'reader',
        )
      : { certificates: [], signing: undefined };
    response.type('application/samlmetadata+xml').send(metadataOf(config, own, certificates, signing));
  });

  router.get('/saml/:connection/login', async (request, response) => {
    const door = await openDoor(deps, request, 'saml');
    await guarded(deps, door, () => sendToProvider(deps, door, request, response));
  });

  router.post('/saml/:connection/acs', async (request, response) => {
    const door = await openDoor(deps, request, 'saml');
    await guarded(deps, door, () => takeResponse(deps, door, request, response));
  });

  router.get('/saml/:connection/logout', async (request, response) => {
    const door = await openDoor(deps, request, 'saml');
    await takeLogoutQuery(deps, door, request, response);
  });

  router.post('/saml/:connection/logout', async (request, response) => {
    const door = await openDoor(deps, request, 'saml');
    await takeLogoutForm(deps, door, request, response);
  });
  router.use(tokenRevocationRoutes(deps, revokedBy(deps.settings)));
  return router;
}
