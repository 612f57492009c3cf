/**
 * Looks the proofs of domains up again, each about once a day. A proof that is gone is told every day; after the grace period the domain is
 * no longer verified. Domains that the operator vouches for have no proof to be looked up.
 */
import { sql } from 'kysely';
import { record } from '../audit/record.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/database.ts';
import { dueDomains } from '../store/locate.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { GRACE_DAYS, IN_ABOUT_A_DAY, keepProven, proofRecord } from './domain.ts';
import { lookUpProof, type ResolveTxt } from './domain-proof.ts';

export interface RecheckDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly resolveTxt: ResolveTxt;
  readonly log: Log;
}

/** Servers that don't answer must not hold up the others for long. */
const AT_ONCE = 32;
const RECHECK: Origin = { actor: { kind: 'system', id: 'domain-proofs', label: 'domain proofs' } };

/** Looks up what is due, of every organization. */
export async function recheckDueDomains(deps: RecheckDependencies): Promise<void> {
  const due = await dueDomains(deps.store.db);
  for (let at = 0; at < due.length; at += AT_ONCE) {
    const checked = due
      .slice(at, at + AT_ONCE)
      .map(({ organizationId, name }) =>
        recheck(deps, organizationId, name).catch((error: unknown) =>
          deps.log.error({ error, organizationId, domain: name }, 'the proof of a domain could not be looked up'),
        ),
      );
    await Promise.all(checked);
  }
}

/** The turn of looking one domain up. */
interface Turn {
  readonly token: string;
  readonly failingSince: Date | null;
  readonly graceIsOver: boolean;
  /** Until when it is this instance's, as the database writes it; whatever else becomes of the domain ends the turn. */
  readonly until: string;
}

async function recheck({ store, resolveTxt, log }: RecheckDependencies, organizationId: string, name: string) {
  const within = <T>(work: (tx: TenantTransaction) => Promise<T>) => inTenant(store.db, organizationId, RECHECK, work);
  const turn = await within((tx) => takeTurn(tx, name));
  if (turn === undefined) return;
  const { said } = await lookUpProof(resolveTxt, name, turn.token);
  // Without an answer the turn runs out, and the next one is in an hour.
  if (said === 'nothing') return;
  const outcome = await within((tx) => settle(tx, name, turn, said));
  if (outcome !== undefined) log.warn({ organizationId, domain: name, outcome }, 'the proof of a domain is gone');
}

async function takeTurn(tx: TenantTransaction, name: string): Promise<Turn | undefined> {
  const { rows } = await sql<Turn>`
    UPDATE domains SET next_check_at = now() + interval '1 hour' WHERE name = ${name} AND next_check_at <= now()
    RETURNING verification_token AS token, failing_since AS "failingSince", next_check_at::text AS until,
      coalesce(failing_since <= now() - ${GRACE_DAYS} * interval '1 day', false) AS "graceIsOver"`.execute(tx.db);
  return rows[0];
}

async function settle(
  tx: TenantTransaction,
  name: string,
  turn: Turn,
  said: 'there' | 'gone',
): Promise<'failing' | 'lost' | undefined> {
  const { rows } = await sql`
    SELECT FROM domains WHERE name = ${name} AND next_check_at = ${turn.until}::timestamptz FOR UPDATE`.execute(tx.db);
  if (rows.length === 0) return undefined;
  if (said === 'gone') return turn.graceIsOver ? lose(tx, name, turn) : noteFailure(tx, name, turn);
  await keepProven(tx, name, turn.failingSince);
  return undefined;
}

/** The next look falls to the end of the grace period at the latest. */
async function noteFailure(tx: TenantTransaction, name: string, { token }: Turn): Promise<'failing'> {
  const { rows } = await sql<{ failingSince: Date; graceEndsAt: Date }>`
    UPDATE domains SET failing_since = coalesce(failing_since, now()),
      next_check_at = least(${IN_ABOUT_A_DAY}, coalesce(failing_since, now()) + ${GRACE_DAYS} * interval '1 day')
    WHERE name = ${name}
    RETURNING failing_since AS "failingSince", failing_since + ${GRACE_DAYS} * interval '1 day' AS "graceEndsAt"`.execute(
    tx.db,
  );
  await record(tx, {
    action: 'domain.proof_missing',
    resource: { type: 'domain', id: name },
    outcome: 'failure',
    reason: `DNS no longer has the TXT record ${proofRecord(name, token).name}; after the grace period nobody is let in by the domain.`,
    detail: { ...rows[0] },
  });
  return 'failing';
}

async function lose(tx: TenantTransaction, name: string, { failingSince }: Turn): Promise<'lost'> {
  await tx.db
    .updateTable('domains')
    .set({ verified_at: null, verified_how: null, next_check_at: null, failing_since: null })
    .where('name', '=', name)
    .execute();
  await record(tx, {
    action: 'domain.verification_lost',
    resource: { type: 'domain', id: name },
    outcome: 'failure',
    reason: `Its DNS record was gone for ${GRACE_DAYS} days.`,
    detail: { failingSince },
  });
  return 'lost';
}
