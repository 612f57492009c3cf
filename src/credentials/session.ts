/**
 * Sessions of people: opaque, stored as a hash, bound to the person's access epoch, with an idle and an absolute limit from the
 * organization's settings (sign-in, Towards the platform). Whether one is live is decided on read, never by a sweeper.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { auditing, record } from '../audit/record.ts';
import { locateSession } from '../store/locate.ts';
import { prepared } from '../store/prepared.ts';
import type { Tables } from '../store/tables.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { holdActive } from './holder.ts';
import { hashOf, randomSecret } from './sealing.ts';

export interface LiveSession {
  readonly organizationId: string;
  readonly sessionId: string;
  readonly userId: string;
  readonly email: string;
  readonly expiresAt: Date;
}

const SESSIONS: Origin = { actor: { kind: 'system', id: 'sessions', label: 'sessions' } };

/** What is written at most once a minute, so that a page of twenty requests is not twenty writes. */
const SEEN_EVERY = sql`interval '1 minute'`;

/**
 * Of a person, seldom, and only together with the above. Where somebody else holds the row it is left for the next minute: waiting here
 * for who is letting the person go, while they wait for the session, would be a ring.
 */
const ACTIVE_EVERY = sql`interval '15 minutes'`;

/**
 * Starts a session of a signed-in person.
 * @param authenticatedBy how, for the record: `saml`, `oidc`
 * @param along what else is to be kept in the same statement (`, x AS (...)`); it may refer to the session as `started`
 * @returns the token, which is never to be read again, and the absolute end
 * @throws Fault `sign-in-refused` where the person is not active
 */
export async function startSession(
  tx: TenantTransaction,
  session: { readonly userId: string; readonly connectionId: string | null; readonly authenticatedBy: string },
  along: RawBuilder<unknown> = sql``,
): Promise<{ token: string; id: string; expiresAt: Date }> {
  const token = randomSecret();
  // One statement: the person is held still, and only an active one gets a session; whoever is told of it is told in the same breath.
  const { rows } = await prepared(sql<{ id: string | null; expiresAt: Date }>`
    WITH holder AS (SELECT id, email, status, access_epoch FROM users WHERE id = ${session.userId} FOR NO KEY UPDATE),
    started AS (
      INSERT INTO sessions (organization_id, token_hash, user_id, access_epoch, connection_id, authenticated_by, expires_at)
      SELECT o.id, ${hashOf(token)}, holder.id, holder.access_epoch, ${session.connectionId}::uuid, ${session.authenticatedBy},
        now() + o.session_absolute_minutes * interval '1 minute' FROM organizations o, holder WHERE holder.status = 'active'
      RETURNING id, user_id, expires_at
    ), active AS (
      UPDATE users SET last_active_at = now() FROM started WHERE users.id = started.user_id
    ), told AS (${auditing(
      tx,
      sql`SELECT 'session.started', 'session', started.id::text, '', jsonb_build_object('user', holder.id, 'email', holder.email,
        'by', ${session.authenticatedBy}::text, 'connection', ${session.connectionId}::uuid) FROM started, holder`,
    )})${along}
    SELECT id, expires_at AS "expiresAt" FROM started`).execute(tx.db);
  const [started] = rows;
  if (started?.id) return { token, id: started.id, expiresAt: started.expiresAt };
  // Whoever may not have one is told why.
  await holdActive(tx, session.userId, 'sign-in-refused');
  throw new Error('the organization of this transaction is gone');
}

