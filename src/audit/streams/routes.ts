/** Streams of audit events in the administration API: an organization's own, and the operator's of everything. */
import type { Request } from 'express';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { callerOf, tenantOf } from '../../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../../http/endpoint.ts';
import { originOf } from '../../http/request-context.ts';
import type { Store } from '../../store/database.ts';
import { locateOrganizations } from '../../store/locate.ts';
import { INSTALLATION, inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';
import { cursorState, placeCursor, removeCursor } from './cursor.ts';
import {
  deleteStream,
  listStreams,
  putStream,
  type SecretBox,
  type Stream,
  streamSettings,
  streamSlug,
} from './stream.ts';

const streamAnswer = z.object({
  id: z.string(),
  slug: z.string(),
  kind: z.enum(['webhook', 'syslog']),
  format: z.enum(['drawbridge', 'ocsf']),
  enabled: z.boolean(),
  /** What was said of it beside that, but no secret. */
  config: z.union([
    z.object({ url: z.string() }),
    z.object({
      host: z.string(),
      port: z.number(),
      tls: z.boolean(),
      caCertificate: z.string().optional(),
      serverName: z.string().optional(),
      clientCertificate: z.string().optional(),
    }),
  ]),
  /** Events that have yet to be delivered. */
  waiting: z.number(),
  deliveredAt: z.date().nullable(),
  failingSince: z.date().nullable(),
  lastError: z.string().nullable(),
  nextAttemptAt: z.date().nullable(),
});

interface Dependencies {
  readonly store: Pick<Store, 'db'>;
  readonly secrets: SecretBox;
}

/** Whose streams a request is about, and whose events they carry. */
interface Owner {
  readonly organizationId: string;
  readonly origin: Origin;
  sources(): Promise<readonly string[]>;
}

/** Routes below `/api/v1/organizations/:organization`: an organization's streams of its own events. */
export function streamRoutes(deps: Dependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  declare(api, deps, (request) => {
    const { organizationId, origin } = tenantOf(request);
    return { organizationId, origin, sources: async () => [organizationId] };
  });
  return api;
}

/** Routes below `/api/v1`: the operator's streams of every organization's events and the installation's. */
export function installationStreamRoutes(deps: Dependencies): ApiRouter {
  const api = apiRouter('/api/v1');
  declare(api, deps, (request) => {
    const { actor } = callerOf(request);
    if (actor.kind !== 'operator') throw new Fault('forbidden', 'This is for the operator.');
    const sources = async () => [...(await locateOrganizations(deps.store.db)), INSTALLATION];
    return { organizationId: INSTALLATION, origin: originOf(request, actor), sources };
  });
  return api;
}

function declare(api: ApiRouter, deps: Dependencies, ownerOf: (request: Request) => Owner): void {
  const { db } = deps.store;
  const area = 'audit';
  const path = '/audit-streams/:stream';
  const params = z.object({ stream: z.string() });

  endpoint(
    api,
    {
      method: 'get',
      path: '/audit-streams',
      summary: 'Where audit events are streamed, and how it goes',
      area,
      answer: z.object({ streams: z.array(streamAnswer) }),
    },
    async (_, request) => {
      const owner = ownerOf(request);
      const streams = await inTenant(db, owner.organizationId, owner.origin, (tx) => listStreams(tx), 'reader');
      return { streams: await Promise.all(streams.map((stream) => shown(deps, owner, stream))) };
    },
  );

  endpoint(
    api,
    {
      method: 'put',
      path,
      summary: 'Create or change a stream of audit events; a secret that is made now is shown this once',
      area,
      params: z.object({ stream: streamSlug }),
      body: streamSettings,
      answer: z.object({ id: z.string(), created: z.boolean(), secret: z.string().optional() }),
    },
    async ({ params: { stream: slug }, body }, request) => {
      const owner = ownerOf(request);
      const input = { ...body, slug };
      const put = (tx: TenantTransaction) => putStream(tx, deps.secrets, input);
      const { id, created, madeSecret } = await inTenant(db, owner.organizationId, owner.origin, put);
      if (created) await everywhere(db, owner, (tx) => placeCursor(tx, id, input.from));
      return { id, created, ...(madeSecret === undefined ? {} : { secret: madeSecret }) };
    },
  );

  endpoint(
    api,
    { method: 'delete', path, summary: 'End a stream of audit events', area, params },
    async ({ params: { stream } }, request) => {
      const owner = ownerOf(request);
      const id = await inTenant(db, owner.organizationId, owner.origin, (tx) => deleteStream(tx, stream));
      await everywhere(db, owner, (tx) => removeCursor(tx, id));
    },
  );
}

async function everywhere(
  db: Store['db'],
  owner: Owner,
  work: (tx: TenantTransaction) => Promise<void>,
): Promise<void> {
  for (const organizationId of await owner.sources()) await inTenant(db, organizationId, owner.origin, work);
}

/** A stream as it is shown; over several organizations the worst of each. */
async function shown({ store }: Dependencies, owner: Owner, stream: Stream) {
  const { id, slug, kind, format, enabled, config } = stream;
  const states = [];
  for (const organizationId of await owner.sources()) {
    const read = (tx: TenantTransaction) => cursorState(tx, id);
    const state = await inTenant(store.db, organizationId, owner.origin, read, 'reader');
    if (state !== undefined) states.push(state);
  }
  const failing = states
    .filter(({ failingSince }) => failingSince !== null)
    .sort((a, b) => Number(a.failingSince) - Number(b.failingSince))[0];
  const delivered = states.map(({ deliveredAt }) => Number(deliveredAt ?? 0)).reduce((a, b) => Math.max(a, b), 0);
  return {
    id,
    slug,
    kind,
    format,
    enabled,
    config,
    waiting: states.reduce((sum, { waiting }) => sum + waiting, 0),
    deliveredAt: delivered === 0 ? null : new Date(delivered),
    failingSince: failing?.failingSince ?? null,
    lastError: failing?.lastError ?? null,
    nextAttemptAt: failing?.nextAttemptAt ?? null,
  };
}
