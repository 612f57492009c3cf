/** The worker: takes due mails to the mail server and writes down what it said. A claim is a lease in the row itself. */
import { sql } from 'kysely';
import { record } from '../audit/record.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import { dueMails } from '../store/locate.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { type Sent, settle } from './next-try.ts';
import { textOf } from './outbox.ts';
import { sendBySmtp } from './smtp.ts';

export interface MailerDependencies {
  readonly settings: Pick<Settings, 'mail' | 'secrets'>;
  readonly store: Pick<Store, 'db'>;
  readonly jobs: JobQueue;
  readonly log: Log;
}

const MAILER: Origin = { actor: { kind: 'system', id: 'mail', label: 'mail' } };
/** Mails sent side by side. */
const BATCH = 4;
/** Longer than the mail server may take. */
const LEASE_SECONDS = 90;

interface Claimed {
  readonly id: string;
  readonly kind: string;
  readonly about: string;
  readonly recipient: string;
  readonly subject: string;
  readonly sealedText: string;
  readonly attempts: number;
}

/** Takes wake-ups from the queue; each sends one organization's due mails. */
export async function startMailWorker(deps: MailerDependencies): Promise<void> {
  await deps.jobs.work('mail.send', ({ organizationId }) => sendDueMails(deps, organizationId));
}

/** Wakes a worker for each organization in which a mail is due. */
export async function sweepMails({ store, jobs }: MailerDependencies): Promise<void> {
  for (const organizationId of await dueMails(store.db)) {
    await jobs.enqueue(
      'mail.send',
      { organizationId, id: organizationId },
      { singletonKey: organizationId, singletonSeconds: 30 },
    );
  }
}

/** Sends an organization's mails until none is due. */
export async function sendDueMails(deps: MailerDependencies, organizationId: string): Promise<void> {
  const { db } = deps.store;
  for (;;) {
    const claimed = await inTenant(db, organizationId, MAILER, claim);
    if (claimed.length === 0) break;
    await Promise.all(claimed.map((mail) => send(deps, organizationId, mail)));
  }
  const next = await inTenant(db, organizationId, MAILER, nextDue, 'reader');
  if (next !== null) await deps.jobs.enqueue('mail.send', { organizationId, id: organizationId }, { startAfter: next });
}

async function claim({ db }: TenantTransaction): Promise<Claimed[]> {
  const { rows } = await sql<Claimed>`
    UPDATE mails SET attempts = attempts + 1, next_attempt_at = now() + ${LEASE_SECONDS} * interval '1 second'
    WHERE id IN (SELECT id FROM mails WHERE state IN ('waiting', 'retry') AND next_attempt_at <= now()
      ORDER BY next_attempt_at, id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)
    RETURNING id, kind, about, recipient, subject, sealed_text AS "sealedText", attempts`.execute(db);
  return rows;
}

/** When the next try is due, if it is soon; what is later the sweep finds. */
async function nextDue({ db }: TenantTransaction): Promise<Date | null> {
  const { rows } = await sql<{ at: Date | null }>`
    SELECT min(next_attempt_at) AS at FROM mails
    WHERE state IN ('waiting', 'retry') AND next_attempt_at < now() + interval '1 minute'`.execute(db);
  return rows[0]?.at ?? null;
}

async function send(deps: MailerDependencies, organizationId: string, mail: Claimed): Promise<void> {
  const settled = settle(await attempt(deps, mail), mail.attempts, Math.random());
  await inTenant(deps.store.db, organizationId, MAILER, async (tx) => {
    const over = settled.nextInSeconds === null;
    const { numUpdatedRows } = await tx.db
      .updateTable('mails')
      .set({
        state: settled.state,
        last_error: settled.error,
        ...(settled.state === 'sent' ? { sealed_text: null } : {}),
        ...(over
          ? { finished_at: sql`now()` }
          : { next_attempt_at: sql`now() + ${settled.nextInSeconds} * interval '1 second'` }),
      })
      .where('id', '=', mail.id)
      .where('state', 'in', ['waiting', 'retry'])
      .executeTakeFirstOrThrow();
    if (!over || numUpdatedRows === 0n) return;
    await record(tx, {
      action: `mail.${settled.state}`,
      resource: { type: 'mail', id: mail.id },
      outcome: settled.state === 'sent' ? 'success' : 'failure',
      reason: settled.error ?? '',
      detail: { kind: mail.kind, about: mail.about, attempts: mail.attempts },
    });
  });
  if (settled.state === 'failed') deps.log.error({ organizationId, mail: mail.id }, 'a mail was given up');
}

async function attempt({ settings, log }: MailerDependencies, mail: Claimed): Promise<Sent> {
  if (settings.mail === undefined) return { state: 'retry', error: 'no mail server is set' };
  try {
    const text = textOf(settings.secrets.sealingKeys, mail.id, mail.sealedText);
    return await sendBySmtp(settings.mail, { ...mail, recipients: [mail.recipient], text });
  } catch (error) {
    log.error({ error, mail: mail.id }, 'a mail could not be opened');
    return { state: 'failed', error: 'its text could not be opened, see the log' };
  }
}