/** The live session of a presented token; undefined where there is none (any more). */
export async function findSession(db: Kysely<Tables>, token: string): Promise<LiveSession | undefined> {
  const hash = hashOf(token);
  const organizationId = await locateSession(db, hash);
  if (organizationId === undefined) return undefined;
  return inTenant(db, organizationId, SESSIONS, async (tx) => {
    const { rows } = await sql<LiveSession>`
      WITH live AS (
        SELECT s.id, s.user_id, u.email, s.expires_at, s.last_seen_at FROM sessions s
        JOIN users u ON u.id = s.user_id AND u.status = 'active' AND u.access_epoch = s.access_epoch
        JOIN organizations o ON o.id = s.organization_id
        WHERE s.token_hash = ${hash} AND s.ended_at IS NULL AND s.expires_at > now()
          AND s.last_seen_at > now() - o.session_idle_minutes * interval '1 minute'
      ), seen AS (
        UPDATE sessions s SET last_seen_at = now() FROM live WHERE s.id = live.id AND live.last_seen_at < now() - ${SEEN_EVERY}
      ), active AS (
        UPDATE users SET last_active_at = now() WHERE id = (
          SELECT u.id FROM users u JOIN live ON live.user_id = u.id AND live.last_seen_at < now() - ${SEEN_EVERY}
          WHERE coalesce(u.last_active_at < now() - ${ACTIVE_EVERY}, true) FOR NO KEY UPDATE OF u SKIP LOCKED)
      )
      SELECT ${organizationId} AS "organizationId", id AS "sessionId", user_id AS "userId", email, expires_at AS "expiresAt" FROM live
      `.execute(tx.db);
    return rows[0];
  });
}

/** Ends a session. @returns whether it was live */
export async function endSession(tx: TenantTransaction, sessionId: string, reason: string): Promise<boolean> {
  const ended = await tx.db
    .updateTable('sessions')
    .set({ ended_at: sql`now()`, ended_reason: reason })
    .where('id', '=', sessionId)
    .where('ended_at', 'is', null)
    .returning('user_id')
    .executeTakeFirst();
  if (ended === undefined) return false;
  await record(tx, {
    action: 'session.ended',
    resource: { type: 'session', id: sessionId },
    reason,
    detail: { user: ended.user_id },
  });
  return true;
}

export interface ShownSession {
  readonly id: string;
  readonly authenticatedBy: string;
  readonly startedAt: Date;
  readonly lastSeenAt: Date;
  readonly expiresAt: Date;
}

/** The live sessions of a person, latest first. */
export async function liveSessionsOf({ db }: TenantTransaction, userId: string): Promise<ShownSession[]> {
  const { rows } = await sql<ShownSession>`
    SELECT s.id, s.authenticated_by AS "authenticatedBy", s.created_at AS "startedAt", s.last_seen_at AS "lastSeenAt", s.expires_at AS "expiresAt"
    FROM sessions s JOIN users u ON u.id = s.user_id AND u.status = 'active' AND u.access_epoch = s.access_epoch
    JOIN organizations o ON o.id = s.organization_id
    WHERE s.user_id = ${userId} AND s.ended_at IS NULL AND s.expires_at > now()
      AND s.last_seen_at > now() - o.session_idle_minutes * interval '1 minute'
    ORDER BY s.created_at DESC, s.id`.execute(db);
  return rows;
}

/** Ends those of several sessions that are live, in one statement. @returns their ids */
export function endSessions(tx: TenantTransaction, ids: readonly string[], reason: string): Promise<string[]> {
  return endWhere(tx, sql`id = ANY(${[...ids]}::uuid[])`, reason);
}

/** Ends every session of a person, those that have gone idle too: what apps were given in them goes on until then. @returns their ids */
export function endSessionsOf(tx: TenantTransaction, userId: string, reason: string): Promise<string[]> {
  return endWhere(tx, sql`user_id = ${userId}`, reason);
}

async function endWhere(tx: TenantTransaction, which: RawBuilder<unknown>, reason: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    WITH ended AS (
      UPDATE sessions SET ended_at = now(), ended_reason = ${reason}::text WHERE ${which} AND ended_at IS NULL
      RETURNING id, user_id
    ), told AS (${auditing(
      tx,
      sql`SELECT 'session.ended', 'session', id::text, ${reason}::text, jsonb_build_object('user', user_id) FROM ended`,
    )})
    SELECT id FROM ended`.execute(tx.db);
  return rows.map(({ id }) => id);
}
