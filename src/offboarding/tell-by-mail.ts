/**
 * Tells a leaver's manager by e-mail, or the owners where no directory names a manager who is here. It goes out in its step, not through the
 * outbox: so the case is open until the mail server has taken it, and says why it hasn't.
 */
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Models } from '../access/model-file.ts';
import { organizationModel } from '../access/organization-model.ts';
import { ownerRoles } from '../access/reconcile-view.ts';
import type { Sent } from '../mail/next-try.ts';
import { sendBySmtp } from '../mail/smtp.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import { inTenant, type TenantTransaction } from '../store/tenant.ts';
import type { Case } from './cases.ts';
import type { ClaimedStep } from './claim.ts';
import { letterOfMany, letterOfOne } from './leaver-letter.ts';
import { managerOf, ownersFor, type Recipient } from './manager.sql.ts';
import type { Outcome } from './next-step.ts';

interface TellingDependencies {
  readonly settings: Pick<Settings, 'mail' | 'http'>;
  readonly store: Pick<Store, 'db'>;
  readonly models: Models;
}

/** Where more leave in one transaction, owners get one mail of them all. */
const MANY = 25;
const NAMED = 50;
/** For a mail server that says something now and then but never yes; below the lease of a step. */
const PATIENCE = 15_000;

interface Letter {
  readonly to: readonly Recipient[];
  readonly subject: string;
  readonly text: string;
}

/** Does one step. */
export async function tellByMail(
  deps: TellingDependencies,
  organizationId: string,
  step: ClaimedStep,
): Promise<Outcome> {
  const { mail } = deps.settings;
  if (mail === undefined)
    return { state: 'needs_human', error: 'no mail server is set: name one in the settings, or mail nobody' };
  const origin = { actor: { kind: 'system', id: 'offboarding', label: 'offboarding' } } as const;
  const read = (tx: TenantTransaction) => lettersOf(deps, tx, step);
  const letters = await inTenant(deps.store.db, organizationId, origin, read, 'reader');
  if (!Array.isArray(letters)) return letters;
  for (const [at, { to, subject, text }] of letters.entries()) {
    const letter = { id: `${step.id}.${at}`, recipients: to.map(({ email }) => email), subject, text };
    const late = { state: 'retry', error: 'the mail server does not come to an end' } as const;
    const sent = await Promise.race([sendBySmtp(mail, letter), setTimeout<Sent>(PATIENCE, late, { ref: false })]);
    if (sent.state === 'failed') return { state: 'needs_human', error: `the mail server refuses it: ${sent.error}` };
    if (sent.state === 'retry') return { state: 'retry', error: `the mail server: ${sent.error}` };
  }
  // By their ids: an address would outlive its person's erasure.
  const told = letters.flatMap(({ to }) => to.map(({ id }) => id));
  return { state: 'delivered', proof: { told, takenAt: new Date().toISOString() } };
}

/** @returns what to send, or what the step comes to where that is nothing */
async function lettersOf(
  { models, settings }: TellingDependencies,
  tx: TenantTransaction,
  step: ClaimedStep,
): Promise<Letter[] | Outcome> {
  const manager = await managerOf(tx, step.user.id);
  const ended = step.ended as unknown as Case['ended'];
  const owners = await ownersFor(tx, ownerRoles(await organizationModel(models, tx)), ended.memberships);
  const { organization, many, first } = await leftTogether(tx, step.caseId);
  const url = `${settings.http.baseUrl}/console/offboarding`;
  const facts = { organization, at: new Date(step.openedAt) };
  const letters: Letter[] = [];
  const to = manager ?? (many ? [] : owners);
  const { displayName: name, email } = step.user;
  if (to.length > 0)
    letters.push({ to, ...letterOfOne({ ...facts, name, email, ended, url: `${url}/${step.caseId}` }) });
  if (many && first && owners.length > 0)
    letters.push({ to: owners, ...letterOfMany({ ...facts, ...(await allOf(tx, step.caseId)), url }) });
  if (letters.length > 0) return letters;
  if (many && owners.length > 0)
    return { state: 'delivered', proof: { reason: 'the owners are told at once of all who left at this moment' } };
  return { state: 'unsupported', proof: { reason: 'no directory names a manager who is here, and nobody is owner' } };
}

/** Cases that one transaction opened; asked for each of them, so it never counts them all. */
async function leftTogether({ db }: TenantTransaction, caseId: string) {
  const { rows } = await sql<{ organization: string; many: boolean; first: boolean }>`
    SELECT o.name AS organization,
      (SELECT count(*) FROM (SELECT FROM offboarding_cases c WHERE ${togetherWith(caseId)} LIMIT ${MANY + 1}) AS counted) > ${MANY} AS many,
      NOT EXISTS (SELECT FROM offboarding_cases c WHERE ${togetherWith(caseId)} AND c.id < ${caseId}::uuid) AS first
    FROM organizations o`.execute(db);
  return rows[0] ?? { organization: '', many: false, first: true };
}

async function allOf({ db }: TenantTransaction, caseId: string) {
  const { rows } = await sql<{ number: number; names: string[] }>`
    SELECT (SELECT count(*)::int FROM offboarding_cases c WHERE ${togetherWith(caseId)}) AS number,
      array(SELECT coalesce(nullif(u.display_name, ''), u.email) FROM offboarding_cases c JOIN users u ON u.id = c.user_id
        WHERE ${togetherWith(caseId)} ORDER BY 1 LIMIT ${NAMED}) AS names`.execute(db);
  return rows[0] ?? { number: 0, names: [] };
}

const togetherWith = (caseId: string) =>
  sql`c.opened_at = (SELECT t.opened_at FROM offboarding_cases t WHERE t.id = ${caseId})`;
