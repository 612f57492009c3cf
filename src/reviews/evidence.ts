/** The evidence of a review: what was asked, of whom, who decided what, when and why, and what it came to. */
import { z } from 'zod';
import { csvLine } from '../audit/csv.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { listItems, type ShownItem, type ShownReview, shownItem, shownReview } from './review.ts';

export const evidence = z.object({ review: shownReview, items: z.array(shownItem) });

const PAGE = 1000;

/** The whole of a review. */
export async function evidenceOf(tx: TenantTransaction, review: ShownReview): Promise<z.output<typeof evidence>> {
  const items: ShownItem[] = [];
  for (let cursor: string | undefined; ; ) {
    const query = { undecided: false, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const page = await listItems(tx, review.id, query, null);
    items.push(...page.items);
    if (page.next === null) return { review, items };
    cursor = page.next;
  }
}

const COLUMNS = [
  'email',
  'scope',
  'place',
  'role',
  'source',
  'grantedBy',
  'grantedReason',
  'grantedAt',
  'expiresAt',
  'decision',
  'decidedBy',
  'decidedAt',
  'decisionReason',
  'outcome',
  'outcomeReason',
] as const satisfies readonly (keyof ShownItem)[];

/** The same as lines of CSV, one an item. */
export function evidenceCsv({ review, items }: z.output<typeof evidence>): string {
  const lines = items.map((item) => csvLine([review.name, ...COLUMNS.map((column) => written(item[column]))]));
  return [csvLine(['review', ...COLUMNS]), ...lines].join('');
}

function written(value: string | Date | null): string | null {
  return value instanceof Date ? value.toISOString() : value;
}
