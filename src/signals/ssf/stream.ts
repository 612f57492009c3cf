/** Streams of signals: whom security event tokens are given to, how, and which. Each is of one organization, and of all of its people. */
import { type Selectable, sql } from 'kysely';
import { z } from 'zod';
import { record } from '../../audit/record.ts';
import { seal, unseal } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import type { SealingKeys } from '../../sealing-keys.ts';
import type { SsfStreamRow } from '../../store/tables.ts';
import { isId, type TenantTransaction } from '../../store/tenant.ts';
import { addMessage } from '../delivery.ts';
import { SUPPORTED_EVENTS, VERIFICATION } from './events.ts';
import type { Correspondents } from './token.ts';

export type Stream = Selectable<SsfStreamRow>;

export const PUSH = 'urn:ietf:rfc:8935';
export const POLL = 'urn:ietf:rfc:8936';
/** Seconds between verifications. */
export const VERIFICATION_INTERVAL = 5;

const delivery = z.discriminatedUnion('method', [
  z.object({
    method: z.literal(PUSH),
    endpoint_url: z.url({ protocol: /^https?$/ }),
    authorization_header: z
      .string()
      .min(1)
      .max(4096)
      .regex(/^[\x20-\x7e]+$/)
      .optional(),
  }),
  z.object({ method: z.literal(POLL), endpoint_url: z.string().optional() }),
]);

/** What a receiver supplies. */
export const streamInput = z.object({
  delivery: delivery.default({ method: POLL }),
  events_requested: z.array(z.string().min(1).max(500)).max(100).optional(),
  description: z.string().max(500).optional(),
  format: z.enum(['iss_sub', 'email', 'opaque']).default('iss_sub'),
});
export type StreamInput = z.output<typeof streamInput>;

export const statusInput = z.object({
  stream_id: z.string(),
  status: z.enum(['enabled', 'paused', 'disabled']),
  reason: z.string().max(500).optional(),
});

/** The issuer of an organization's signals. */
export function issuerOf(baseUrl: string, organizationId: string): string {
  return `${baseUrl}/ssf/${organizationId}`;
}

/** Who tells whom in a stream. */
export function correspondents(baseUrl: string, { organization_id, id, subject_format }: Stream): Correspondents {
  const issuer = issuerOf(baseUrl, organization_id);
  const audience = `${issuer}/streams/${id}`;
  return { issuer, audience, streamId: id, subjectIssuer: `${baseUrl}/oauth`, format: subject_format };
}

/** A stream's configuration, as its receiver sees it; the authorization is never shown. */
export function shownStream(baseUrl: string, stream: Stream) {
  const { issuer, audience } = correspondents(baseUrl, stream);
  const { events_requested: requested, method, endpoint_url: url } = stream;
  return {
    stream_id: stream.id,
    iss: issuer,
    aud: audience,
    delivery:
      method === 'push'
        ? { method: PUSH, endpoint_url: url }
        : { method: POLL, endpoint_url: `${issuer}/streams/${stream.id}/poll` },
    events_supported: SUPPORTED_EVENTS,
    ...(requested === null ? {} : { events_requested: requested }),
    events_delivered: SUPPORTED_EVENTS.filter((event) => requested === null || requested.includes(event)),
    min_verification_interval: VERIFICATION_INTERVAL,
    ...(stream.description === null ? {} : { description: stream.description }),
    format: stream.subject_format,
  };
}

export async function listStreams({ db }: TenantTransaction): Promise<Stream[]> {
  return db.selectFrom('ssf_streams').selectAll().orderBy('created_at').execute();
}

/** @throws Fault `not-found` */
export async function findStream({ db }: TenantTransaction, id: string): Promise<Stream> {
  const found = isId(id)
    ? await db.selectFrom('ssf_streams').selectAll().where('id', '=', id).executeTakeFirst()
    : undefined;
  if (found === undefined) throw new Fault('not-found', 'There is no such stream.', { where: 'stream_id' });
  return found;
}

