/** What still gives access in a workspace or product, asked before one is deleted. */
import { sql } from 'kysely';
import type { TenantTransaction } from '../store/tenant.ts';

/**
 * Names the memberships, mapping rules, API keys and invitations that still count in a scope, e.g. "3 memberships and 1 mapping rule"; undefined
 * where there are none. They would all go with it, and nobody would be told.
 */
export async function accessGivenIn(
  tx: TenantTransaction,
  { workspaceId, productId }: { readonly workspaceId: string; readonly productId?: string },
): Promise<string | undefined> {
  const within = productId === undefined ? sql`workspace_id = ${workspaceId}` : sql`product_id = ${productId}`;
  const { rows } = await sql<{ memberships: number; rules: number; keys: number; invitations: number }>`
    SELECT (SELECT count(*)::int FROM memberships WHERE ${within}) AS memberships,
      (SELECT count(*)::int FROM mapping_rules WHERE ${within}) AS rules,
      (SELECT count(*)::int FROM api_keys WHERE ${within} AND revoked_at IS NULL AND coalesce(expires_at > now(), true)) AS keys,
      (SELECT count(DISTINCT i.id)::int FROM invitation_roles r JOIN invitations i ON i.id = r.invitation_id AND i.accepted_at IS NULL
        AND i.revoked_at IS NULL AND i.expires_at > now() WHERE r.${within}) AS invitations`.execute(tx.db);
  const { memberships = 0, rules: mapping = 0, keys = 0, invitations = 0 } = rows[0] ?? {};
  const found = [
    counted(memberships, 'membership'),
    counted(mapping, 'mapping rule'),
    counted(keys, 'API key'),
    counted(invitations, 'invitation'),
  ].filter((each) => each !== undefined);
  return found.length === 0 ? undefined : found.join(' and ');
}

function counted(count: number, what: string): string | undefined {
  return count === 0 ? undefined : `${count} ${what}${count === 1 ? '' : 's'}`;
}
