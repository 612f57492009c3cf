/** `/ssf/events/:receiver`: security event tokens that a transmitter pushes (RFC 8935). 202 only once one has been carried out. */
import { timingSafeEqual } from 'node:crypto';
import express, { type Request, Router } from 'express';
import { record } from '../../audit/record.ts';
import { hashOf } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import { bearerOf } from '../../http/operator.ts';
import { originOf } from '../../http/request-context.ts';
import { locateSsfReceiver } from '../../store/locate.ts';
import { inTenant, type Origin } from '../../store/tenant.ts';
import type { SignInDependencies } from '../door.ts';
import { carryOut } from './carry-out.ts';
import { findReceiver, type Receiver } from './receiver.ts';
import { type ReadToken, TokenRefusal, tokenReader } from './token.ts';

const TYPE = 'application/secevent+jwt';

/** Routes to mount at the root. */
export function pushedSignalRoutes(deps: SignInDependencies): Router {
  const router = Router();
  const read = tokenReader(deps.settings.allowPrivateNetwork);
  const body = express.text({ type: TYPE, limit: '64kb' });
  router.post('/ssf/events/:receiver', body, async (request, response) => {
    const { receiver, origin } = await receiverOf(deps, request);
    response.set('Cache-Control', 'no-store');
    try {
      await take(deps, read, { receiver, origin, request });
      response.status(202).end();
    } catch (error) {
      if (!(error instanceof TokenRefusal)) throw error;
      await inTenant(deps.store.db, receiver.organization_id, origin, (tx) =>
        record(tx, {
          action: 'ssf_receiver.token_refused',
          resource: { type: 'ssf_receiver', id: receiver.id },
          outcome: 'denied',
          reason: error.message,
          detail: { receiver: receiver.slug, err: error.err },
        }),
      );
      response.status(400).set('Content-Language', 'en').json({ err: error.err, description: error.message });
    }
  });
  return router;
}

async function receiverOf({ store }: SignInDependencies, request: Request) {
  const id = String(request.params['receiver']);
  const origin = originOf(request, { kind: 'connection', id, label: 'shared signals' });
  const organizationId = await locateSsfReceiver(store.db, id);
  if (organizationId === undefined)
    throw new Fault('not-found', 'There is no such receiver of signals.', { where: 'path' });
  const receiver = await inTenant(store.db, organizationId, origin, (tx) => findReceiver(tx, id), 'reader');
  return { receiver, origin: originOf(request, { kind: 'connection', id, label: receiver.slug }) };
}

interface Pushed {
  readonly receiver: Receiver;
  readonly origin: Origin;
  readonly request: Request;
}

async function take(deps: SignInDependencies, read: ReadToken, { receiver, origin, request }: Pushed): Promise<void> {
  const { push_token_hash: wanted } = receiver;
  const presented = hashOf(bearerOf(request) ?? '');
  if (wanted !== null && !timingSafeEqual(presented, wanted))
    throw new TokenRefusal('authentication_failed', 'This needs the bearer token that was agreed on.');
  if (typeof request.body !== 'string') throw new TokenRefusal('invalid_request', `The body must be ${TYPE}.`);
  const token = await read(receiver, request.body.trim());
  await inTenant(deps.store.db, receiver.organization_id, origin, (tx) => carryOut(deps, tx, receiver, token));
}
