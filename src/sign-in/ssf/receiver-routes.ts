/** Whose signals an organization listens to, in the administration API. */
import { z } from 'zod';
import { withinTenant } from '../../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../../http/endpoint.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import { slug } from '../../tenancy/slug.ts';
import { deleteReceiver, discoverKeys, listReceivers, putReceiver, type Receiver, receiverInput } from './receiver.ts';

const receiverAnswer = z.object({
  id: z.string(),
  slug: z.string(),
  issuer: z.string(),
  jwksUri: z.string(),
  audience: z.string(),
  /** The id of the connection whose people it speaks of. */
  connectionId: z.string().nullable(),
  onDisabled: z.enum(['suspend', 'deprovision']),
  enabled: z.boolean(),
  /** Where the transmitter is to push to. */
  pushUrl: z.string(),
  pollUrl: z.string().nullable(),
  lastEventAt: z.date().nullable(),
  lastError: z.string().nullable(),
});

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
    {
      method: 'get',
      path: '/ssf-receivers',
      summary: 'Whose shared signals are listened to',
      area,
      answer: z.object({ receivers: z.array(receiverAnswer) }),
    },
    async (_, request) => ({ receivers: (await withinTenant(db, request, listReceivers, 'reader')).map(show) }),
  );

  endpoint(
    api,
    {
      method: 'put',
      path,
      summary: 'Listen to the shared signals of a transmitter, or change how',
      area,
      params: z.object({ receiver: slug }),
      body: receiverInput.omit({ slug: true }),
      answer: receiverAnswer,
    },
    async ({ params, body }, request) => {
      const input = { ...body, slug: params.receiver };
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
    connectionId: receiver.connection_id,
    onDisabled: receiver.on_disabled,
    enabled: receiver.enabled,
    pushUrl: `${baseUrl}/ssf/events/${receiver.id}`,
    pollUrl: receiver.poll_url,
    lastEventAt: receiver.last_event_at,
    lastError: receiver.last_error,
  });
}
