/** What runs have done with one person, newest first; kept as long as the runs are. */
import { sql } from 'kysely';
import type { TenantTransaction } from '../store/tenant.ts';

export interface Provisioned {
  readonly at: Date;
  readonly run: string;
  readonly directory: string | null;
  readonly trigger: string;
  readonly kind: string;
  readonly scope: string | null;
  readonly role: string | null;
  readonly oldRole: string | null;
  readonly rule: string | null;
  readonly reason: string;
}

/** Reads it, the last of them. */
export async function provisioningLog(tx: TenantTransaction, userId: string, limit: number): Promise<Provisioned[]> {
  const { rows } = await sql<Provisioned>`
    SELECT r.finished_at AS at, r.id AS run, d.slug AS directory, r.trigger, c.kind,
      CASE c.scope_kind WHEN 'organization' THEN 'organization' WHEN 'workspace' THEN w.slug WHEN 'product' THEN w.slug || '/' || p.slug
        END AS scope, c.role, c.old_role AS "oldRole", m.slug AS rule, c.reason
    FROM sync_changes c JOIN sync_runs r ON r.id = c.run_id AND r.status = 'applied'
    LEFT JOIN directories d ON d.id = r.directory_id
    LEFT JOIN workspaces w ON w.id = c.workspace_id
    LEFT JOIN products p ON p.id = c.product_id
    LEFT JOIN mapping_rules m ON m.id = c.rule_id
    WHERE c.user_id = ${userId} AND c.kind <> 'user.waiting' ORDER BY r.finished_at DESC, c.seq DESC LIMIT ${limit}`.execute(
    tx.db,
  );
  return rows;
}
