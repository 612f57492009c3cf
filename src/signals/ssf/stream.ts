/** Streams of signals: whom security event tokens are given to, how, and which. Each is of one organization. */
import { type Selectable, type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import { record } from '../../audit/record.ts';
import { seal, unseal } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import type { SealingKeys } from '../../sealing-keys.ts';
import type { SsfStreamRow } from '../../store/tables.ts';
import { isId, type TenantTransaction } from '../../store/tenant.ts';
import { STREAM_UPDATED, SUPPORTED_EVENTS } from './events.ts';
import { issuerOf, POLL, PUSH } from './metadata.ts';
import type { Correspondents } from './token.ts';

export type Stream = Selectable<SsfStreamRow>;
/** The API key of a receiver, which reaches the streams that it made, or a key that it replaces; null: whoever administers them all. */
export type Reach = string | null;

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
  /** Of whom it tells until the receiver adds or removes people. */
  default_subjects: z.enum(['ALL', 'NONE']).default('ALL'),
});
export type StreamInput = z.output<typeof streamInput>;

/** Who tells whom in a stream. */
export function correspondents(baseUrl: string, { organization_id, id, subject_format }: Stream): Correspondents {
  const issuer = issuerOf(baseUrl, organization_id);
  const audience = `${issuer}/streams/${id}`;
  return { issuer, audience, streamId: id, subjectIssuer: `${baseUrl}/oauth`, format: subject_format };
}

/** The one type that a stream tells which is not on: that it is not. Null: all. */
export function onlyTold({ status }: Pick<Stream, 'status'>): string | null {
  return status === 'enabled' ? null : STREAM_UPDATED;
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
    default_subjects: stream.default_subjects,
  };
}

export async function listStreams({ db }: TenantTransaction, by: Reach): Promise<Stream[]> {
  return db.selectFrom('ssf_streams').selectAll().where(within(by)).orderBy('created_at').execute();
}

/** @throws Fault `not-found`, also where it is out of reach */
export async function findStream({ db }: TenantTransaction, id: string, by: Reach): Promise<Stream> {
  const found = isId(id)
    ? await db.selectFrom('ssf_streams').selectAll().where('id', '=', id).where(within(by)).executeTakeFirst()
    : undefined;
  if (found === undefined) throw new Fault('not-found', 'There is no such stream.', { where: 'stream_id' });
  return found;
}

/** A stream that an administrator made is for any receiver of the organization. */
function within(by: Reach) {
  if (by === null) return sql<SqlBool>`true`;
  return sql<SqlBool>`(receiver_key IS NULL OR receiver_key IN (
    WITH RECURSIVE line AS (
      SELECT id, replaces_id FROM api_keys WHERE id = ${by}
      UNION SELECT k.id, k.replaces_id FROM api_keys k JOIN line ON k.id = line.replaces_id
    ) SELECT id FROM line))`;
}

/** Makes a stream. */
export async function createStream(
  tx: TenantTransaction,
  keys: SealingKeys,
  input: StreamInput,
  by: Reach,
): Promise<Stream> {
  const nothingYet = { sealed_authorization: null, status_reason: null, verification_at: null };
  const { id } = await tx.db
    .insertInto('ssf_streams')
    .values({ ...columnsOf(input), ...nothingYet, organization_id: tx.organizationId, receiver_key: by })
    .returning('id')
    .executeTakeFirstOrThrow();
  return supply(tx, keys, input, id, 'created');
}

/** Gives a stream what its receiver supplies anew. @param id of one that was found */
export async function rewriteStream(
  tx: TenantTransaction,
  keys: SealingKeys,
  input: StreamInput,
  id: string,
): Promise<Stream> {
  return supply(tx, keys, input, id, 'updated');
}

async function supply(
  tx: TenantTransaction,
  keys: SealingKeys,
  input: StreamInput,
  id: string,
  done: 'created' | 'updated',
): Promise<Stream> {
  const { delivery: way } = input;
  const authorization = way.method === PUSH ? way.authorization_header : undefined;
  const stream = await tx.db
    .updateTable('ssf_streams')
    .set({
      ...columnsOf(input),
      sealed_authorization: authorization === undefined ? null : seal(keys, purposeOf(id), authorization),
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await record(tx, {
    action: `ssf_stream.${done}`,
    resource: { type: 'ssf_stream', id },
    detail: { method: stream.method, url: stream.endpoint_url, events: stream.events_requested },
  });
  return stream;
}

function columnsOf({ delivery: way, events_requested, description, format, default_subjects }: StreamInput) {
  return {
    method: way.method === PUSH ? ('push' as const) : ('poll' as const),
    endpoint_url: way.method === PUSH ? way.endpoint_url : null,
    events_requested: events_requested ?? null,
    description: description ?? null,
    subject_format: format,
    default_subjects,
  };
}

/** What is left as it is where a receiver changes a part. */
export function suppliedBy(stream: Stream, keys: SealingKeys): StreamInput {
  const { endpoint_url: url, events_requested: events, description, subject_format: format, default_subjects } = stream;
  const authorization = streamAuthorization(keys, stream);
  return {
    delivery:
      url === null
        ? { method: POLL }
        : { method: PUSH, endpoint_url: url, ...(authorization ? { authorization_header: authorization } : {}) },
    ...(events === null ? {} : { events_requested: events }),
    ...(description === null ? {} : { description }),
    ...{ format, default_subjects },
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

/** @throws Fault `not-found` */
export async function deleteStream(tx: TenantTransaction, id: string, by: Reach): Promise<void> {
  await findStream(tx, id, by);
  await tx.db.deleteFrom('ssf_streams').where('id', '=', id).execute();
  await record(tx, { action: 'ssf_stream.deleted', resource: { type: 'ssf_stream', id } });
}