/** Makes a stream, or gives one what its receiver supplies anew. */
export async function writeStream(
  tx: TenantTransaction,
  keys: SealingKeys,
  input: StreamInput,
  id?: string,
): Promise<Stream> {
  const made =
    id ??
    (
      await tx.db
        .insertInto('ssf_streams')
        .values({ ...columnsOf(input), ...NOTHING_YET, organization_id: tx.organizationId })
        .returning('id')
        .executeTakeFirstOrThrow()
    ).id;
  const { delivery: way } = input;
  const authorization = way.method === PUSH ? way.authorization_header : undefined;
  const stream = await tx.db
    .updateTable('ssf_streams')
    .set({
      ...columnsOf(input),
      sealed_authorization: authorization === undefined ? null : seal(keys, purposeOf(made), authorization),
    })
    .where('id', '=', made)
    .returningAll()
    .executeTakeFirstOrThrow();
  await record(tx, {
    action: id === undefined ? 'ssf_stream.created' : 'ssf_stream.updated',
    resource: { type: 'ssf_stream', id: made },
    detail: { method: stream.method, url: stream.endpoint_url, events: stream.events_requested },
  });
  return stream;
}

const NOTHING_YET = { sealed_authorization: null, status_reason: null, verification_at: null };

function columnsOf({ delivery: way, events_requested, description, format }: StreamInput) {
  return {
    method: way.method === PUSH ? ('push' as const) : ('poll' as const),
    endpoint_url: way.method === PUSH ? way.endpoint_url : null,
    events_requested: events_requested ?? null,
    description: description ?? null,
    subject_format: format,
  };
}

/** What is left as it is where a receiver changes a part. */
export function suppliedBy(stream: Stream, keys: SealingKeys): StreamInput {
  const { endpoint_url: url, events_requested: events, description, subject_format: format } = stream;
  const authorization = streamAuthorization(keys, stream);
  return {
    delivery:
      url === null
        ? { method: POLL }
        : { method: PUSH, endpoint_url: url, ...(authorization ? { authorization_header: authorization } : {}) },
    ...(events === null ? {} : { events_requested: events }),
    ...(description === null ? {} : { description }),
    format,
  };
}

/** The value of the header `Authorization` for a push. */
export function streamAuthorization(
  keys: SealingKeys,
  { id, sealed_authorization: sealed }: Stream,
): string | undefined {
  return sealed === null ? undefined : unseal(keys, purposeOf(id), sealed);
}

function purposeOf(id: string): string {
  return `ssf_stream:${id}`;
}

/** Turns a stream on, off, or has it wait. What happens while it is off it is not told; what while it waits it is, later. */
export async function setStatus(tx: TenantTransaction, asked: z.output<typeof statusInput>): Promise<Stream> {
  const { stream_id: id, status, reason = null } = asked;
  const before = await findStream(tx, id);
  const stream = await tx.db
    .updateTable('ssf_streams')
    .set({
      status,
      status_reason: reason,
      ...(before.status === 'disabled' && status !== 'disabled' ? { enabled_since: sql<Date>`now()` } : {}),
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
  const resource = { type: 'ssf_stream', id };
  await record(tx, { action: `ssf_stream.${status}`, resource, reason: reason ?? '' });
  return stream;
}

/** @throws Fault `not-found` */
export async function deleteStream(tx: TenantTransaction, id: string): Promise<void> {
  await findStream(tx, id);
  await tx.db.deleteFrom('ssf_streams').where('id', '=', id).execute();
  await record(tx, { action: 'ssf_stream.deleted', resource: { type: 'ssf_stream', id } });
}

/** Has a verification event sent along the stream. @throws Fault `not-found`, `too-many-requests` */
export async function verifyStream(tx: TenantTransaction, id: string, state: string | undefined): Promise<void> {
  await findStream(tx, id);
  const { numUpdatedRows } = await tx.db
    .updateTable('ssf_streams')
    .set({ verification_at: sql<Date>`now()` })
    .where('id', '=', id)
    .where(sql<boolean>`coalesce(verification_at < now() - ${VERIFICATION_INTERVAL} * interval '1 second', true)`)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) {
    throw new Fault('too-many-requests', 'This stream was verified a moment ago.', {
      extra: { retryAfter: VERIFICATION_INTERVAL },
    });
  }
  const body = state === undefined ? {} : { state };
  await addMessage(tx, { ssf_stream_id: id }, { type: VERIFICATION, body });
}
