/** The statements over what apps were given for people: grants, and under them codes, access tokens and refresh tokens. One each. */
import { type RawBuilder, sql } from 'kysely';
import { auditing } from '../../audit/record.ts';
import type { LiveSession } from '../../credentials/session.ts';
import type { TenantTransaction } from '../../store/tenant.ts';

export interface StoredArtifact {
  readonly payload: Readonly<Record<string, unknown>>;
  readonly appId: string;
  /** The grant that it is under; null where that has run out. */
  readonly grant: Readonly<Record<string, unknown>> | null;
  /** Seconds since 1970; null where it was not used yet. */
  readonly consumedAt: number | null;
}

/**
 * Live is what is under a grant that has not ended, for a person who is active and whose access has not ended since, and of a session
 * that nobody has ended. A session's absolute end is its tokens' too, but for those that were asked for with `offline_access`; that it
 * goes idle in the browser is not, for the person may be busy in the app.
 */
const LIVE = sql`
  a.ended_at IS NULL AND a.expires_at > now()
  AND EXISTS (SELECT 1 FROM users u WHERE u.id = a.user_id AND u.status = 'active' AND u.access_epoch = a.access_epoch)
  AND EXISTS (SELECT 1 FROM oauth_artifacts g WHERE g.kind = 'Grant' AND g.id_hash = a.grant_hash AND g.ended_at IS NULL)
  AND EXISTS (SELECT 1 FROM sessions s WHERE s.id = a.session_id AND s.ended_at IS NULL
    AND (s.expires_at > now() OR a.payload->>'scope' ~ '\\moffline_access\\M' OR a.kind = 'Grant'))`;

/** Keeps a grant of the person whose session this is. What an app is given first is told to the audit; what it is given more is not. */
export function saveGrant(
  tx: TenantTransaction,
  session: LiveSession,
  grant: {
    readonly hash: Buffer;
    readonly client: string;
    readonly appId: string | null;
    readonly payload: object;
    readonly seconds: number;
  },
) {
  return sql<{ made: boolean }>`
    WITH holder AS (SELECT * FROM users WHERE id = ${session.userId} AND status = 'active' FOR SHARE),
    saved AS (
      INSERT INTO oauth_artifacts AS a (organization_id, kind, id_hash, grant_hash, user_id, access_epoch, session_id, client, app_id, payload, expires_at)
      SELECT u.organization_id, 'Grant', ${grant.hash}, ${grant.hash}, u.id, u.access_epoch, ${session.sessionId}::uuid, ${grant.client},
        ${grant.appId}::uuid,
        ${JSON.stringify(grant.payload)}::jsonb, now() + ${grant.seconds} * interval '1 second'
      FROM holder u
      ON CONFLICT (organization_id, kind, id_hash) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at
      RETURNING a.user_id, a.session_id, a.client, a.xmax = 0 AS made
    ), told AS (${auditing(
      tx,
      sql`SELECT 'app.signed_in', 'app', client, '', jsonb_build_object('user', user_id, 'session', session_id) FROM saved WHERE made`,
    )})
    SELECT made FROM saved`;
}

/**
 * Keeps a code or token under its grant; of an access token the audit is told. The person is held first and then the grant, in the order
 * in which offboarding takes them.
 */
