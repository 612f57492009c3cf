/** The outbox: mails as rows, written in the transaction of what they tell, until the mail server has taken them. */
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { seal, unseal } from '../credentials/sealing.ts';
import { Fault } from '../errors.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { SealingKeys } from '../sealing-keys.ts';
import type { Settings } from '../settings.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';

export interface PostDependencies {
  readonly settings: Pick<Settings, 'mail' | 'secrets'>;
  readonly jobs: JobQueue;
}

export interface Mail {
  /** What it is: `invitation`, `review.reminder` ... */
  readonly kind: string;
  /** The id of what it is about, by which it is found and taken back. */
  readonly about: string;
  readonly recipient: string;
  /** One line. */
  readonly subject: string;
  readonly text: string;
}

export type MailState = 'waiting' | 'retry' | 'sent' | 'failed' | 'cancelled';

/** A mail as it is shown: never its text. */
export interface ShownMail {
  readonly id: string;
  readonly kind: string;
  readonly about: string;
  readonly recipient: string;
  readonly subject: string;
  readonly state: MailState;
  readonly attempts: number;
  readonly nextAttemptAt: Date | null;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

/**
 * Posts mails; they leave once this transaction has committed.
 * @returns false, having posted none, where the settings name no mail server
 */
export async function postMail(deps: PostDependencies, tx: TenantTransaction, ...mails: Mail[]): Promise<boolean> {
  if (deps.settings.mail === undefined) return false;
  if (mails.length === 0) return true;
  const { sealingKeys } = deps.settings.secrets;
  const rows = mails.map(({ text, subject, ...mail }) => {
    const id = randomUUID();
    const line = subject.replace(/\s+/g, ' ').slice(0, 200);
    return {
      ...mail,
      organization_id: tx.organizationId,
      id,
      subject: line,
      sealed_text: seal(sealingKeys, purposeOf(id), text),
      last_error: null,
      finished_at: null,
    };
  });
  await tx.db.insertInto('mails').values(rows).execute();
  await record(
    tx,
    ...rows.map(({ id, kind, about }) => {
      return { action: 'mail.posted', resource: { type: 'mail', id }, detail: { kind, about } };
    }),
  );
  await wakeMailer(deps.jobs, tx);
  return true;
}

/** Takes back what has not been sent yet of the mails about something. */
export async function cancelMail(tx: TenantTransaction, about: readonly string[]): Promise<void> {
  if (about.length === 0) return;
  await tx.db
    .updateTable('mails')
    .set({ state: 'cancelled', sealed_text: null, finished_at: sql`now()` })
    .where('about', 'in', about)
    .where('state', 'in', ['waiting', 'retry', 'failed'])
    .execute();
}

/** Opens a mail's text. */
export function textOf(sealingKeys: SealingKeys, id: string, sealed: string): string {
  return unseal(sealingKeys, purposeOf(id), sealed);
}

/** Has a worker look for due mails. */
export async function wakeMailer(jobs: JobQueue, { organizationId, db }: TenantTransaction): Promise<void> {
  await jobs.enqueue('mail.send', { organizationId, id: organizationId }, { transaction: db });
}

const MAIL_STATES = ['waiting', 'retry', 'sent', 'failed', 'cancelled'] as const satisfies readonly MailState[];

export const mailQuery = z.object({
  state: z.enum(MAIL_STATES).optional(),
  /** Id of what they are about. */
  about: z.string().max(100).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/** Mails, latest first. */
export async function listMails(
  tx: TenantTransaction,
  { state, about, limit }: z.output<typeof mailQuery>,
): Promise<ShownMail[]> {
  const { rows } = await sql<ShownMail>`
    SELECT id, kind, about, recipient, subject, state, attempts, last_error AS "lastError", created_at AS "createdAt",
      CASE WHEN finished_at IS NULL THEN next_attempt_at END AS "nextAttemptAt", finished_at AS "finishedAt"
    FROM mails WHERE (${state ?? null}::text IS NULL OR state = ${state ?? null}) AND (${about ?? null}::text IS NULL OR about = ${about ?? null})
    ORDER BY created_at DESC, id LIMIT ${limit}`.execute(tx.db);
  return rows;
}

/** Tries a mail again that was given up. @throws Fault `not-found`, `conflict` where it was not */
export async function retryMail(jobs: JobQueue, tx: TenantTransaction, id: string): Promise<void> {
  const found = isId(id)
    ? await tx.db.selectFrom('mails').select('state').where('id', '=', id).forUpdate().executeTakeFirst()
    : undefined;
  if (found === undefined) throw new Fault('not-found', 'There is no such mail.', { where: 'path' });
  if (found.state !== 'failed')
    throw new Fault('conflict', `This mail is ${found.state}; only a failed one is retried.`);
  await tx.db
    .updateTable('mails')
    .set({ state: 'retry', attempts: 0, next_attempt_at: sql`now()`, finished_at: null })
    .where('id', '=', id)
    .execute();
  await record(tx, { action: 'mail.retried', resource: { type: 'mail', id } });
  await wakeMailer(jobs, tx);
}

function purposeOf(id: string): string {
  return `mail:${id}`;
}
