/** The worker: seals, makes messages of what is new, sends what is due, and sees to it that it is woken again. */
import { record } from '../audit/record.ts';
import { outboundFetch } from '../http/outbound.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import { dueSignals, locateOrganizations } from '../store/locate.ts';
import { INSTALLATION, inTenant, type TenantTransaction } from '../store/tenant.ts';
import { claimDeliveries, type Delivery, forgetDeliveries, type Settlement, settleDeliveries } from './delivery.ts';
import { gatherSignals, SIGNALLER } from './gather.ts';
import { MESSAGE_PAUSES, nextTry } from './next-try.ts';
import { openTargets, type SigningKeys, type Target, type TargetOutcome } from './target.ts';

export interface SignalDependencies {
  readonly settings: Settings;
  readonly store: Store;
  readonly jobs: JobQueue;
  readonly log: Log;
  readonly signingKeys: SigningKeys;
}

const BATCH = 16;
/** One try's time in milliseconds; well below the lease. */
const TIMEOUT = 10_000;
/** A receiver's turn; then the next round looks for what is new. */
const TURN = 20_000;
const PAUSE_SECONDS = 3;
/** Organizations worked side by side, so that a receiver that hangs holds only its own up. */
const AT_ONCE = 8;

/** Takes wake-ups from the queue; the installation's finds organizations that have something to tell, the others work one. */
export async function startSignalWorker(deps: SignalDependencies): Promise<void> {
  const work = async ({ organizationId }: { readonly organizationId: string }) => {
    if (organizationId !== INSTALLATION) return workSignals(deps, organizationId);
    for (const due of await dueSignals(deps.store.db)) await wake(deps, due, new Date());
    await wakeSignals(deps);
  };
  await deps.jobs.work('signals.work', work, AT_ONCE);
  await wakeSignals(deps);
}

/** Has organizations looked for that have something to tell; also by the clock, should a wake-up have been lost. */
export async function wakeSignals(deps: SignalDependencies): Promise<void> {
  const slice = PAUSE_SECONDS * 1000;
  await wake(deps, INSTALLATION, new Date(Math.ceil((Date.now() + 1) / slice) * slice));
}

/** Tells everybody what they have not been told. */
export async function workSignals(deps: SignalDependencies, organizationId: string): Promise<void> {
  await gatherSignals(deps, organizationId);
  const open = (tx: TenantTransaction) => openTargets(deps, tx);
  const targets = await inTenant(deps.store.db, organizationId, SIGNALLER, open, 'reader');
  await Promise.all(targets.map((target) => workTarget(deps, organizationId, target)));
}

/** Forgets deliveries of long ago. */
export async function sweepSignals(deps: SignalDependencies): Promise<void> {
  for (const id of await locateOrganizations(deps.store.db))
    await inTenant(deps.store.db, id, SIGNALLER, forgetDeliveries);
}

async function workTarget(deps: SignalDependencies, organizationId: string, target: Target): Promise<void> {
  const within = <T>(work: (tx: TenantTransaction) => Promise<T>) =>
    inTenant(deps.store.db, organizationId, SIGNALLER, work);
  const allowPrivateNetwork = deps.settings.allowPrivateNetwork;
  const until = AbortSignal.timeout(TURN);
  while (!until.aborted) {
    const claimed = await within((tx) => claimDeliveries(tx, target.id, BATCH, target.only));
    const send = outboundFetch({ allowPrivateNetwork, timeout: TIMEOUT });
    const tried = await Promise.all(
      claimed.map(async (delivery) => ({ delivery, outcome: await target.send(delivery, send) })),
    );
    if (tried.length > 0) await within((tx) => settle(deps, tx, target, tried));
    // One that fails is most likely away: the next round is soon enough.
    if (tried.every(({ outcome }) => outcome.state !== 'delivered')) return;
  }
}

interface Tried {
  readonly delivery: Delivery;
  readonly outcome: TargetOutcome;
}

async function settle(
  deps: SignalDependencies,
  tx: TenantTransaction,
  target: Target,
  tried: readonly Tried[],
): Promise<void> {
  const settlements = tried.map(settlementOf);
  const settled = await settleDeliveries(tx, settlements, target.id);
  if (tried.some(({ outcome }) => outcome.state === 'unsupported')) await target.close(tx);
  for (const { id, state, error } of settlements) {
    if (state !== 'failed' || !settled.includes(id)) continue;
    await record(tx, {
      action: `${target.resource}.message_undelivered`,
      resource: { type: target.resource, id: target.id },
      outcome: 'failure',
      reason: error ?? '',
      detail: { delivery: id },
    });
    deps.log.error({ organizationId: tx.organizationId, target: target.id, delivery: id }, 'a message was never taken');
  }
}

function settlementOf({ delivery, outcome }: Tried): Settlement {
  const { id, attempts } = delivery;
  const status = 'proof' in outcome ? outcome.proof.status : 'status' in outcome ? (outcome.status ?? null) : null;
  const failed = (error: string): Settlement => ({ id, state: 'failed', status, error, next: null });
  if (outcome.state === 'delivered') return { id, state: 'delivered', status, error: null, next: null };
  if (outcome.state === 'unsupported') return failed('the endpoint wants no more messages');
  if (outcome.state === 'moot') return failed(outcome.error);
  const next = nextTry(MESSAGE_PAUSES, outcome, attempts, Math.random());
  return next === undefined ? failed(outcome.error) : { id, state: 'retry', status, error: outcome.error, next };
}

async function wake(deps: SignalDependencies, organizationId: string, at: Date): Promise<void> {
  const slice = Math.floor(at.getTime() / (PAUSE_SECONDS * 1000));
  const options = { startAfter: at, singletonKey: `${organizationId} ${slice}`, singletonSeconds: 60 };
  await deps.jobs.enqueue('signals.work', { organizationId, id: organizationId }, options);
}
