/** Ends one kept token on request, now: it is locked first, so that nobody uses it whatever the provider answers. */
import { sql } from 'kysely';
import { record } from '../audit/record.ts';
import { markTokensEnded } from '../credentials/oauth-token.ts';
import { Fault } from '../errors.ts';
import { outboundFetch } from '../http/outbound.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import { inTenant, isId, type Origin, type TenantTransaction } from '../store/tenant.ts';
import type { ClaimedStep } from './claim.ts';
import { lateSteps } from './end-access.sql.ts';
import { endElsewhere } from './end-elsewhere.ts';
import type { Outcome } from './next-step.ts';

type Asked = Required<Pick<ClaimedStep, 'token' | 'person'>> & {
  readonly provider: NonNullable<ClaimedStep['provider']>;
};

/**
 * @returns what came of each: of the token, and of what was got with it. Where one is to be tried again, the request is repeated.
 * @throws Fault `not-found`
 */
export async function endToken(
  deps: { readonly settings: Settings; readonly store: Pick<Store, 'db'> },
  organizationId: string,
  origin: Origin,
  order: { readonly id: string; readonly reason: string },
): Promise<{ readonly id: string; readonly outcome: Outcome }[]> {
  const { settings, store } = deps;
  const within = <T>(work: (tx: TenantTransaction) => Promise<T>) => inTenant(store.db, organizationId, origin, work);
  const asked = await within((tx) => lock(tx, order));
  const send = outboundFetch({ allowPrivateNetwork: settings.allowPrivateNetwork });
  const ended: { id: string; outcome: Outcome }[] = [];
  for (const each of asked) {
    const id = each.token?.id ?? '';
    const outcome = await endElsewhere(each, settings.secrets.sealingKeys, send, () => new Date());
    await within((tx) => settle(tx, id, outcome));
    ended.push({ id, outcome });
  }
  return ended;
}

/** What came to be kept for people after they had left is ended in their latest case, which is open again until it has. */
export async function endLateTokens(jobs: JobQueue, tx: TenantTransaction, userId: string): Promise<void> {
  const { rows } = await lateSteps(userId).execute(tx.db);
  if (rows.length === 0) return;
  const { organizationId, db } = tx;
  await sql`UPDATE offboarding_cases SET closed_at = NULL WHERE id = ${rows[0]?.caseId}`.execute(db);
  await jobs.enqueue('offboarding.steps', { organizationId, id: organizationId }, { transaction: db });
}

async function lock(tx: TenantTransaction, { id, reason }: { id: string; reason: string }): Promise<Asked[]> {
  if (!isId(id)) throw new Fault('not-found', 'There is no such token.', { where: 'path' });
  const { rows } = await sql<Asked>`
    WITH locked AS (
      UPDATE oauth_tokens SET locked_at = coalesce(locked_at, now()) WHERE id = ${id} OR refreshed_from = ${id} RETURNING *
    )
    SELECT to_jsonb(l) AS token, to_jsonb(p) AS provider, jsonb_build_object('id', u.id, 'email', u.email, 'externalId', NULL) AS person
    FROM locked l JOIN oauth_providers p ON p.id = l.provider_id JOIN users u ON u.id = l.user_id
    ORDER BY l.id <> ${id}`.execute(tx.db);
  if (rows.length === 0) throw new Fault('not-found', 'There is no such token.', { where: 'path' });
  await record(tx, { action: 'oauth_token.locked', resource: { type: 'oauth_token', id }, reason });
  return rows;
}

async function settle(tx: TenantTransaction, id: string, outcome: Outcome): Promise<void> {
  const gone = outcome.state === 'revoked' || outcome.state === 'already_gone';
  if (gone) await markTokensEnded(tx, [id]);
  await record(tx, {
    action: gone ? 'oauth_token.ended' : 'oauth_token.not_ended',
    resource: { type: 'oauth_token', id },
    outcome: gone ? 'success' : 'failure',
    reason: 'error' in outcome ? outcome.error : '',
    detail: { state: outcome.state },
  });
}
