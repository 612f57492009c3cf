/** What an OpenID provider knows a session of ours by, so that signing out on either side ends it on the other. */
import type { JWTPayload } from 'jose';
import { sql } from 'kysely';
import { seal, unseal } from '../../credentials/sealing.ts';
import { endSessions } from '../../credentials/session.ts';
import type { SealingKeys } from '../../sealing-keys.ts';
import type { Settings } from '../../settings.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { relyingPartyOf } from './addresses.ts';
import type { OidcConfig } from './config.ts';
import type { Provider } from './provider.ts';
import { isName } from './provider-token.ts';
import { subjectOf } from './tenant.ts';

export interface ProviderSession {
  readonly subject: string;
  /** The provider's own name of its session. */
  readonly sid: string | null;
  readonly idToken: string | null;
  readonly endSessionEndpoint: string | null;
}

/** Longer ones, of people with many groups, do not fit in an address; the provider asks the person then. */
const LONGEST_HINT = 4000;

/** What a verified ID token says of the session at the provider. */
export function providerSessionOf(
  { metadata }: Provider,
  config: OidcConfig,
  claims: JWTPayload,
  idToken: string | null,
): ProviderSession {
  const { sid } = claims;
  return {
    subject: subjectOf(config, claims),
    sid: isName(sid) ? sid : null,
    idToken,
    endSessionEndpoint: metadata.end_session_endpoint ?? null,
  };
}

/** Keeps it beside the session; what belongs to sessions of the person that are over is cleared away. */
export async function keepProviderSession(
  tx: TenantTransaction,
  sealingKeys: SealingKeys,
  connectionId: string,
  sessionId: string,
  kept: ProviderSession,
): Promise<void> {
  const hint = kept.idToken !== null && kept.idToken.length <= LONGEST_HINT ? kept.idToken : null;
  await sql`
    WITH over AS (
      DELETE FROM oidc_sessions o USING sessions s WHERE s.id = o.session_id AND o.connection_id = ${connectionId}
        AND o.subject = ${kept.subject} AND (s.ended_at IS NOT NULL OR s.expires_at <= now())
    )
    INSERT INTO oidc_sessions (organization_id, session_id, connection_id, subject, sid, sealed_id_token, end_session_endpoint)
    VALUES (${tx.organizationId}, ${sessionId}, ${connectionId}, ${kept.subject}, ${kept.sid},
      ${hint === null ? null : seal(sealingKeys, purposeOf(sessionId), hint)}, ${kept.endSessionEndpoint})
    `.execute(tx.db);
}

/** The provider's address for signing out (RP-Initiated Logout 1.0); undefined for sessions that came in otherwise. */
export async function endAtProvider(
  { settings }: { readonly settings: Pick<Settings, 'secrets' | 'http'> },
  tx: TenantTransaction,
  sessionId: string,
): Promise<string | undefined> {
  const { rows } = await sql<{ endpoint: string; sealed: string | null; connectionId: string; clientId: string }>`
    SELECT o.end_session_endpoint AS endpoint, o.sealed_id_token AS sealed, c.id AS "connectionId", c.config->>'clientId' AS "clientId"
    FROM oidc_sessions o JOIN connections c ON c.id = o.connection_id
    WHERE o.session_id = ${sessionId} AND o.end_session_endpoint IS NOT NULL
      AND coalesce((c.config->>'endProviderSession')::boolean, true)`.execute(tx.db);
  const [found] = rows;
  if (found === undefined) return undefined;
  const { endpoint, sealed, connectionId, clientId } = found;
  const url = new URL(endpoint);
  url.searchParams.set('client_id', clientId);
  url.searchParams.set(
    'post_logout_redirect_uri',
    relyingPartyOf(settings.http.baseUrl, connectionId).postLogoutRedirectUri,
  );
  if (sealed !== null) {
    url.searchParams.set('id_token_hint', unseal(settings.secrets.sealingKeys, purposeOf(sessionId), sealed));
  }
  return url.toString();
}

/**
 * Ends the live sessions that a provider means by a subject, a session of its own, or both.
 * @returns how many there were
 */
export async function endSessionsMeant(
  tx: TenantTransaction,
  connectionId: string,
  { sub, sid }: { readonly sub?: string | undefined; readonly sid?: string | undefined },
): Promise<number> {
  const meant = await tx.db
    .selectFrom('oidc_sessions')
    .select('session_id')
    .where('connection_id', '=', connectionId)
    .$if(sub !== undefined, (query) => query.where('subject', '=', sub ?? ''))
    .$if(sid !== undefined, (query) => query.where('sid', '=', sid ?? ''))
    .execute();
  const ids = meant.map((row) => row.session_id);
  return (await endSessions(tx, ids, 'signed out at the identity provider')).length;
}

function purposeOf(sessionId: string): string {
  return `oidc-session:${sessionId}`;
}
