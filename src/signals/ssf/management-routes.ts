/** What a receiver manages its streams by: configuration, status, subjects and verification (Shared Signals Framework 1.0, 8.1). */
import { isDeepStrictEqual } from 'node:util';
import type { Request, Router } from 'express';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { withinTenant } from '../../http/caller.ts';
import { sendJson } from '../../http/send-json.ts';
import type { JobQueue } from '../../jobs/queue.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import { wakeFor } from '../wake.ts';
import {
  correspondents,
  createStream,
  deleteStream,
  findStream,
  listStreams,
  type Reach,
  rewriteStream,
  type Stream,
  shownStream,
  streamInput,
  suppliedBy,
} from './stream.ts';
import { setStatus, statusChange, verifyStream } from './stream-status.ts';
import { chooseSubject, subjectInput } from './subjects.ts';

interface Dependencies {
  readonly settings: Settings;
  readonly store: Pick<Store, 'db'>;
  readonly jobs: JobQueue;
  /** Which streams a request reaches. */
  readonly reachOf: (request: Request) => Reach;
}

/** Adds them to a router below `/ssf/:organization`. */
export function declareManagement(router: Router, deps: Dependencies): void {
  declareConfiguration(router, deps);
  declareStatus(router, deps);
  declareSubjects(router, deps);
}

function declareConfiguration(router: Router, { settings, store: { db }, reachOf }: Dependencies): void {
  const { baseUrl } = settings.http;
  const keys = settings.secrets.sealingKeys;

  router.post('/streams', async (request, response) => {
    const input = streamInput.parse(request.body ?? {});
    const made = await withinTenant(db, request, (tx) => createStream(tx, keys, input, reachOf(request)));
    response.status(201);
    sendJson(response, shownStream(baseUrl, made));
  });

  router.get('/streams', async (request, response) => {
    const { stream_id: id } = request.query;
    const by = reachOf(request);
    const found = await withinTenant(
      db,
      request,
      async (tx) => (id === undefined ? await listStreams(tx, by) : [await findStream(tx, String(id), by)]),
      'reader',
    );
    const shown = found.map((stream) => shownStream(baseUrl, stream));
    sendJson(response, id === undefined ? shown : shown[0]);
  });

  for (const method of ['patch', 'put'] as const) {
    router[method]('/streams', async (request, response) => {
      const { stream_id: id, ...said } = changeInput.parse(request.body);
      const changed = await withinTenant(db, request, async (tx) => {
        const before = await findStream(tx, id, reachOf(request));
        const supplied = withoutOurs(said, shownStream(baseUrl, before));
        const whole = method === 'put' ? supplied : { ...suppliedBy(before, keys), ...supplied };
        return rewriteStream(tx, keys, streamInput.parse(whole), id);
      });
      sendJson(response, shownStream(baseUrl, changed));
    });
  }

  router.delete('/streams', async (request, response) => {
    const id = String(request.query['stream_id']);
    await withinTenant(db, request, (tx) => deleteStream(tx, id, reachOf(request)));
    response.status(204).set('Cache-Control', 'no-store').end();
  });
}

const changeInput = z.looseObject({ stream_id: z.string() });
const OURS = ['iss', 'aud', 'events_supported', 'events_delivered', 'min_verification_interval'] as const;

/** What a receiver says of a stream, without what is ours to say; that may be repeated, but not changed. */
function withoutOurs(said: Record<string, unknown>, shown: ReturnType<typeof shownStream>): Record<string, unknown> {
  for (const name of OURS) {
    if (said[name] === undefined || isDeepStrictEqual(said[name], shown[name])) continue;
    throw new Fault('invalid-input', `What the transmitter says of a stream can not be changed: ${name}.`, {
      where: name,
    });
  }
  return said;
}

const ofStream = z.object({ stream_id: z.string() });

function declareStatus(router: Router, { store: { db }, jobs, reachOf }: Dependencies): void {
  router.get('/status', async (request, response) => {
    const id = String(request.query['stream_id']);
    const found = await withinTenant(db, request, (tx) => findStream(tx, id, reachOf(request)), 'reader');
    sendJson(response, shownStatus(found));
  });

  router.post('/status', async (request, response) => {
    const { stream_id: id, ...asked } = ofStream.extend(statusChange.shape).parse(request.body);
    const changed = await withinTenant(db, request, async (tx) => {
      const stream = await setStatus(tx, id, asked, reachOf(request));
      await wakeFor(jobs, tx);
      return stream;
    });
    sendJson(response, shownStatus(changed));
  });

  router.post('/verification', async (request, response) => {
    const { stream_id: id, state } = ofStream.extend({ state: z.string().max(1000).optional() }).parse(request.body);
    await withinTenant(db, request, async (tx) => {
      await verifyStream(tx, id, state, reachOf(request));
      await wakeFor(jobs, tx);
    });
    response.status(204).end();
  });
}

function shownStatus({ id, status, status_reason: reason }: Stream) {
  return { stream_id: id, status, ...(reason === null ? {} : { reason }) };
}

function declareSubjects(router: Router, { settings, store: { db }, reachOf }: Dependencies): void {
  const choosing = (path: string, wanted: boolean, status: number) =>
    router.post(path, async (request, response) => {
      const { stream_id: id, subject } = subjectInput.parse(request.body);
      await withinTenant(db, request, async (tx) => {
        const stream = await findStream(tx, id, reachOf(request));
        const { subjectIssuer } = correspondents(settings.http.baseUrl, stream);
        await chooseSubject(tx, stream, subject, subjectIssuer, wanted);
      });
      response.status(status).set('Cache-Control', 'no-store').end();
    });
  choosing('/subjects/add', true, 200);
  choosing('/subjects/remove', false, 204);
}
