/** What plans are made from besides what a directory says of people: while it stands, whoever is told as before keeps what they have. */
import { type RawBuilder, sql } from 'kysely';
import type { TenantTransaction } from '../../store/tenant.ts';
import type { MembershipModel } from './plan-memberships.ts';

/** As an expression: a text of what memberships are derived from besides people's own facts. While it stands, only who is concerned is looked at. */
export function groundsOf(model: MembershipModel): RawBuilder<string> {
  return sql`md5(jsonb_build_array(${JSON.stringify(model)}::text,
    (SELECT jsonb_agg((to_jsonb(r) - 'condition') || jsonb_build_object('condition', r.condition::text) ORDER BY id) FROM mapping_rules r),
    (SELECT jsonb_agg(id ORDER BY id) FROM products WHERE seats IS NOT NULL),
    (SELECT md5(string_agg(concat_ws(' ', user_id, scope_id, role), ',' ORDER BY user_id, scope_id, role)) FROM membership_exclusions),
    (SELECT md5(string_agg(concat_ws(' ', user_id, scope_id), ',' ORDER BY user_id, scope_id)) FROM memberships
      WHERE source <> 'mapping' AND scope_kind = 'workspace' AND coalesce(expires_at > now(), true)))::text)`;
}

/**
 * A SELECT of the `user_id` of those who waited for a seat when a directory was applied last: others' coming and going is theirs, too.
 * Nobody begins to wait unseen: whoever does so otherwise than by a run of the directory has its grounds forgotten.
 */
export function waitingForSeats(directoryId: string): RawBuilder<unknown> {
  return sql`
    SELECT c.user_id FROM sync_changes c JOIN products p ON p.id = c.product_id AND p.seats IS NOT NULL
    WHERE c.kind = 'membership.withheld' AND c.run_id = (
      SELECT id FROM sync_runs WHERE directory_id = ${directoryId} AND status = 'applied' ORDER BY finished_at DESC LIMIT 1)`;
}

/** Has the next run of every directory look at everybody, where somebody waits for one of these products that has so many seats. */
export async function forgetGrounds({ db }: TenantTransaction, products: readonly string[]): Promise<void> {
  if (products.length === 0) return;
  await sql`
    UPDATE directories SET grounds = NULL
    WHERE grounds IS NOT NULL AND EXISTS (SELECT FROM products WHERE id = ANY(${products}::uuid[]) AND seats IS NOT NULL)`.execute(
    db,
  );
}
