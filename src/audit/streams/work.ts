/** The worker of streams: seals what can be sealed, delivers in order, moves the cursor on, and sees to it that it is woken again. */
import type { JobQueue } from '../../jobs/queue.ts';
import type { Log } from '../../log.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import { locateAuditStreams, locateOrganizations } from '../../store/locate.ts';
import { INSTALLATION, inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';
import { sealOrganization } from '../seal.ts';
import { advanceCursor, claimCursor, nextEvents, placeCursor, releaseCursor } from './cursor.ts';
import { type Delivery, deliver } from './deliver.ts';
import { disableStream, listStreams, type SecretBox, type Stream, streamSecret } from './stream.ts';

export interface StreamDependencies {
  readonly settings: Settings;
  readonly store: Store;
  readonly jobs: JobQueue;
  readonly log: Log;
  readonly secrets: SecretBox;
}

const WORKER: Origin = { actor: { kind: 'system', id: 'audit-streams', label: 'audit streams' } };
const BATCH = 500;
const PAUSE_SECONDS = 5;

/** Takes wake-ups from the queue; each works one stream. */
export async function startStreamWorker(deps: StreamDependencies): Promise<void> {
  await deps.jobs.work('audit.stream', async ({ organizationId, id }) => {
    if (await workStream(deps, organizationId, id)) await wake(deps, organizationId, id);
  });
  await sweepStreams(deps);
}

/** Wakes a worker for every stream that is on, should a wake-up have been lost. */
export async function sweepStreams(deps: StreamDependencies): Promise<void> {
  for (const { organizationId, id } of await locateAuditStreams(deps.store.db)) await wake(deps, organizationId, id);
}

/** Delivers all that a stream owes. @returns whether the stream is on */
export async function workStream(deps: StreamDependencies, owner: string, streamId: string): Promise<boolean> {
  const read = (tx: TenantTransaction) => listStreams(tx, streamId);
  const [stream] = await inTenant(deps.store.db, owner, WORKER, read, 'reader');
  if (stream === undefined || !stream.enabled) return false;
  const sources = owner === INSTALLATION ? [...(await locateOrganizations(deps.store.db)), INSTALLATION] : [owner];
  for (const organizationId of sources) await workSource(deps, owner, stream, organizationId);
  return true;
}

/** Delivers what a stream owes of one organization's events, until there is no more or the receiver fails. */
async function workSource(
  deps: StreamDependencies,
  owner: string,
  stream: Stream,
  organizationId: string,
): Promise<void> {
  const within = <T>(work: (tx: TenantTransaction) => Promise<T>) =>
    inTenant(deps.store.db, organizationId, WORKER, work);
  await sealOrganization(deps, organizationId);
  const claimed = await within(async (tx) => {
    // An organization that is younger than the installation's stream.
    await placeCursor(tx, stream.id, 'beginning');
    return claimCursor(tx, stream.id);
  });
  if (claimed === undefined) return;
  const secret = streamSecret(deps.secrets, owner, stream);
  for (let { position } = claimed; ; ) {
    const events = await within((tx) => nextEvents(tx, position, BATCH));
    const last = events.at(-1);
    if (last === undefined) return within((tx) => releaseCursor(tx, stream.id));
    const delivery = await deliver({ stream, secret, organizationId, events }, deps.settings, () => new Date());
    if (delivery.state !== 'taken') return fail(deps, owner, stream, { organizationId, delivery, ...claimed });
    if (!(await within((tx) => advanceCursor(tx, stream.id, position, last.position)))) return;
    position = last.position;
  }
}

async function fail(
  deps: StreamDependencies,
  owner: string,
  stream: Stream,
  what: {
    readonly organizationId: string;
    readonly attempts: number;
    readonly delivery: Exclude<Delivery, { state: 'taken' }>;
  },
): Promise<void> {
  const { organizationId, delivery, attempts } = what;
  deps.log.warn({ organizationId, stream: stream.slug, reason: delivery.error }, 'audit events could not be streamed');
  const failure = { attempts, ...delivery };
  await inTenant(deps.store.db, organizationId, WORKER, (tx) => releaseCursor(tx, stream.id, failure));
  if (delivery.state === 'refused_for_good') {
    await inTenant(deps.store.db, owner, WORKER, (tx) => disableStream(tx, stream.id, delivery.error));
  }
}

/** One wake-up for each slice of time, however many ask for it. */
async function wake(deps: StreamDependencies, organizationId: string, id: string): Promise<void> {
  const slice = PAUSE_SECONDS * 1000;
  const at = new Date(Math.ceil((Date.now() + 1) / slice) * slice);
  const singletonKey = `${id} ${at.toISOString().slice(0, 19)}`;
  await deps.jobs.enqueue(
    'audit.stream',
    { organizationId, id },
    { startAfter: at, singletonKey, singletonSeconds: 60 },
  );
}
