/** Fetches security event tokens that wait at a transmitter (RFC 8936); each is acknowledged once it has been carried out. */

import { sql } from 'kysely';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { boundedFetch } from '../../http/bounded-fetch.ts';
import { dueSsfReceivers } from '../../store/locate.ts';
import { inTenant, type Origin } from '../../store/tenant.ts';
import type { SignInDependencies } from '../door.ts';
import { carryOut } from './carry-out.ts';
import { pollToken, type Receiver } from './receiver.ts';
import { type ReadToken, TokenRefusal, tokenReader } from './token.ts';

const EVERY_SECONDS = 60;
/** Also how long the instance that polls has the receiver to itself. */
const AFTER_FAILURE_SECONDS = 300;
const MOST_EVENTS = 50;
const MOST_ROUNDS = 20;

const answer = z.object({
  sets: z.record(z.string(), z.string()).default({}),
  moreAvailable: z.boolean().default(false),
});

interface Told {
  readonly ack: string[];
  readonly setErrs: Record<string, { err: string; description: string }>;
}

/** A poller with a memory of transmitters' keys: polls every receiver that is due. */
export function signalPoller(deps: SignInDependencies): () => Promise<void> {
  const read = tokenReader(deps.settings.allowPrivateNetwork);
  return async () => {
    for (const { organizationId, id } of await dueSsfReceivers(deps.store.db))
      await pollOne(deps, read, organizationId, id);
  };
}

async function pollOne(deps: SignInDependencies, read: ReadToken, organizationId: string, id: string): Promise<void> {
  const origin: Origin = { actor: { kind: 'connection', id, label: 'shared signals' } };
  const receiver = await inTenant(deps.store.db, organizationId, origin, ({ db }) =>
    db
      .updateTable('ssf_receivers')
      .set({ next_poll_at: sql<Date>`now() + ${AFTER_FAILURE_SECONDS} * interval '1 second'` })
      .where('id', '=', id)
      .where('next_poll_at', '<=', sql<Date>`now()`)
      .returningAll()
      .executeTakeFirst(),
  );
  if (receiver === undefined) return;
  let failure: string | null = null;
  try {
    await drain(deps, read, receiver, { actor: { ...origin.actor, label: receiver.slug } });
  } catch (error) {
    deps.log.warn({ error, organizationId, receiver: receiver.slug }, 'signals could not be fetched');
    failure = error instanceof Fault ? error.message : "the transmitter can't be reached";
  }
  const pause = failure === null ? EVERY_SECONDS : AFTER_FAILURE_SECONDS;
  await inTenant(deps.store.db, organizationId, origin, ({ db }) =>
    db
      .updateTable('ssf_receivers')
      .set({ last_error: failure, next_poll_at: sql<Date>`now() + ${pause} * interval '1 second'` })
      .where('id', '=', id)
      .execute(),
  );
}

async function drain(deps: SignInDependencies, read: ReadToken, receiver: Receiver, origin: Origin): Promise<void> {
  let told: Told = { ack: [], setErrs: {} };
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const { sets, moreAvailable } = await ask(deps, receiver, { maxEvents: MOST_EVENTS, ...told });
    told = { ack: [], setErrs: {} };
    for (const [jti, set] of Object.entries(sets)) await take(deps, read, { receiver, origin, jti, set, told });
    if (Object.keys(sets).length === 0) return;
    if (!moreAvailable) break;
  }
  await ask(deps, receiver, { maxEvents: 0, ...told });
}

interface Waiting {
  readonly receiver: Receiver;
  readonly origin: Origin;
  readonly jti: string;
  readonly set: string;
  readonly told: Told;
}

async function take(deps: SignInDependencies, read: ReadToken, waiting: Waiting): Promise<void> {
  const { receiver, origin, jti, set, told } = waiting;
  try {
    const token = await read(receiver, set);
    await inTenant(deps.store.db, receiver.organization_id, origin, (tx) => carryOut(deps, tx, receiver, token));
    told.ack.push(jti);
  } catch (error) {
    if (!(error instanceof TokenRefusal)) throw error;
    told.setErrs[jti] = { err: error.err, description: error.message };
  }
}

async function ask({ settings }: SignInDependencies, receiver: Receiver, body: object) {
  const token = pollToken(settings.secrets.sealingKeys, receiver);
  const headers = {
    ...{ 'content-type': 'application/json', accept: 'application/json' },
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const asked = JSON.stringify({ ...body, returnImmediately: true });
  const send = boundedFetch(settings.allowPrivateNetwork);
  const response = await send(receiver.poll_url ?? '', { method: 'POST', headers, body: asked });
  if (response.status !== 200) throw new Fault('upstream-failed', `The transmitter answered ${response.status}.`);
  return answer.parse(await response.json());
}