export function saveUnderGrant(
  tx: TenantTransaction,
  artifact: {
    readonly kind: string;
    readonly hash: Buffer;
    readonly grantHash: Buffer;
    readonly payload: Readonly<Record<string, unknown>>;
    readonly seconds: number;
  },
) {
  const { kind, hash, grantHash, payload, seconds } = artifact;
  const sid = typeof payload['sid'] === 'string' ? payload['sid'] : null;
  return sql`
    WITH holder AS (
      SELECT g.* FROM oauth_artifacts g JOIN users u ON u.id = g.user_id AND u.status = 'active' AND u.access_epoch = g.access_epoch
      WHERE g.kind = 'Grant' AND g.id_hash = ${grantHash}
      FOR SHARE OF u
    ), saved AS (
      INSERT INTO oauth_artifacts AS a (organization_id, kind, id_hash, grant_hash, user_id, access_epoch, session_id, client, app_id, payload, expires_at)
      SELECT g.organization_id, ${kind}, ${hash}, g.grant_hash, g.user_id, g.access_epoch, g.session_id, g.client, g.app_id,
        ${JSON.stringify(payload)}::jsonb, now() + ${seconds} * interval '1 second'
      FROM holder g
      ON CONFLICT (organization_id, kind, id_hash) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at
      RETURNING a.user_id, a.client
    ), named AS (
      UPDATE oauth_artifacts g SET sid = ${sid} FROM saved WHERE g.kind = 'Grant' AND g.id_hash = ${grantHash} AND ${sid}::text IS NOT NULL
        AND g.sid IS DISTINCT FROM ${sid}
    ), swept AS (
      DELETE FROM oauth_artifacts WHERE (kind, id_hash) IN (SELECT kind, id_hash FROM oauth_artifacts
        WHERE expires_at < now() - interval '1 day' LIMIT 20 FOR UPDATE SKIP LOCKED)
    ), told AS (${auditing(
      tx,
      sql`SELECT 'app.token_issued', 'app', client, '', jsonb_build_object('user', user_id) FROM saved WHERE ${kind} = 'AccessToken'`,
    )})
    SELECT 1 FROM saved`;
}

/** One live artifact. @param appId whose it must be, where an app has proven who it is */
export function findLive(kind: string, hash: Buffer, appId: string | null = null): RawBuilder<StoredArtifact> {
  return sql<StoredArtifact>`
    SELECT a.payload, a.app_id AS "appId", extract(epoch FROM a.consumed_at)::int AS "consumedAt",
      (SELECT g.payload FROM oauth_artifacts g WHERE g.kind = 'Grant' AND g.id_hash = a.grant_hash AND g.expires_at > now()) AS "grant"
    FROM oauth_artifacts a
    WHERE a.kind = ${kind} AND a.id_hash = ${hash} AND (${appId}::uuid IS NULL OR a.app_id = ${appId}::uuid) AND ${LIVE}`;
}

/** Uses up a code or refresh token: however many try at once, one row comes back once. */
export function consume(kind: string, hash: Buffer) {
  return sql<{ client: string }>`
    UPDATE oauth_artifacts a SET consumed_at = now()
    WHERE a.kind = ${kind} AND a.id_hash = ${hash} AND a.consumed_at IS NULL AND ${LIVE} RETURNING a.client`;
}

/** The grant under which a code or refresh token was used up; nothing where it was not. */
export function grantOfUsed(kind: string, hash: Buffer) {
  return sql<{ grantHash: Buffer; client: string; userId: string }>`
    SELECT grant_hash AS "grantHash", client, user_id AS "userId" FROM oauth_artifacts
    WHERE kind = ${kind} AND id_hash = ${hash} AND consumed_at IS NOT NULL`;
}

/** Ends one artifact; of a grant, with everything under it. */
export function endOne(tx: TenantTransaction, kind: string, hash: Buffer, reason: string) {
  const which = kind === 'Grant' ? sql`grant_hash = ${hash}` : sql`kind = ${kind} AND id_hash = ${hash}`;
  return endWhere(tx, which, reason);
}

/** Ends every artifact of a kind under a grant. */
export function endUnderGrant(tx: TenantTransaction, kind: string, grantHash: Buffer, reason: string) {
  return endWhere(tx, sql`kind = ${kind} AND grant_hash = ${grantHash}`, reason);
}

/** Whoever ends several takes them in one order, as offboarding does; so of two at once neither waits for what the other holds. */
function endWhere(tx: TenantTransaction, which: RawBuilder<unknown>, reason: string) {
  return sql`
    WITH held AS (
      SELECT kind, id_hash FROM oauth_artifacts WHERE ${which} AND ended_at IS NULL AND expires_at > now()
      ORDER BY kind, id_hash FOR UPDATE
    ), over AS (
      UPDATE oauth_artifacts a SET ended_at = now() FROM held WHERE a.kind = held.kind AND a.id_hash = held.id_hash
      RETURNING a.kind, a.user_id, a.client
    ), told AS (${auditing(
      tx,
      sql`SELECT 'app.access_ended', 'app', client, ${reason}::text, jsonb_build_object('user', user_id, 'kind', kind) FROM over
        WHERE kind IN ('Grant', 'AccessToken', 'RefreshToken')`,
    )})
    SELECT 1 FROM over`;
}
