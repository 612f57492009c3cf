/** Everything about one person that an administrator looks at: who they are to whom, what they hold. */
import { sql } from 'kysely';
import { z } from 'zod';
import type { TenantTransaction } from '../store/tenant.ts';
import { membershipsOf, shownMembership } from './membership.ts';
import { type Person, personShape } from './people.ts';

/** Times within these lists are text already: they come out of the database as JSON. */
const at = z.string();

const held = z.object({
  /** As whom they sign in through which connection. */
  identities: z.array(
    z.object({ connection: z.string(), subject: z.string(), createdAt: at, lastSignInAt: at.nullable() }),
  ),
  /** What directories last said of them. */
  facts: z.array(
    z.object({
      directory: z.string(),
      sourceKey: z.string(),
      externalId: z.string().nullable(),
      userName: z.string(),
      email: z.string().nullable(),
      displayName: z.string(),
      active: z.boolean(),
      startsAt: at.nullable(),
      endsAt: at.nullable(),
      /** Null while it is there. */
      deletedAt: at.nullable(),
      updatedAt: at,
      attributes: z.record(z.string(), z.unknown()),
      groups: z.array(z.object({ id: z.uuid(), name: z.string() })),
    }),
  ),
  /** Keys that they made or answer for. */
  apiKeys: z.array(
    z.object({
      id: z.uuid(),
      kind: z.string(),
      name: z.string(),
      display: z.string(),
      environment: z.string(),
      isResponsible: z.boolean(),
      createdAt: at,
      expiresAt: at.nullable(),
      lastUsedAt: at.nullable(),
      flaggedReason: z.string().nullable(),
      revokedAt: at.nullable(),
    }),
  ),
  /** Third parties' tokens that are kept for them. */
  oauthTokens: z.array(
    z.object({ id: z.uuid(), provider: z.string(), kind: z.string(), createdAt: at, lockedAt: at.nullable() }),
  ),
  sessions: z.array(
    z.object({
      id: z.uuid(),
      authenticatedBy: z.string(),
      connection: z.string().nullable(),
      startedAt: at,
      lastSeenAt: at,
      expiresAt: at,
    }),
  ),
  /** The platform's apps that they are signed in to. */
  apps: z.array(z.object({ client: z.string(), since: at, expiresAt: at })),
});

export const personPage = z.object({ ...personShape, memberships: z.array(shownMembership), ...held.shape });

/** One person's page; two statements. */
export async function pageOf(tx: TenantTransaction, person: Person): Promise<z.output<typeof personPage>> {
  const { rows } = await sql<z.output<typeof held>>`
    SELECT (${IDENTITIES}) AS identities, (${FACTS}) AS facts, (${KEYS}) AS "apiKeys", (${TOKENS}) AS "oauthTokens",
      (${SESSIONS}) AS sessions, (${APPS}) AS apps
    FROM users u JOIN organizations o ON o.id = u.organization_id WHERE u.id = ${person.id}`.execute(tx.db);
  const [found] = rows;
  if (found === undefined) throw new Error('a person who was just found is gone');
  return { ...person, memberships: await membershipsOf(tx, person.id), ...found };
}

const IDENTITIES = sql`
  SELECT coalesce(jsonb_agg(jsonb_build_object('connection', c.slug, 'subject', i.subject, 'createdAt', i.created_at,
    'lastSignInAt', i.last_sign_in_at) ORDER BY i.created_at), '[]')
  FROM identities i JOIN connections c ON c.id = i.connection_id WHERE i.user_id = u.id`;

const FACTS = sql`
  SELECT coalesce(jsonb_agg(jsonb_build_object('directory', r.slug, 'sourceKey', d.source_key, 'externalId', d.external_id,
    'userName', d.user_name, 'email', d.email, 'displayName', d.display_name, 'active', d.active, 'startsAt', d.starts_at,
    'endsAt', d.ends_at, 'deletedAt', d.deleted_at, 'updatedAt', d.updated_at, 'attributes', d.attributes, 'groups', (
      SELECT coalesce(jsonb_agg(jsonb_build_object('id', g.id, 'name', g.display_name) ORDER BY g.display_name), '[]')
      FROM directory_group_members m JOIN directory_groups g ON g.directory_id = m.directory_id AND g.id = m.group_id
      WHERE m.directory_id = d.directory_id AND m.member_id = d.id)) ORDER BY r.slug), '[]')
  FROM directory_users d JOIN directories r ON r.id = d.directory_id WHERE d.user_id = u.id`;

const KEYS = sql`
  SELECT coalesce(jsonb_agg(jsonb_build_object('id', k.id, 'kind', k.kind, 'name', k.name, 'display', k.display,
    'environment', k.environment, 'isResponsible', k.responsible_id IS NOT DISTINCT FROM u.id, 'createdAt', k.created_at,
    'expiresAt', k.expires_at, 'lastUsedAt', k.last_used_at, 'flaggedReason', k.flagged_reason, 'revokedAt', k.revoked_at)
    ORDER BY k.revoked_at IS NOT NULL, k.created_at DESC), '[]')
  FROM api_keys k WHERE k.creator_id = u.id OR k.responsible_id = u.id`;

const TOKENS = sql`
  SELECT coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'provider', p.slug, 'kind', t.token_kind, 'createdAt', t.created_at,
    'lockedAt', t.locked_at) ORDER BY t.created_at DESC), '[]')
  FROM oauth_tokens t JOIN oauth_providers p ON p.id = t.provider_id WHERE t.user_id = u.id`;

const SESSIONS = sql`
  SELECT coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'authenticatedBy', s.authenticated_by, 'connection', c.slug,
    'startedAt', s.created_at, 'lastSeenAt', s.last_seen_at, 'expiresAt', s.expires_at) ORDER BY s.created_at DESC), '[]')
  FROM sessions s LEFT JOIN connections c ON c.id = s.connection_id
  WHERE s.user_id = u.id AND u.status = 'active' AND s.access_epoch = u.access_epoch AND s.ended_at IS NULL AND s.expires_at > now()
    AND s.last_seen_at > now() - o.session_idle_minutes * interval '1 minute'`;

const APPS = sql`
  SELECT coalesce(jsonb_agg(jsonb_build_object('client', a.client, 'since', a.created_at, 'expiresAt', a.expires_at)
    ORDER BY a.created_at DESC), '[]')
  FROM oauth_artifacts a WHERE a.user_id = u.id AND a.kind = 'Grant' AND a.ended_at IS NULL AND a.expires_at > now()
    AND u.status = 'active' AND a.access_epoch = u.access_epoch`;
