/** `/ssf/:organization/*` and its configuration document: an organization as a transmitter of the Shared Signals Framework 1.0. */
import { setTimeout as pause } from 'node:timers/promises';
import express, { type Request, type Response, Router } from 'express';
import type { JWK } from 'jose';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import {
  type Authenticate,
  callerOf,
  enterOrganization,
  requireCaller,
  tenantOf,
  withinTenant,
} from '../../http/caller.ts';
import { sendJson } from '../../http/send-json.ts';
import type { JobQueue } from '../../jobs/queue.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import { locateOrganization } from '../../store/locate.ts';
import { isId } from '../../store/tenant.ts';
import { gatherSignals } from '../gather.ts';
import { acknowledge, nextTokens, type PollInput, pollInput, signedTokens } from './poll.ts';
import {
  correspondents,
  deleteStream,
  findStream,
  issuerOf,
  listStreams,
  POLL,
  PUSH,
  type Stream,
  setStatus,
  shownStream,
  statusInput,
  streamInput,
  suppliedBy,
  verifyStream,
  writeStream,
} from './stream.ts';

export interface TransmitterDependencies {
  readonly settings: Settings;
  readonly store: Store;
  readonly jobs: JobQueue;
  readonly signingKeys: { current(): Promise<JWK> };
  /** Aborted when the server is about to end. */
  readonly stopping?: AbortSignal;
}

/** How long a poll waits for something to tell, in milliseconds, and how often it looks. */
const LONGEST_POLL = 20_000;
const LOOK_EVERY = 1000;

/** Routes to mount at the root. */
export function transmitterRoutes(deps: TransmitterDependencies, authenticate: Authenticate): Router {
  const { db } = deps.store;
  const { baseUrl } = deps.settings.http;
  const router = Router();
  const { pathname } = new URL(issuerOf(baseUrl, ':organization'));
  // Inserted before the issuer's path.
  router.get(`/.well-known/ssf-configuration${pathname}` as string, async (request, response) => {
    const id = String(request.params['organization'] ?? '');
    if (!isId(id) || (await locateOrganization(db, id)) === undefined)
      throw new Fault('not-found', 'There is no such issuer.', { where: 'path' });
    response.json(configuration(baseUrl, id));
  });

  const streams = Router({ mergeParams: true });
  streams.use(requireCaller(authenticate));
  streams.use(enterOrganization((slugOrId) => locateOrganization(db, slugOrId)));
  streams.use((request, _response, next) => {
    const caller = callerOf(request);
    if (caller.mayAdminister('organization') || caller.hasScope('signals:receive')) return next();
    throw new Fault('forbidden', 'This needs an API key with the scope "signals:receive".');
  });
  streams.use(express.json({ limit: '256kb' }));
  declareConfiguration(streams, deps);
  declareStatus(streams, deps);
  streams.post('/streams/:stream/poll', (request, response) => poll(deps, request, response));
  router.use('/ssf/:organization', streams);
  return router;
}

function configuration(baseUrl: string, organizationId: string) {
  const issuer = issuerOf(baseUrl, organizationId);
  return {
    spec_version: '1_0',
    issuer,
    jwks_uri: `${baseUrl}/oauth/jwks`,
    delivery_methods_supported: [PUSH, POLL],
    configuration_endpoint: `${issuer}/streams`,
    status_endpoint: `${issuer}/status`,
    verification_endpoint: `${issuer}/verification`,
    authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6750' }],
    default_subjects: 'ALL',
  };
}

