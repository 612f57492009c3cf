/** Rotation of our keys at providers, in the administration API. */
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { withinTenant } from '../../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../../http/endpoint.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import { findConnection } from '../connection.ts';
import { rotateClientKey } from './client-key.ts';

interface ClientKeyDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly settings: Pick<Settings, 'secrets'>;
}

/** Routes below `/api/v1/organizations/:organization`. */
export function clientKeyRoutes({ store, settings }: ClientKeyDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  endpoint(
    api,
    {
      method: 'post',
      path: '/connections/:connection/client-keys/rotate',
      summary: 'Make the next key with which we prove to an OpenID provider who we are',
      area: 'connections',
      params: z.object({ connection: z.string() }),
      body: z.strictObject({
        /** The new key signs now, and every other is void. */
        atOnce: z.boolean().default(false),
      }),
    },
    async ({ params, body }, request) => {
      return withinTenant(store.db, request, async (tx) => {
        const connection = await findConnection(tx, params.connection);
        if (connection.kind !== 'oidc' || connection.config.clientAuthentication !== 'private_key_jwt') {
          throw new Fault('conflict', 'This connection has no keys of ours.', {
            remedy: 'Put it with clientAuthentication private_key_jwt first.',
          });
        }
        const keys = await rotateClientKey(tx, settings.secrets.sealingKeys, connection.id, body.atOnce);
        return { keys: keys.map(({ kid, signsFrom, retiresAt }) => ({ kid, signsFrom, retiresAt })) };
      });
    },
  );
  return api;
}
