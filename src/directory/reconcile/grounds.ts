/** What plans are made from besides what a directory says of people: while it stands, whoever is told as before keeps what they have. */
import { type RawBuilder, sql } from 'kysely';
import type { TenantTransaction } from '../../store/tenant.ts';
import type { MembershipModel } from './plan-memberships.ts';

/**
 * A text of what memberships are derived from besides people's own facts. While it stands, only who is concerned has to be looked at. Null
 * where one's membership hangs on another's: the seats of a product.
 */
export async function otherGrounds(tx: TenantTransaction, model: MembershipModel): Promise<string | null> {
  const { rows } = await sql<{ grounds: string | null }>`
    SELECT CASE WHEN NOT EXISTS (SELECT FROM mapping_rules r JOIN products p ON p.id = r.product_id WHERE r.enabled AND p.seats IS NOT NULL)
      THEN ${groundsOf(model)} END AS grounds`.execute(tx.db);
  return rows[0]?.grounds ?? null;
}

/** The same as an expression, whatever hangs on it. */
export function groundsOf(model: MembershipModel): RawBuilder<string> {
  return sql`md5(jsonb_build_array(${JSON.stringify(model)}::text,
    (SELECT jsonb_agg((to_jsonb(r) - 'condition') || jsonb_build_object('condition', r.condition::text) ORDER BY id) FROM mapping_rules r),
    (SELECT md5(string_agg(concat_ws(' ', user_id, scope_id, role), ',' ORDER BY user_id, scope_id, role)) FROM membership_exclusions),
    (SELECT md5(string_agg(concat_ws(' ', user_id, scope_id), ',' ORDER BY user_id, scope_id)) FROM memberships
      WHERE source <> 'mapping' AND scope_kind = 'workspace' AND coalesce(expires_at > now(), true)))::text)`;
}