function declareConfiguration(router: Router, { settings, store: { db } }: TransmitterDependencies): void {
  const { baseUrl } = settings.http;
  const keys = settings.secrets.sealingKeys;
  const answer = (response: Response, value: unknown) => sendJson(response, value);

  router.post('/streams', async (request, response) => {
    const input = streamInput.parse(request.body ?? {});
    const made = await withinTenant(db, request, (tx) => writeStream(tx, keys, input));
    response.status(201);
    answer(response, shownStream(baseUrl, made));
  });

  router.get('/streams', async (request, response) => {
    const { stream_id: id } = request.query;
    const found = await withinTenant(
      db,
      request,
      async (tx) => (id === undefined ? await listStreams(tx) : [await findStream(tx, String(id))]),
      'reader',
    );
    const shown = found.map((stream) => shownStream(baseUrl, stream));
    answer(response, id === undefined ? shown : shown[0]);
  });

  const changing = (method: 'patch' | 'put') =>
    router[method]('/streams', async (request, response) => {
      const { stream_id: id, iss, aud, ...supplied } = changeInput.parse(request.body);
      const changed = await withinTenant(db, request, async (tx) => {
        const before = await findStream(tx, id);
        const { iss: ours, aud: theirs } = shownStream(baseUrl, before);
        if ((iss ?? ours) !== ours || (aud ?? theirs) !== theirs)
          throw new Fault('invalid-input', 'The issuer and the audience can not be changed.', { where: 'aud' });
        const whole = method === 'put' ? supplied : { ...suppliedBy(before, keys), ...supplied };
        return writeStream(tx, keys, streamInput.parse(whole), id);
      });
      answer(response, shownStream(baseUrl, changed));
    });
  changing('patch');
  changing('put');

  router.delete('/streams', async (request, response) => {
    await withinTenant(db, request, (tx) => deleteStream(tx, String(request.query['stream_id'])));
    response.status(204).end();
  });
}

const changeInput = z.looseObject({ stream_id: z.string(), iss: z.string().optional(), aud: z.string().optional() });
const verificationInput = z.object({ stream_id: z.string(), state: z.string().max(1000).optional() });

function declareStatus(router: Router, { store: { db }, jobs }: TransmitterDependencies): void {
  const shown = ({ id, status, status_reason: reason }: Stream) => ({
    ...{ stream_id: id, status },
    ...(reason === null ? {} : { reason }),
  });

  router.get('/status', async (request, response) => {
    const find = String(request.query['stream_id']);
    sendJson(response, shown(await withinTenant(db, request, (tx) => findStream(tx, find), 'reader')));
  });

  router.post('/status', async (request, response) => {
    const asked = statusInput.parse(request.body);
    sendJson(response, shown(await withinTenant(db, request, (tx) => setStatus(tx, asked))));
  });

  router.post('/verification', async (request, response) => {
    const { stream_id: id, state } = verificationInput.parse(request.body);
    await withinTenant(db, request, async (tx) => {
      await verifyStream(tx, id, state);
      const { organizationId } = tx;
      await jobs.enqueue('signals.work', { organizationId, id: organizationId }, { transaction: tx.db });
    });
    response.status(204).end();
  });
}

async function poll(deps: TransmitterDependencies, request: Request, response: Response): Promise<void> {
  const { db } = deps.store;
  const asked = pollInput.parse(request.body ?? {});
  const stream = await withinTenant(db, request, async (tx) => {
    const found = await findStream(tx, String(request.params['stream']));
    if (found.method !== 'poll') throw new Fault('not-found', 'This stream is pushed.', { where: 'path' });
    await acknowledge(tx, found.id, asked);
    return found;
  });
  const { deliveries, more } = await somethingToTell(deps, request, stream, asked);
  const to = correspondents(deps.settings.http.baseUrl, stream);
  const sets = deliveries.length === 0 ? {} : await signedTokens(to, deliveries, await deps.signingKeys.current());
  sendJson(response, { sets, ...(more ? { moreAvailable: true } : {}) });
}

/** What there is, or what there is to come in a while where the receiver waits for it. */
async function somethingToTell(
  deps: TransmitterDependencies,
  request: Request,
  { id, status }: Stream,
  asked: PollInput,
) {
  const { organizationId } = tenantOf(request);
  const nothing = { deliveries: [], more: false };
  if (status !== 'enabled' || asked.maxEvents === 0) return nothing;
  const until = Date.now() + (asked.returnImmediately ? 0 : LONGEST_POLL);
  for (;;) {
    await gatherSignals(deps, organizationId);
    const found = await withinTenant(deps.store.db, request, (tx) => nextTokens(tx, id, asked), 'reader');
    const over = Date.now() >= until || request.socket.destroyed || deps.stopping?.aborted === true;
    if (found.deliveries.length > 0 || over) return found;
    await pause(LOOK_EVERY);
  }
}
