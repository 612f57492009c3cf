/**
 * Hands a kept token out to the platform's backend; a refresh token is used here, and never leaves. One instance refreshes at a time, for
 * some servers end both tokens where one is used twice. The server is asked outside any transaction, so whoever leaves meanwhile is let go
 * at once: then what comes is not handed out, and is ended like everything else of theirs.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import { outboundFetch } from '../http/outbound.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import type { Json } from '../store/tables.ts';
import { inTenant, isId, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { holdActive } from './holder.ts';
import { openOauthToken, sealOauthToken } from './oauth-token.ts';
import { providerSecrets, refreshSettings } from './provider-secrets.ts';
import { type Refreshed, refreshAt } from './refresh.ts';

export interface VaultDependencies {
  readonly settings: Settings;
  readonly store: Pick<Store, 'db'>;
  /** Tokens came for somebody who has left; they are to be ended. */
  readonly endLateTokens: (tx: TenantTransaction, userId: string) => Promise<void>;
}

export interface HandedOut {
  readonly accessToken: string;
  readonly expiresAt: Date | null;
}

/** A refresh takes no longer; then another may begin. */
const LEASE_SECONDS = 30;
const WAITS = 50;
const WAIT_MS = 200;

interface Kept {
  readonly id: string;
  readonly user_id: string;
  readonly provider_id: string;
  readonly token_kind: 'access_token' | 'refresh_token';
  readonly sealed_token: string;
  readonly expires_at: Date | null;
  readonly refresh: Json | null;
  readonly sealed_secrets: string | null;
}

/**
 * An access token that works now, as far as is known.
 * @throws Fault `not-found`; `forbidden` where the person is not active; `conflict` where the token is over; `upstream-failed`
 */
export async function useOauthToken(
  deps: VaultDependencies,
  organizationId: string,
  origin: Origin,
  id: string,
): Promise<HandedOut> {
  const within = <T>(work: (tx: TenantTransaction) => Promise<T>) =>
    inTenant(deps.store.db, organizationId, origin, work);
  for (let waits = 0; waits < WAITS; waits += 1) {
    const begun = await within((tx) => begin(deps, tx, id));
    if ('accessToken' in begun) return begun;
    if ('refreshing' in begun) {
      const came = await refresh(deps, within, begun.refreshing);
      const handed = await within((tx) => settle(deps, tx, begun.refreshing, came));
      if (handed !== null) return handed;
      throw new Fault('forbidden', 'The person may not be acted for any more.');
    }
    await pause(WAIT_MS);
  }
  throw new Fault('unavailable', 'The token is being refreshed.', { extra: { retryAfter: 5 } });
}

/** What there is already, a refresh that is ours to do, or nothing yet where another does it. */
async function begin(
  { settings }: VaultDependencies,
  tx: TenantTransaction,
  id: string,
): Promise<HandedOut | { refreshing: Kept } | { waiting: true }> {
  const kept = await findKept(tx, id);
  await holdActive(tx, kept.user_id);
  const { sealingKeys } = settings.secrets;
  if (kept.token_kind === 'access_token') {
    if (kept.expires_at !== null && kept.expires_at <= new Date())
      throw new Fault('conflict', 'The token has expired.');
    return handOut(tx, kept, openOauthToken(sealingKeys, kept), kept.expires_at);
  }
  const fresh = await freshOf(tx, kept.id);
  if (fresh !== undefined) return handOut(tx, kept, openOauthToken(sealingKeys, fresh), fresh.expires_at);
  const { rows } = await sql<Pick<Kept, 'sealed_token'>>`
    UPDATE oauth_tokens SET refreshing_until = now() + ${LEASE_SECONDS} * interval '1 second'
    WHERE id = ${kept.id} AND coalesce(refreshing_until <= now(), true) RETURNING sealed_token`.execute(tx.db);
  const [leased] = rows;
  if (leased === undefined) return { waiting: true };
  // Another may have finished between the question and the lease: then there is what it got, and the kept token is another by now.
  const came = await freshOf(tx, kept.id);
  if (came === undefined) return { refreshing: { ...kept, ...leased } };
  await sql`UPDATE oauth_tokens SET refreshing_until = NULL WHERE id = ${kept.id}`.execute(tx.db);
  return handOut(tx, kept, openOauthToken(sealingKeys, came), came.expires_at);
}

/** What a refresh of this token has got that is good for a while still. */
async function freshOf(tx: TenantTransaction, id: string): Promise<Kept | undefined> {
  const { rows } = await sql<Kept>`
    SELECT * FROM oauth_tokens WHERE refreshed_from = ${id} AND locked_at IS NULL AND expires_at > now() + interval '1 minute'
    ORDER BY expires_at DESC LIMIT 1`.execute(tx.db);
  return rows[0];
}

