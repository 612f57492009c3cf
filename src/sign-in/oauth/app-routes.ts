/** Apps and signing keys in the administration API: the operator's alone, for they serve every organization. */
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { callerOf } from '../../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../../http/endpoint.ts';
import { originOf } from '../../http/request-context.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import type { Origin } from '../../store/tenant.ts';
import { appInput } from './app-input.ts';
import { deleteApp, listApps, putApp, readApp, renewAppSecret } from './app-registration.ts';
import { inInstallation } from './installation.ts';
import { rotateSigningKeys } from './signing-keys.ts';

const appPath = z.object({ app: z.string() });

/** Routes below `/api/v1`. */
export function appRoutes({
  store,
  settings,
}: {
  readonly store: Pick<Store, 'db'>;
  readonly settings: Settings;
}): ApiRouter {
  const api = apiRouter('/api/v1');
  const { db } = store;

  endpoint(api, { method: 'get', path: '/apps', summary: "The platform's apps" }, async (_input, request) => ({
    apps: await inInstallation(db, operatorOrigin(request), listApps, 'reader'),
  }));

  endpoint(
    api,
    { method: 'get', path: '/apps/:app', summary: "One of the platform's apps", params: appPath },
    async ({ params }, request) =>
      inInstallation(db, operatorOrigin(request), (tx) => readApp(tx, params.app), 'reader'),
  );

  endpoint(
    api,
    {
      method: 'put',
      path: '/apps/:app',
      summary: 'Register or change an app; a secret that is made now is shown this once',
      params: appPath,
      body: z.record(z.string(), z.unknown()),
    },
    async ({ params, body }, request) =>
      inInstallation(db, operatorOrigin(request), async (tx) => {
        const { madeSecret, ...put } = await putApp(tx, appInput.parse({ ...body, slug: params.app }));
        return {
          ...put,
          ...(await readApp(tx, params.app)),
          ...(madeSecret === undefined ? {} : { secret: madeSecret }),
        };
      }),
  );

  endpoint(
    api,
    {
      method: 'delete',
      path: '/apps/:app',
      summary: 'Take an app away; its tokens are worth nothing then',
      params: appPath,
    },
    async ({ params }, request) => inInstallation(db, operatorOrigin(request), (tx) => deleteApp(tx, params.app)),
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/apps/:app/secret',
      summary: 'Give an app a new secret, shown this once',
      params: appPath,
    },
    async ({ params }, request) => ({
      secret: await inInstallation(db, operatorOrigin(request), (tx) => renewAppSecret(tx, params.app)),
    }),
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/signing-keys/rotate',
      summary: 'Let the next signing key sign, and publish another next',
    },
    async (_input, request) => ({
      keys: await rotateSigningKeys(db, settings.secrets.sealingKeys, operatorOrigin(request)),
    }),
  );
  return api;
}

function operatorOrigin(request: Parameters<typeof callerOf>[0]): Origin {
  const { actor } = callerOf(request);
  if (actor.kind === 'operator') return originOf(request, actor);
  throw new Fault('forbidden', "Only the operator of this installation manages the platform's apps.");
}
