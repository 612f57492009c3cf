/** Tells reviewers what waits for them: when a review starts, a week and a day before it ends. */
import { type Kysely, sql } from 'kysely';
import type { Models } from '../access/model-file.ts';
import type { JobQueue } from '../jobs/queue.ts';
import { type PostDependencies, postMail } from '../mail/outbox.ts';
import type { Settings } from '../settings.ts';
import type { Tables } from '../store/tables.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import type { ShownReview } from './review.ts';

export interface ReviewDependencies extends PostDependencies {
  readonly settings: Pick<Settings, 'http' | 'mail' | 'secrets'>;
  readonly store: { readonly db: Kysely<Tables> };
  readonly models: Models;
  readonly jobs: JobQueue;
}

const DAY = 86_400_000;
/** How long before the end. */
const REMINDERS = [7 * DAY, DAY];

/** When there is something to do next: the next reminder, or the end. Pure. */
export function nextMoment(dueAt: Date, now: Date): Date {
  const moments = REMINDERS.map((before) => dueAt.getTime() - before).filter((time) => time > now.getTime());
  return new Date(moments[0] ?? dueAt.getTime());
}

/** Mails each active reviewer who has something left to decide. */
export async function remind(deps: ReviewDependencies, tx: TenantTransaction, review: ShownReview): Promise<void> {
  const { rows } = await sql<{ email: string; left: number; organization: string }>`
    SELECT u.email, count(*)::int AS left, o.name AS organization
    FROM review_items i CROSS JOIN LATERAL unnest(i.reviewers) AS reviewer
    JOIN users u ON u.id = reviewer AND u.status = 'active' JOIN organizations o ON o.id = i.organization_id
    WHERE i.review_id = ${review.id} AND i.decision IS NULL GROUP BY u.email, o.name ORDER BY u.email`.execute(tx.db);
  const letters = rows.map(({ email, left, organization }) => {
    return {
      kind: 'review.reminder',
      about: review.id,
      recipient: email,
      ...letterOf(deps, review, left, organization),
    };
  });
  await postMail(deps, tx, ...letters);
}

function letterOf({ settings }: ReviewDependencies, review: ShownReview, left: number, organization: string) {
  const until = `${review.dueAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const end = review.ifUndecided === 'keep' ? 'stays as it is' : 'is taken away';
  return {
    subject: `Access review "${review.name}" until ${until.slice(0, 10)}`,
    text: `In ${organization}, ${left} ${left === 1 ? 'role waits' : 'roles wait'} for your decision: keep or revoke.

${settings.http.baseUrl}/console/reviews/${review.id}

What nobody has decided by ${until} ${end}.
`,
  };
}
