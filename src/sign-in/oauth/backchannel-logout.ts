/**
 * Tells apps that a session has ended (OpenID Connect Back-Channel Logout). Whom to tell stands in the grants themselves: those of a
 * session that is over and of which the app has not heard. So whatever ended the session, nobody is forgotten; a job only makes haste.
 */
import { randomUUID } from 'node:crypto';
import { importJWK, SignJWT } from 'jose';
import { sql } from 'kysely';
import { record } from '../../audit/record.ts';
import { outboundFetch } from '../../http/outbound.ts';
import type { JobQueue } from '../../jobs/queue.ts';
import type { Log } from '../../log.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import { locateOrganizations } from '../../store/locate.ts';
import { inTenant, type TenantTransaction } from '../../store/tenant.ts';
import { appsToTell } from './app-registration.ts';
import { PROVIDER } from './installation.ts';
import { SIGNING_ALGORITHM, signingKeys } from './signing-keys.ts';

export interface LogoutWorkerDependencies {
  readonly settings: Settings;
  readonly store: Pick<Store, 'db'>;
  readonly jobs: JobQueue;
  readonly log: Log;
}

const BATCH = 16;
/** Then nobody answers there any more; the audit says so. Half a day, by the pauses below. */
const MOST_ATTEMPTS = 12;
const LEASE_SECONDS = 60;
const TIMEOUT = 10_000;

interface Notice {
  readonly sessionId: string;
  readonly client: string;
  readonly sub: string;
  readonly sid: string;
  readonly attempts: number;
}

/** Wakes a worker once this transaction has committed, if an app is to be told of what it ends. */
export async function wakeLogoutWorker(jobs: JobQueue, { organizationId, db }: TenantTransaction): Promise<void> {
  const { rows } = await sql`SELECT 1 FROM oauth_artifacts a WHERE ${DUE} LIMIT 1`.execute(db);
  if (rows.length === 0) return;
  await jobs.enqueue('logout.backchannel', { organizationId, id: organizationId }, { transaction: db });
}

/** Takes wake-ups from the queue; each tells one organization's apps. */
export async function startLogoutWorker(deps: LogoutWorkerDependencies): Promise<void> {
  await deps.jobs.work('logout.backchannel', ({ organizationId }) => tellApps(deps, organizationId));
}

/** Wakes a worker for each organization in which an app is yet to be told. */
export async function sweepLogouts({ store, jobs }: LogoutWorkerDependencies): Promise<void> {
  for (const organizationId of await locateOrganizations(store.db)) {
    await inTenant(store.db, organizationId, PROVIDER, (tx) => wakeLogoutWorker(jobs, tx));
  }
}

/** Tells every app that is due, until none is. */
export async function tellApps(deps: LogoutWorkerDependencies, organizationId: string): Promise<void> {
  const addresses = await appsToTell(deps.store.db);
  for (;;) {
    const notices = await inTenant(deps.store.db, organizationId, PROVIDER, claim);
    if (notices.length === 0) break;
    await Promise.all(notices.map((notice) => tell(deps, organizationId, notice, addresses.get(notice.client))));
  }
}

/** A grant of a session that somebody ended, or whose person may no longer be here. One that only ran out is no logout. */
const DUE = sql`
  a.kind = 'Grant' AND a.sid IS NOT NULL AND a.logout_done_at IS NULL AND a.logout_next_at <= now()
  AND (EXISTS (SELECT 1 FROM sessions s WHERE s.id = a.session_id AND s.ended_at IS NOT NULL)
    OR EXISTS (SELECT 1 FROM users u WHERE u.id = a.user_id AND (u.status <> 'active' OR u.access_epoch <> a.access_epoch)))`;

/** Takes notices for a while; an app with several grants in one session is told once. */
async function claim({ db }: TenantTransaction): Promise<Notice[]> {
  const { rows } = await sql<Notice>`
    WITH taken AS (
      UPDATE oauth_artifacts SET logout_attempts = logout_attempts + 1, logout_next_at = now() + ${LEASE_SECONDS} * interval '1 second'
      WHERE (kind, id_hash) IN (SELECT a.kind, a.id_hash FROM oauth_artifacts a WHERE ${DUE} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)
      RETURNING session_id, client, user_id, sid, logout_attempts)
    SELECT DISTINCT ON (session_id, client, sid) session_id AS "sessionId", client, user_id AS sub, sid, logout_attempts AS attempts FROM taken`.execute(
    db,
  );
  return rows;
}

async function tell(
  deps: LogoutWorkerDependencies,
  organizationId: string,
  notice: Notice,
  address: string | undefined,
): Promise<void> {
  const failure = address === undefined ? undefined : await send(deps, notice, address);
  const given = failure !== undefined && notice.attempts >= MOST_ATTEMPTS;
  await inTenant(deps.store.db, organizationId, PROVIDER, async (tx) => {
    const pause = Math.min(4 ** notice.attempts, 7200);
    await sql`
      UPDATE oauth_artifacts SET logout_done_at = ${failure === undefined || given ? sql`now()` : null},
        logout_next_at = now() + ${pause} * interval '1 second'
      WHERE kind = 'Grant' AND session_id = ${notice.sessionId} AND client = ${notice.client} AND sid = ${notice.sid}`.execute(
      tx.db,
    );
    if (failure !== undefined && !given) return wakeLater(deps.jobs, organizationId, pause);
    if (address === undefined) return;
    await record(tx, {
      action: failure === undefined ? 'app.logout_told' : 'app.logout_untold',
      resource: { type: 'app', id: notice.client },
      outcome: failure === undefined ? 'success' : 'failure',
      reason: failure ?? '',
      detail: { user: notice.sub, session: notice.sessionId },
    });
  });
}

async function wakeLater(jobs: JobQueue, organizationId: string, seconds: number): Promise<void> {
  const startAfter = new Date(Date.now() + seconds * 1000);
  await jobs.enqueue('logout.backchannel', { organizationId, id: organizationId }, { startAfter });
}

/** @returns what went wrong, undefined where the app has taken it */
async function send(deps: LogoutWorkerDependencies, notice: Notice, address: string): Promise<string | undefined> {
  const post = outboundFetch({ allowPrivateNetwork: deps.settings.allowPrivateNetwork, timeout: TIMEOUT });
  try {
    const body = new URLSearchParams({ logout_token: await logoutToken(deps, notice) }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const response = await post(address, { method: 'POST', headers, body });
    await response.body?.cancel();
    return response.ok ? undefined : `the app answered ${response.status}`;
  } catch (error) {
    deps.log.info({ error, client: notice.client }, 'an app could not be told of a logout');
    return "the app can't be reached";
  }
}

async function logoutToken({ settings, store }: LogoutWorkerDependencies, notice: Notice): Promise<string> {
  const [jwk] = (await signingKeys(store.db, settings.secrets.sealingKeys)).jwks;
  if (jwk === undefined) throw new Error('there is no signing key');
  return new SignJWT({ sid: notice.sid, events: { 'http://schemas.openid.net/event/backchannel-logout': {} } })
    .setProtectedHeader({ alg: SIGNING_ALGORITHM, typ: 'logout+jwt', ...(jwk.kid ? { kid: jwk.kid } : {}) })
    .setIssuer(`${settings.http.baseUrl}/oauth`)
    .setAudience(notice.client)
    .setSubject(notice.sub)
    .setIssuedAt()
    .setExpirationTime('2m')
    .setJti(randomUUID())
    .sign(await importJWK(jwk, SIGNING_ALGORITHM));
}
