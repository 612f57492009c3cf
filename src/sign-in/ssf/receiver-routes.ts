/** Whose signals an organization listens to, in the administration API. */
import { z } from 'zod';
import { withinTenant } from '../../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../../http/endpoint.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import { deleteReceiver, discoverKeys, listReceivers, putReceiver, type Receiver, receiverInput } from './receiver.ts';

interface Dependencies {
  readonly settings: Settings;
  readonly store: Pick<Store, 'db'>;
}

/** Routes below `/api/v1/organizations/:organization`. */
export function signalReceiverRoutes({ settings, store }: Dependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  const { db } = store;
  const area = 'connections';
  const path = '/ssf-receivers/:receiver';
  const params = z.object({ receiver: z.string() });
  const show = shownAt(settings.http.baseUrl);

  endpoint(
    api,
    { method: 'get', path: '/ssf-receivers', summary: 'Whose shared signals are listened to', area },
    async (_, request) => ({ receivers: (await withinTenant(db, request, listReceivers, 'reader')).map(show) }),
  );

  endpoint(
    api,
    {
      method: 'put',
      path,
      summary: 'Listen to the shared signals of a transmitter, or change how',
      area,
      params,
      body: z.record(z.string(), z.unknown()),
    },
    async ({ params: { receiver: slug }, body }, request) => {
      const input = receiverInput.parse({ ...body, slug });
      const jwksUri = input.jwksUri ?? (await discoverKeys(input.issuer, settings.allowPrivateNetwork));
      const { sealingKeys } = settings.secrets;
      return show(await withinTenant(db, request, (tx) => putReceiver(tx, sealingKeys, { ...input, jwksUri })));
    },
  );

  endpoint(
    api,
    { method: 'delete', path, summary: 'Listen to a transmitter no more', area, params },
    async ({ params: { receiver } }, request) => withinTenant(db, request, (tx) => deleteReceiver(tx, receiver)),
  );
  return api;
}

function shownAt(baseUrl: string) {
  return (receiver: Receiver) => ({
    id: receiver.id,
    slug: receiver.slug,
    issuer: receiver.issuer,
    jwksUri: receiver.jwks_uri,
    audience: receiver.audience,
    onDisabled: receiver.on_disabled,
    enabled: receiver.enabled,
    /** Where the transmitter is to push to. */
    pushUrl: `${baseUrl}/ssf/events/${receiver.id}`,
    pollUrl: receiver.poll_url,
    lastEventAt: receiver.last_event_at,
    lastError: receiver.last_error,
  });
}
