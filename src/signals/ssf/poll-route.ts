/** Where a receiver comes for its tokens (RFC 8936); it may wait for them. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Request, Response } from 'express';
import type { JWK } from 'jose';
import { Fault } from '../../errors.ts';
import { tenantOf, withinTenant } from '../../http/caller.ts';
import { sendJson } from '../../http/send-json.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import { gatherSignals } from '../gather.ts';
import { acknowledge, nextTokens, type PollInput, pollInput, signedTokens } from './poll.ts';
import { correspondents, findStream, type Reach, type Stream } from './stream.ts';

interface Dependencies {
  readonly settings: Settings;
  readonly store: Pick<Store, 'db'>;
  readonly signingKeys: { current(): Promise<JWK> };
  /** Aborted when the server is about to end. */
  readonly stopping?: AbortSignal;
}

/** How long a poll waits for something to tell, in milliseconds, and how often it looks. */
const LONGEST_POLL = 20_000;
const LOOK_EVERY = 1000;

/** Takes what a poll acknowledges, and answers with what is to be taken next. */
export async function poll(deps: Dependencies, request: Request, response: Response, by: Reach): Promise<void> {
  const { db } = deps.store;
  const asked = pollInput.parse(request.body ?? {});
  const stream = await withinTenant(db, request, async (tx) => {
    const found = await findStream(tx, String(request.params['stream']), by);
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
async function somethingToTell(deps: Dependencies, request: Request, stream: Stream, asked: PollInput) {
  const { organizationId } = tenantOf(request);
  if (asked.maxEvents === 0) return { deliveries: [], more: false };
  const waits = !asked.returnImmediately && stream.status === 'enabled';
  const until = Date.now() + (waits ? LONGEST_POLL : 0);
  for (;;) {
    if (stream.status === 'enabled') await gatherSignals(deps, organizationId);
    const found = await withinTenant(deps.store.db, request, (tx) => nextTokens(tx, stream, asked), 'reader');
    const over = Date.now() >= until || request.socket.destroyed || deps.stopping?.aborted === true;
    if (found.deliveries.length > 0 || over) return found;
    await pause(LOOK_EVERY);
  }
}
