/**
 * Erasure (GDPR, article 17): a leaver's personal data goes, everywhere, in one transaction. What happened stays told, of a person
 * without a name; the audit's chain holds. By an administrator's word, or by the clock when the organization's retention is over.
 */
import { sql } from 'kysely';
import type { Models } from '../access/model-file.ts';
import { findPerson } from '../access/people.ts';
import { record } from '../audit/record.ts';
import { patternsOf, redactEvents } from '../audit/redact.ts';
import { Fault } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import { locateOrganizations } from '../store/locate.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { requireRank } from './may-go.ts';
import { erasing, knownBy } from './personal-data.sql.ts';
import { layTombstones } from './tombstone.ts';

export interface ErasureDependencies {
  readonly settings: Pick<Settings, 'secrets'>;
  readonly models: Models;
}

const RETENTION: Origin = { actor: { kind: 'system', id: 'retention', label: 'retention' } };
const AT_ONCE = 100;

/**
 * Erases a leaver's personal data.
 * @throws Fault `not-found`, `conflict` where they have not left, their case is open, or a directory still names them as present
 */
export async function eraseUser(
  deps: ErasureDependencies,
  tx: TenantTransaction,
  order: { readonly user: string; readonly reason: string; readonly by: string | null },
): Promise<{ userId: string; redactedEvents: number }> {
  const { id } = await findPerson(tx, order.user);
  await requireRank(deps.models, tx, order.by, id);
  const until = await requireErasable(tx, id);
  const { emails, recycled, words, recordIds, identities } = await knownBy(tx, id);
  const traits = { userId: id, recordIds, anywhere: emails, words, until };
  await layTombstones(tx, deps.settings.secrets.sealingKeys, id, [
    ...emails.map((email) => ({ email })),
    ...identities,
  ]);
  const own = emails.filter((email) => !recycled.includes(email));
  const { inJson: ownInText } = patternsOf({ anywhere: own, words: [] });
  for (const statement of erasing({ ...traits, emails, own, ownInText, ...patternsOf(traits) }))
    await statement.execute(tx.db);
  const redactedEvents = await redactEvents(tx, traits);
  const resource = { type: 'user', id };
  await record(tx, { action: 'user.erased', resource, reason: order.reason, detail: { redactedEvents } });
  return { userId: id, redactedEvents };
}

/** Erases whoever's retention is over, in each organization that has set one. */
export async function sweepRetention(
  deps: ErasureDependencies & { readonly store: Pick<Store, 'db'>; readonly log: Log },
): Promise<void> {
  for (const organizationId of await locateOrganizations(deps.store.db)) {
    const within = <T>(work: (tx: TenantTransaction) => Promise<T>) =>
      inTenant(deps.store.db, organizationId, RETENTION, work);
    for (const userId of await within(overdue)) {
      const order = { user: userId, reason: 'the time for which leavers are kept is over', by: null };
      try {
        await within((tx) => eraseUser(deps, tx, order));
      } catch (error) {
        deps.log.warn({ error, organizationId, userId }, "a leaver's personal data could not be erased");
      }
    }
  }
}

async function overdue({ db }: TenantTransaction): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    SELECT u.id FROM users u JOIN organizations o ON o.id = u.organization_id
    WHERE u.status = 'deprovisioned' AND u.erased_at IS NULL AND u.deprovisioned_at < now() - o.erase_after_days * interval '1 day'
      AND ${NOTHING_OPEN} AND NOT EXISTS (${PRESENT_IN}) ORDER BY u.deprovisioned_at LIMIT ${AT_ONCE}`.execute(db);
  return rows.map(({ id }) => id);
}

const NOTHING_OPEN = sql`NOT EXISTS (SELECT 1 FROM offboarding_cases c WHERE c.user_id = u.id AND c.closed_at IS NULL)`;
/** Without its record, such a directory would make a new account of them. */
const PRESENT_IN = sql`
  SELECT s.slug FROM directory_users d JOIN directories s ON s.id = d.directory_id AND s.decides_lifecycle
  WHERE d.user_id = u.id AND d.deleted_at IS NULL AND d.active AND coalesce(d.ends_at > now(), true)`;

async function requireErasable(tx: TenantTransaction, userId: string): Promise<Date> {
  const { rows } = await sql<{
    status: string;
    leftAt: Date | null;
    erased: boolean;
    closed: boolean;
    presentIn: string | null;
  }>`
    SELECT u.status, u.deprovisioned_at AS "leftAt", u.erased_at IS NOT NULL AS erased, ${NOTHING_OPEN} AS closed,
      (${PRESENT_IN} LIMIT 1) AS "presentIn"
    FROM users u WHERE u.id = ${userId} FOR UPDATE OF u`.execute(tx.db);
  const [found] = rows;
  if (found?.status !== 'deprovisioned' || found.leftAt === null) {
    throw new Fault('conflict', 'This person has not left.', { remedy: 'Let them go first.' });
  }
  if (found.erased) throw new Fault('conflict', 'Their personal data has been erased already.');
  if (!found.closed) {
    throw new Fault('conflict', 'Their offboarding is not finished: not everything elsewhere is proven.', {
      remedy: 'Finish the case first; what must end elsewhere can not be found without their data.',
    });
  }
  if (found.presentIn !== null) {
    throw new Fault('conflict', `The directory ${found.presentIn} still names them as present.`, {
      remedy: 'Have them removed or deactivated there, or it would make a new account of them.',
    });
  }
  return found.leftAt;
}
