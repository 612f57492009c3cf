/** Streams of audit events to a SIEM: where to, in which form, and how far each has come. */
import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { record } from '../record.ts';

/** Seals what must be readable again; given where the capabilities are put together. */
export interface SecretBox {
  seal(purpose: string, secret: string): string;
  open(purpose: string, sealed: string): string;
}

export const streamSlug = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and dashes');

const common = {
  format: z.enum(['drawbridge', 'ocsf']).default('drawbridge'),
  enabled: z.boolean().default(true),
  /** Whether a new stream begins with what is to come, or with the first event that is still there. */
  from: z.enum(['now', 'beginning']).default('now'),
};

const webhook = z.strictObject({
  ...common,
  kind: z.literal('webhook'),
  url: z.url({ protocol: /^https?$/ }),
  /** `whsec_` and 24 to 64 bytes in base64; made, and shown once, where it is left out of a new stream. */
  secret: z
    .string()
    .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, 'must be whsec_ followed by 24 to 64 bytes in base64')
    .optional(),
});

const syslog = z.strictObject({
  ...common,
  kind: z.literal('syslog'),
  host: z.string().min(1).max(253),
  port: z.number().int().min(1).max(65535).default(6514),
  /** Plain TCP only where private addresses are allowed. */
  tls: z.boolean().default(true),
  /** Certificates (PEM) to hold the server's against, in place of the public ones. */
  caCertificate: z.string().max(65_536).optional(),
  serverName: z.string().max(253).optional(),
  clientCertificate: z.string().max(65_536).optional(),
  /** The private key (PEM) of the client's certificate. */
  secret: z.string().max(65_536).optional(),
});

/** What is said of a stream beside its slug. */
export const streamSettings = z.discriminatedUnion('kind', [webhook, syslog]);
export type StreamInput = z.output<typeof streamSettings> & { readonly slug: string };

export type StreamConfig =
  | { readonly url: string }
  | Omit<z.output<typeof syslog>, keyof typeof common | 'kind' | 'secret'>;

export interface Stream {
  readonly id: string;
  readonly slug: string;
  readonly kind: 'webhook' | 'syslog';
  readonly format: 'drawbridge' | 'ocsf';
  readonly config: StreamConfig;
  readonly sealed_secret: string | null;
  readonly enabled: boolean;
}

/** Creates or changes a stream. @returns also the secret, where it was made now */
export async function putStream(
  tx: TenantTransaction,
  secrets: SecretBox,
  input: StreamInput,
): Promise<{ readonly id: string; readonly created: boolean; readonly madeSecret?: string }> {
  const { slug, kind, format, enabled, from: _, secret: given, ...config } = input;
  const before = await findStream(tx, slug);
  if (before !== undefined && before.kind !== kind) {
    throw new Fault('conflict', `The stream "${slug}" is of the kind ${before.kind}.`, {
      where: 'kind',
      remedy: 'Delete it first.',
    });
  }
  const made =
    before === undefined && kind === 'webhook' && given === undefined
      ? `whsec_${randomBytes(32).toString('base64')}`
      : undefined;
  const secret = given ?? made;
  const values = {
    format,
    enabled,
    config,
    ...(secret === undefined ? {} : { sealed_secret: secrets.seal(purposeOf(tx.organizationId, slug), secret) }),
  };
  const id =
    before?.id ??
    (
      await tx.db
        .insertInto('audit_streams')
        .values({ organization_id: tx.organizationId, slug, kind, sealed_secret: null, ...values })
        .returning('id')
        .executeTakeFirstOrThrow()
    ).id;
  if (before !== undefined) await tx.db.updateTable('audit_streams').set(values).where('id', '=', id).execute();
  await record(tx, {
    action: before === undefined ? 'audit_stream.created' : 'audit_stream.updated',
    resource: { type: 'audit_stream', id },
    detail: { slug, kind, format, enabled, ...(secret === undefined ? {} : { secret: 'set' }) },
  });
  return { id, created: before === undefined, ...(made === undefined ? {} : { madeSecret: made }) };
}

/** @throws Fault `not-found` */
export async function deleteStream(tx: TenantTransaction, slug: string): Promise<string> {
  const stream = await findStream(tx, slug);
  if (stream === undefined) throw new Fault('not-found', 'There is no such stream.', { where: 'path' });
  await tx.db.deleteFrom('audit_streams').where('id', '=', stream.id).execute();
  await record(tx, {
    action: 'audit_stream.deleted',
    resource: { type: 'audit_stream', id: stream.id },
    detail: { slug },
  });
  return stream.id;
}

/** A receiver that wants no more is left alone. */
export async function disableStream(tx: TenantTransaction, id: string, reason: string): Promise<void> {
  await tx.db.updateTable('audit_streams').set({ enabled: false }).where('id', '=', id).execute();
  await record(tx, {
    action: 'audit_stream.disabled',
    resource: { type: 'audit_stream', id },
    outcome: 'failure',
    reason,
  });
}

/** The transaction's streams: all, or the one of an id or slug. */
export async function listStreams(tx: TenantTransaction, idOrSlug?: string): Promise<Stream[]> {
  const { rows } = await sql<Stream>`
    SELECT id, slug, kind, format, config, sealed_secret, enabled FROM audit_streams
    WHERE organization_id = ${tx.organizationId} AND (${idOrSlug ?? null}::text IS NULL OR ${idOrSlug ?? null}::text IN (id::text, slug))
    ORDER BY slug`.execute(tx.db);
  return rows;
}

/** A stream's secret, opened. */
export function streamSecret(secrets: SecretBox, organizationId: string, stream: Stream): string | undefined {
  const { sealed_secret: sealed, slug } = stream;
  return sealed === null ? undefined : secrets.open(purposeOf(organizationId, slug), sealed);
}

async function findStream(tx: TenantTransaction, slug: string): Promise<Stream | undefined> {
  return (await listStreams(tx, slug))[0];
}

function purposeOf(organizationId: string, slug: string): string {
  return `audit_stream:${organizationId}:${slug}`;
}