async function findKept(tx: TenantTransaction, id: string): Promise<Kept> {
  const { rows } = isId(id)
    ? await sql<Kept & { over: boolean }>`
        SELECT t.*, p.refresh, p.sealed_secrets, t.locked_at IS NOT NULL OR t.sealed_token IS NULL AS over
        FROM oauth_tokens t JOIN oauth_providers p ON p.id = t.provider_id WHERE t.id = ${id}`.execute(tx.db)
    : { rows: [] };
  const [kept] = rows;
  if (kept === undefined) throw new Fault('not-found', 'There is no such token.', { where: 'path' });
  if (kept.over) throw new Fault('conflict', 'The token is locked; nobody may use it any more.');
  return kept;
}

async function refresh(
  { settings }: VaultDependencies,
  within: <T>(work: (tx: TenantTransaction) => Promise<T>) => Promise<T>,
  kept: Kept,
): Promise<Refreshed> {
  const { sealingKeys } = settings.secrets;
  try {
    const how = refreshSettings.safeParse(kept.refresh);
    if (!how.success) {
      throw new Fault('conflict', 'How its tokens are refreshed is not said of this provider.', {
        remedy: 'Put the provider with "refresh".',
      });
    }
    const secrets = providerSecrets(sealingKeys, { id: kept.provider_id, sealed_secrets: kept.sealed_secrets });
    const send = outboundFetch({ allowPrivateNetwork: settings.allowPrivateNetwork });
    return await refreshAt(how.data, secrets, openOauthToken(sealingKeys, kept), send);
  } catch (error) {
    await within((tx) => sql`UPDATE oauth_tokens SET refreshing_until = NULL WHERE id = ${kept.id}`.execute(tx.db));
    throw error;
  }
}

/** Keeps what came. @returns null where nobody may have it any more: the person or the token ended while the server was asked */
async function settle(
  { settings, endLateTokens }: VaultDependencies,
  tx: TenantTransaction,
  kept: Kept,
  came: Refreshed,
): Promise<HandedOut | null> {
  const { sealingKeys } = settings.secrets;
  const { rows } = await sql<{ ended: Date | null; status: string }>`
    SELECT coalesce(t.locked_at, CASE WHEN u.status = 'deprovisioned' THEN u.deprovisioned_at END) AS ended, u.status
    FROM users u JOIN oauth_tokens t ON t.user_id = u.id WHERE t.id = ${kept.id} FOR SHARE OF u FOR UPDATE OF t`.execute(
    tx.db,
  );
  const { ended = new Date(), status } = rows[0] ?? {};
  const expiresAt = came.expiresIn === undefined ? null : new Date(Date.now() + came.expiresIn * 1000);
  await sql`
    WITH old AS (DELETE FROM oauth_tokens WHERE refreshed_from = ${kept.id} AND locked_at IS NULL AND expires_at <= now())
    INSERT INTO oauth_tokens (organization_id, id, provider_id, user_id, token_kind, sealed_token, expires_at, refreshed_from, locked_at)
    VALUES (${tx.organizationId}, ${randomUUID()}, ${kept.provider_id}, ${kept.user_id}, 'access_token',
      ${sealOauthToken(sealingKeys, kept.user_id, came.accessToken)}, ${expiresAt}, ${kept.id}, ${ended})`.execute(
    tx.db,
  );
  const rotated = came.refreshToken === undefined ? null : sealOauthToken(sealingKeys, kept.user_id, came.refreshToken);
  await sql`
    UPDATE oauth_tokens SET refreshing_until = NULL, sealed_token = coalesce(${rotated}, sealed_token),
      ended_at = CASE WHEN ${rotated}::text IS NULL THEN ended_at END WHERE id = ${kept.id}`.execute(tx.db);
  if (ended === null && status === 'active') return handOut(tx, kept, came.accessToken, expiresAt);
  const resource = { type: 'oauth_token', id: kept.id };
  const reason = 'the person was let go or suspended, or the token locked, while it was refreshed';
  await record(tx, { action: 'oauth_token.refresh_lost', resource, outcome: 'denied', reason });
  if (status === 'deprovisioned') await endLateTokens(tx, kept.user_id);
  return null;
}

async function handOut(
  tx: TenantTransaction,
  kept: Kept,
  accessToken: string,
  expiresAt: Date | null,
): Promise<HandedOut> {
  const resource = { type: 'oauth_token', id: kept.id };
  await record(tx, { action: 'oauth_token.used', resource, detail: { user: kept.user_id } });
  return { accessToken, expiresAt };
}
