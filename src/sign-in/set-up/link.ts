/** Set-up links: made by an administrator, opened by whoever was given them, until they expire or are revoked. */
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import { record } from '../../audit/record.ts';
import { hashOf, randomSecret } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import { locateSetUpLink } from '../../store/locate.ts';
import type { Tables } from '../../store/tables.ts';
import { inTenant, isId, type Origin, type TenantTransaction } from '../../store/tenant.ts';
import { slug } from '../../tenancy/slug.ts';

export const setUpLinkInput = z.strictObject({
  /** What the connection will be called in paths; one that exists is set up anew. */
  connection: slug,
  expiresInDays: z.int().min(1).max(30).default(7),
});

export interface OpenLink {
  readonly organizationId: string;
  readonly organization: string;
  readonly id: string;
  readonly connectionId: string;
  readonly connectionSlug: string;
  readonly provider: string | null;
  readonly origin: Origin;
}

/** Makes a link. @returns the token, shown this once */
export async function createSetUpLink(tx: TenantTransaction, input: z.output<typeof setUpLinkInput>) {
  const token = randomSecret();
  const existing = await tx.db
    .selectFrom('connections')
    .select('id')
    .where('slug', '=', input.connection)
    .executeTakeFirst();
  const link = await tx.db
    .insertInto('set_up_links')
    .values({
      organization_id: tx.organizationId,
      token_hash: hashOf(token),
      ...(existing === undefined ? {} : { connection_id: existing.id }),
      connection_slug: input.connection,
      provider: null,
      created_by: tx.origin.actor.label,
      expires_at: sql<Date>`now() + ${input.expiresInDays} * interval '1 day'`,
      revoked_at: null,
    })
    .returning(['id', 'expires_at'])
    .executeTakeFirstOrThrow();
  await record(tx, {
    action: 'set_up_link.created',
    resource: { type: 'set_up_link', id: link.id },
    detail: { connection: input.connection, expiresAt: link.expires_at },
  });
  return { id: link.id, token, expiresAt: link.expires_at };
}

/** Links that still open. */
export async function listSetUpLinks(tx: TenantTransaction) {
  return tx.db
    .selectFrom('set_up_links')
    .select([
      'id',
      'connection_slug as connection',
      'provider',
      'created_by as createdBy',
      'created_at as createdAt',
      'expires_at as expiresAt',
    ])
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', sql<Date>`now()`)
    .orderBy('created_at', 'desc')
    .execute();
}

/** Ends a link at once. @throws Fault `not-found` */
export async function revokeSetUpLink(tx: TenantTransaction, id: string): Promise<void> {
  const revoked = isId(id)
    ? await tx.db
        .updateTable('set_up_links')
        .set({ revoked_at: sql`now()` })
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .returning('connection_slug')
        .executeTakeFirst()
    : undefined;
  if (revoked === undefined) throw new Fault('not-found', 'There is no such set-up link.', { where: 'path' });
  await record(tx, {
    action: 'set_up_link.revoked',
    resource: { type: 'set_up_link', id },
    detail: { connection: revoked.connection_slug },
  });
}

/**
 * The link of a presented token.
 * @throws Fault `not-found` where it never was, has expired or was revoked: all of which look alike
 */
export async function openSetUpLink(
  db: Kysely<Tables>,
  token: string,
  request: { readonly requestId?: string | undefined; readonly address?: string | undefined },
): Promise<OpenLink> {
  const hash = hashOf(token);
  const organizationId = await locateSetUpLink(db, hash);
  const reader: Origin = { actor: { kind: 'system', id: 'set-up links', label: 'set-up links' } };
  const found =
    organizationId === undefined
      ? undefined
      : await inTenant(db, organizationId, reader, (tx) => findLive(tx, hash), 'reader');
  if (organizationId === undefined || found === undefined) {
    throw new Fault('not-found', 'This set-up link has expired or was replaced.', {
      remedy: 'Ask whoever sent it for a new one.',
    });
  }
  const { created_by: by, ...link } = found;
  const actor = { kind: 'system', id: link.id, label: `set-up link of ${by}` } as const;
  return { organizationId, ...link, origin: { actor, ...request } };
}

/** Remembers which identity provider it is. */
export async function chooseProvider(tx: TenantTransaction, linkId: string, provider: string): Promise<void> {
  await tx.db.updateTable('set_up_links').set({ provider }).where('id', '=', linkId).execute();
  await record(tx, {
    action: 'set_up_link.provider_chosen',
    resource: { type: 'set_up_link', id: linkId },
    detail: { provider },
  });
}

async function findLive(tx: TenantTransaction, hash: Buffer) {
  return tx.db
    .selectFrom('set_up_links as l')
    .innerJoin('organizations as o', 'o.id', 'l.organization_id')
    .select([
      'l.id',
      'l.connection_id as connectionId',
      'l.connection_slug as connectionSlug',
      'l.provider',
      'l.created_by',
      'o.name as organization',
    ])
    .where('l.token_hash', '=', hash)
    .where('l.revoked_at', 'is', null)
    .where('l.expires_at', '>', sql<Date>`now()`)
    .executeTakeFirst();
}
