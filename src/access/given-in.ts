/** What still gives access in a workspace or product, asked before one is deleted. */
import { sql } from 'kysely';
import type { TenantTransaction } from '../store/tenant.ts';

/** Names the memberships and mapping rules of a scope, e.g. "3 memberships and 1 mapping rule"; undefined where there are none. */
export async function accessGivenIn(
  tx: TenantTransaction,
  { workspaceId, productId }: { readonly workspaceId: string; readonly productId?: string },
): Promise<string | undefined> {
  const within = productId === undefined ? sql`workspace_id = ${workspaceId}` : sql`product_id = ${productId}`;
  const { rows } = await sql<{ memberships: number; rules: number }>`
    SELECT (SELECT count(*)::int FROM memberships WHERE ${within}) AS memberships,
      (SELECT count(*)::int FROM mapping_rules WHERE ${within}) AS rules`.execute(tx.db);
  const { memberships = 0, rules = 0 } = rows[0] ?? {};
  const found = [counted(memberships, 'membership'), counted(rules, 'mapping rule')].filter(
    (each) => each !== undefined,
  );
  return found.length === 0 ? undefined : found.join(' and ');
}

function counted(count: number, what: string): string | undefined {
  return count === 0 ? undefined : `${count} ${what}${count === 1 ? '' : 's'}`;
}
