/** What an identity provider knows a session of ours by, so that signing out on either side ends it on the other. */
import { sql } from 'kysely';
import { endSessions } from '../../credentials/session.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import type { IdpSession } from './accept.ts';

/** Keeps it beside the session; what belongs to sessions of the person that are over is cleared away. */
export async function keepIdpSession(
  tx: TenantTransaction,
  connectionId: string,
  sessionId: string,
  { nameId, nameIdAttributes, sessionIndex }: IdpSession,
): Promise<void> {
  await sql`
    WITH over AS (
      DELETE FROM saml_sessions o USING sessions s WHERE s.id = o.session_id AND o.connection_id = ${connectionId}
        AND o.name_id = ${nameId} AND (s.ended_at IS NOT NULL OR s.expires_at <= now())
    )
    INSERT INTO saml_sessions (organization_id, session_id, connection_id, name_id, name_id_attributes, session_index)
    VALUES (${tx.organizationId}, ${sessionId}, ${connectionId}, ${nameId}, ${JSON.stringify(nameIdAttributes)}::jsonb,
      ${sessionIndex ?? null})`.execute(tx.db);
}

/** What the identity provider calls a session of ours; undefined where it didn't begin there. */
export async function idpSessionOf(
  tx: TenantTransaction,
  sessionId: string,
): Promise<(IdpSession & { readonly connectionId: string }) | undefined> {
  const { rows } = await sql<IdpSession & { connectionId: string; sessionIndex: string | null }>`
    SELECT name_id AS "nameId", name_id_attributes AS "nameIdAttributes", session_index AS "sessionIndex",
      connection_id AS "connectionId" FROM saml_sessions WHERE session_id = ${sessionId}`.execute(tx.db);
  const [found] = rows;
  return found && { ...found, sessionIndex: found.sessionIndex ?? undefined };
}

/**
 * Ends the live sessions that an identity provider means.
 * @param indexes its own names of them; none: every session of that person
 * @returns whether it knows anybody by that name here, and how many sessions were ended
 */
export async function endSessionsMeant(
  tx: TenantTransaction,
  connectionId: string,
  nameId: string,
  indexes: readonly string[],
): Promise<{ readonly known: boolean; readonly ended: number }> {
  const kept = await tx.db
    .selectFrom('saml_sessions')
    .select(['session_id', 'session_index'])
    .where('connection_id', '=', connectionId)
    .where('name_id', '=', nameId)
    .execute();
  const meant = kept.filter(
    ({ session_index }) => indexes.length === 0 || session_index === null || indexes.includes(session_index),
  );
  const ended = await endSessions(
    tx,
    meant.map(({ session_id }) => session_id),
    'signed out at the identity provider',
  );
  return { known: meant.length > 0, ended: ended.length };
}
