/** Streams of signals in the administration API: whom they tell, how that goes, and what an administrator does about it. */
import { sql } from 'kysely';
import { z } from 'zod';
import { withinTenant } from '../../http/caller.ts';
import { type ApiRouter, endpoint } from '../../http/endpoint.ts';
import type { JobQueue } from '../../jobs/queue.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { deliveriesAsked, listDeliveries, loggedDelivery, retryDelivery } from '../delivery-log.ts';
import { wakeFor } from '../wake.ts';
import { issuerOf } from './metadata.ts';
import {
  createStream,
  deleteStream,
  findStream,
  listStreams,
  type Stream,
  shownStream,
  streamInput,
} from './stream.ts';
import { setStatus, statusChange, verifyStream } from './stream-status.ts';

interface Dependencies {
  readonly settings: Settings;
  readonly store: Pick<Store, 'db'>;
  readonly jobs: JobQueue;
}

const area = 'organization';
const BASE = '/ssf-streams/:stream';
const params = z.object({ stream: z.string() });

const streamAnswer = z.object({
  id: z.string(),
  description: z.string().nullable(),
  audience: z.string(),
  method: z.enum(['push', 'poll']),
  /** Where it pushes to, or the receiver comes to. */
  endpointUrl: z.string(),
  eventsDelivered: z.array(z.string()),
  format: z.enum(['iss_sub', 'email', 'opaque']),
  defaultSubjects: z.enum(['ALL', 'NONE']),
  status: z.enum(['enabled', 'paused', 'disabled']),
  statusReason: z.string().nullable(),
  createdAt: z.date(),
});

/** How telling a stream goes. */
const progress = z.object({
  waiting: z.number(),
  failed: z.number(),
  deliveredAt: z.date().nullable(),
  /** Of the token that waits for its next try the longest. */
  lastError: z.string().nullable(),
});
type Progress = z.output<typeof progress>;

/** Adds them to a router below `/api/v1/organizations/:organization`. */
export function declareStreams(api: ApiRouter, deps: Dependencies): void {
  declareStreamsThemselves(api, deps);
  declareTelling(api, deps);
}

function declareStreamsThemselves(api: ApiRouter, { settings, store: { db } }: Dependencies): void {
  const { baseUrl } = settings.http;
  endpoint(
    api,
    {
      method: 'get',
      path: '/ssf-streams',
      summary: 'Whom shared signals are told, and how that goes',
      area,
      answer: z.object({ issuer: z.string(), streams: z.array(streamAnswer.extend(progress.shape)) }),
    },
    async (_, request) => {
      const [streams, going, issuer] = await withinTenant(
        db,
        request,
        async (tx) =>
          [await listStreams(tx, null), await progressOf(tx), issuerOf(baseUrl, tx.organizationId)] as const,
        'reader',
      );
      const nothing = { waiting: 0, failed: 0, deliveredAt: null, lastError: null };
      const shown = streams.map((stream) => ({ ...answerOf(baseUrl, stream), ...(going.get(stream.id) ?? nothing) }));
      return { issuer, streams: shown };
    },
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/ssf-streams',
      summary: 'Make a stream for a receiver that does not do it itself',
      area,
      body: streamInput,
      status: 201,
      answer: streamAnswer,
    },
    async ({ body }, request) => {
      const { sealingKeys } = settings.secrets;
      return answerOf(baseUrl, await withinTenant(db, request, (tx) => createStream(tx, sealingKeys, body, null)));
    },
  );

  endpoint(
    api,
    { method: 'delete', path: BASE, summary: 'Remove a stream, and what it has yet to tell', area, params },
    async ({ params }, request) => withinTenant(db, request, (tx) => deleteStream(tx, params.stream, null)),
  );
}

function declareTelling(api: ApiRouter, { settings, store: { db }, jobs }: Dependencies): void {
  endpoint(
    api,
    {
      method: 'post',
      path: `${BASE}/status`,
      summary: 'Turn a stream on or off, or have it wait; its receiver is told',
      area,
      params,
      body: statusChange,
      answer: streamAnswer,
    },
    async ({ params, body }, request) =>
      withinTenant(db, request, async (tx) => {
        const changed = await setStatus(tx, params.stream, body, null);
        await wakeFor(jobs, tx);
        return answerOf(settings.http.baseUrl, changed);
      }),
  );

  endpoint(
    api,
    {
      method: 'post',
      path: `${BASE}/verify`,
      summary: 'Send a verification event; the log of deliveries says whether it was taken',
      area,
      params,
      status: 202,
      answer: z.object({ delivery: z.string() }),
    },
    async ({ params }, request) =>
      withinTenant(db, request, async (tx) => {
        const delivery = await verifyStream(tx, params.stream, undefined, null);
        await wakeFor(jobs, tx);
        return { delivery };
      }),
  );

  endpoint(
    api,
    {
      method: 'get',
      path: `${BASE}/deliveries`,
      summary: 'What a stream told in the last 30 days, and what came of it',
      area,
      params,
      query: deliveriesAsked,
      answer: z.object({ deliveries: z.array(loggedDelivery) }),
    },
    async ({ params, query }, request) => {
      const list = async (tx: TenantTransaction) => {
        const { id } = await findStream(tx, params.stream, null);
        return { deliveries: await listDeliveries(tx, id, query) };
      };
      return withinTenant(db, request, list, 'reader');
    },
  );

  endpoint(
    api,
    {
      method: 'post',
      path: `${BASE}/deliveries/:delivery/retry`,
      summary: 'Tell something again, by a token of the same jti',
      area,
      params: params.extend({ delivery: z.string() }),
    },
    async ({ params }, request) =>
      withinTenant(db, request, async (tx) => {
        const { id } = await findStream(tx, params.stream, null);
        await retryDelivery(tx, { type: 'ssf_stream', id }, params.delivery);
        await wakeFor(jobs, tx);
      }),
  );
}

function answerOf(baseUrl: string, stream: Stream): z.output<typeof streamAnswer> {
  const { aud, delivery, events_delivered } = shownStream(baseUrl, stream);
  return {
    id: stream.id,
    description: stream.description,
    audience: aud,
    method: stream.method,
    endpointUrl: delivery.endpoint_url ?? '',
    eventsDelivered: events_delivered,
    format: stream.subject_format,
    defaultSubjects: stream.default_subjects,
    status: stream.status,
    statusReason: stream.status_reason,
    createdAt: stream.created_at,
  };
}

async function progressOf({ db }: TenantTransaction): Promise<ReadonlyMap<string, Progress>> {
  const { rows } = await sql<Progress & { id: string }>`
    SELECT target_id AS id, count(*) FILTER (WHERE state IN ('waiting', 'retry'))::int AS waiting,
      count(*) FILTER (WHERE state = 'failed')::int AS failed, max(finished_at) FILTER (WHERE state = 'delivered') AS "deliveredAt",
      (array_agg(last_error ORDER BY seq) FILTER (WHERE state = 'retry'))[1] AS "lastError"
    FROM signal_deliveries WHERE ssf_stream_id IS NOT NULL GROUP BY target_id`.execute(db);
  return new Map(rows.map(({ id, ...going }) => [id, going]));
}
