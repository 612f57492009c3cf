/** Hands a batch of events to a stream's receiver. */
import { outboundFetch } from '../../http/outbound.ts';
import { signedHeaders } from '../../http/webhook-signature.ts';
import type { Settings } from '../../settings.ts';
import { asOcsf } from '../ocsf.ts';
import type { StreamedEvent } from './cursor.ts';
import { type SyslogTarget, sendSyslog } from './send-syslog.ts';
import type { Stream } from './stream.ts';
import { syslogFrame } from './syslog-message.ts';

/** Well below a cursor's lease, in milliseconds. */
const TIMEOUT = 20_000;

export type Delivery =
  | { readonly state: 'taken' }
  | { readonly state: 'refused_for_good'; readonly error: string }
  | { readonly state: 'failed'; readonly error: string; readonly retryAfterSeconds?: number | undefined };

export interface Batch {
  readonly stream: Stream;
  readonly secret: string | undefined;
  /** Whose events these are. */
  readonly organizationId: string;
  readonly events: readonly StreamedEvent[];
}

/** Never throws. */
export async function deliver(batch: Batch, settings: Settings, now: () => Date): Promise<Delivery> {
  try {
    if (batch.stream.kind === 'webhook') return await post(batch, settings, now());
    await write(batch, settings);
    return { state: 'taken' };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = cause instanceof Error ? cause.message.slice(0, 200) : 'unknown reason';
    return { state: 'failed', error: `the receiver can't be reached: ${why}` };
  }
}

async function post(batch: Batch, settings: Settings, now: Date): Promise<Delivery> {
  const { stream, organizationId, events, secret = '' } = batch;
  const [from, to] = [events[0]?.position ?? 0, events.at(-1)?.position ?? 0];
  const shown = events.map((event) =>
    stream.format === 'ocsf' ? { position: event.position, hash: event.hash, ...asOcsf(organizationId, event) } : event,
  );
  const data = { organization: organizationId, from, to, events: shown };
  const body = JSON.stringify({ type: 'audit.events', timestamp: now.toISOString(), data });
  // The same range has the same id, so that a repetition is recognised.
  const id = `aud_${stream.id}_${organizationId}_${from}_${to}`;
  const send = outboundFetch({ allowPrivateNetwork: settings.allowPrivateNetwork, timeout: TIMEOUT });
  const { url } = stream.config as { url: string };
  const response = await send(url, {
    method: 'POST',
    headers: signedHeaders({ id, secrets: [secret] }, body, now),
    body,
  });
  await response.body?.cancel();
  const { status } = response;
  if (status >= 200 && status < 300) return { state: 'taken' };
  const error = `the receiver answered ${status}`;
  if (status === 410) return { state: 'refused_for_good', error };
  const wait = Number(response.headers.get('retry-after') ?? 0);
  return { state: 'failed', error, ...(wait > 0 ? { retryAfterSeconds: Math.min(wait, 3600) } : {}) };
}

async function write({ stream, organizationId, events, secret }: Batch, settings: Settings): Promise<void> {
  const { hostname } = new URL(settings.http.baseUrl);
  const frames = events.map((event) => syslogFrame(event, { organizationId, hostname, format: stream.format }));
  const target: SyslogTarget = { ...(stream.config as SyslogTarget), clientKey: secret };
  await sendSyslog(frames, target, { allowPrivateNetwork: settings.allowPrivateNetwork, timeout: TIMEOUT });
}
