/** Gives people who come back what the model's policy lets them have again; set-based, for one as for ten thousand. */
import { sql } from 'kysely';
import type { AccessModel } from '../access/model.ts';
import { recordSelected } from '../audit/record.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { type Giver, type LostMembership, withheldBecause } from './restorable.ts';

export interface Restoration extends LostMembership {
  /** Why it does not come back; null where it does. */
  readonly withheld: string | null;
}

/** What each of these people would get back, and what not. */
export async function restorations(
  tx: TenantTransaction,
  model: AccessModel,
  userIds: readonly string[],
  giver: Giver,
  now: Date,
): Promise<Restoration[]> {
  const { rows } = await sql<Omit<LostMembership, 'expiresAt' | 'leftAt'> & { leftAt: Date; expiresAt: Date | null }>`
    SELECT c.user_id AS "userId", c.opened_at AS "leftAt", m.scope, m."scopeId", coalesce(w.id, p.workspace_id) AS "workspaceId",
      p.id AS "productId", m.role, m.source, m."expiresAt",
      CASE m.scope WHEN 'organization' THEN 'organization' WHEN 'workspace' THEN w.slug WHEN 'product' THEN pw.slug || '/' || p.slug END AS place
    FROM (
      SELECT DISTINCT ON (user_id) user_id, opened_at, ended FROM offboarding_cases
      WHERE user_id = ANY(${userIds as string[]}::uuid[]) AND rehired_at IS NULL ORDER BY user_id, opened_at DESC) AS c
    CROSS JOIN LATERAL jsonb_to_recordset(c.ended->'memberships')
      AS m(scope text, "scopeId" uuid, role text, source text, "expiresAt" timestamptz)
    LEFT JOIN workspaces w ON m.scope = 'workspace' AND w.id = m."scopeId"
    LEFT JOIN products p ON m.scope = 'product' AND p.id = m."scopeId" LEFT JOIN workspaces pw ON pw.id = p.workspace_id
    ORDER BY m.scope, place, m.role`.execute(tx.db);
  return rows.map((lost) => ({ ...lost, withheld: withheldBecause(model, tx.organizationId, lost, giver, now) }));
}

/** Gives back what is not withheld, to people who are active again, and notes on their cases that they are. */
export async function restore(
  tx: TenantTransaction,
  userIds: readonly string[],
  found: readonly Restoration[],
): Promise<void> {
  const back = JSON.stringify(found.filter(({ withheld }) => withheld === null));
  const { rows } = await sql<{ id: string }>`
    INSERT INTO memberships (organization_id, user_id, scope_kind, workspace_id, product_id, role, source, granted_by, reason, expires_at)
    SELECT ${tx.organizationId}::uuid, b."userId", b.scope, b."workspaceId", b."productId", b.role, b.source, ${tx.origin.actor.label},
      'came back', b."expiresAt"
    FROM jsonb_to_recordset(${back}::jsonb) AS b("userId" uuid, scope text, "workspaceId" uuid, "productId" uuid, role text, source text,
      "expiresAt" timestamptz)
    ON CONFLICT (organization_id, user_id, scope_kind, scope_id, source) DO NOTHING RETURNING id`.execute(tx.db);
  await recordSelected(
    tx,
    sql`SELECT 'membership.granted', 'user', m.user_id::text, 'came back',
        jsonb_build_object('membership', m.id, 'scope', m.scope_kind, 'scopeId', m.scope_id, 'role', m.role, 'source', m.source)
      FROM memberships m WHERE m.id = ANY(${rows.map(({ id }) => id)}::uuid[])`,
  );
  await sql`
    UPDATE offboarding_cases SET rehired_at = now() WHERE user_id = ANY(${userIds as string[]}::uuid[]) AND rehired_at IS NULL
    `.execute(tx.db);
}
