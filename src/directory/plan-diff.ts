/** How two plans differ: what only the one would do, and what only the other. */
import { sql } from 'kysely';
import type { TenantTransaction } from '../store/tenant.ts';

export interface PlanDifference {
  readonly only: 'this' | 'other';
  readonly kind: string;
  readonly email: string | null;
  readonly scope: string | null;
  readonly role: string | null;
  readonly reason: string;
}

const MOST = 1000;

/** Compares them; people that are yet to be made are told apart by their address, for each plan gives them an id of its own. */
export async function comparePlans(tx: TenantTransaction, runId: string, otherId: string): Promise<PlanDifference[]> {
  const changesOf = (id: string) => sql`
    SELECT c.kind, coalesce(c.email, made.email, u.email) AS email, c.scope_kind, c.scope_id, c.workspace_id, c.product_id, c.role, c.old_role,
      c.reason
    FROM sync_changes c
    LEFT JOIN sync_changes made ON made.run_id = c.run_id AND made.kind = 'user.create' AND made.user_id = c.user_id
    LEFT JOIN users u ON u.id = c.user_id
    WHERE c.run_id = ${id}`;
  const { rows } = await sql<PlanDifference>`
    WITH this AS MATERIALIZED (${changesOf(runId)}), other AS MATERIALIZED (${changesOf(otherId)}),
    different AS (
      SELECT 'this' AS only, t.* FROM this t WHERE NOT EXISTS (SELECT FROM other o WHERE (o.kind, o.email, o.scope_id, o.role, o.old_role)
        IS NOT DISTINCT FROM (t.kind, t.email, t.scope_id, t.role, t.old_role))
      UNION ALL
      SELECT 'other', o.* FROM other o WHERE NOT EXISTS (SELECT FROM this t WHERE (o.kind, o.email, o.scope_id, o.role, o.old_role)
        IS NOT DISTINCT FROM (t.kind, t.email, t.scope_id, t.role, t.old_role))
    )
    SELECT d.only, d.kind, d.email, d.role, d.reason,
      CASE d.scope_kind WHEN 'organization' THEN 'organization' WHEN 'workspace' THEN w.slug WHEN 'product' THEN w.slug || '/' || p.slug
        END AS scope
    FROM different d LEFT JOIN workspaces w ON w.id = d.workspace_id LEFT JOIN products p ON p.id = d.product_id
    ORDER BY d.kind, d.email, scope, d.only LIMIT ${MOST}`.execute(tx.db);
  return rows;
}
