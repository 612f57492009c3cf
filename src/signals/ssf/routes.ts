/** `/ssf/:organization/*` and its configuration document: an organization as a transmitter of the Shared Signals Framework 1.0. */
import express, { type Request, Router } from 'express';
import type { JWK } from 'jose';
import { Fault } from '../../errors.ts';
import { type Authenticate, callerOf, enterOrganization, requireCaller } from '../../http/caller.ts';
import type { JobQueue } from '../../jobs/queue.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import { locateOrganization } from '../../store/locate.ts';
import { isId } from '../../store/tenant.ts';
import { declareManagement } from './management-routes.ts';
import { issuerOf, transmitterMetadata } from './metadata.ts';
import { poll } from './poll-route.ts';
import type { Reach } from './stream.ts';

export interface TransmitterDependencies {
  readonly settings: Settings;
  readonly store: Store;
  readonly jobs: JobQueue;
  readonly signingKeys: { current(): Promise<JWK> };
  /** Aborted when the server is about to end. */
  readonly stopping?: AbortSignal;
}

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
    response.json(transmitterMetadata(baseUrl, id));
  });

  const streams = Router({ mergeParams: true });
  streams.use(requireCaller(authenticate));
  streams.use(enterOrganization((slugOrId) => locateOrganization(db, slugOrId)));
  streams.use((request, _response, next) => {
    reachOf(request);
    next();
  });
  streams.use(express.json({ limit: '256kb' }));
  declareManagement(streams, { ...deps, reachOf });
  streams.post('/streams/:stream/poll', (request, response) => poll(deps, request, response, reachOf(request)));
  router.use('/ssf/:organization', streams);
  return router;
}

/** @throws Fault `forbidden` */
function reachOf(request: Request): Reach {
  const caller = callerOf(request);
  if (caller.mayAdminister('organization')) return null;
  if (caller.hasScope('signals:receive')) return caller.actor.id;
  throw new Fault('forbidden', 'This needs an API key with the scope "signals:receive".');
}
