/** Roles that were given for a time. They count for nothing from that time on; here they are taken away, and that is told. */
import { sql } from 'kysely';
import { auditing } from '../audit/record.ts';
import type { Store } from '../store/database.ts';
import { locateOrganizations } from '../store/locate.ts';
import { inTenant, type Origin } from '../store/tenant.ts';

const CLOCK: Origin = { actor: { kind: 'system', id: 'clock', label: 'clock' } };

/** Takes away what has expired. Nothing else happens: also whoever loses their last role keeps their account. */
export async function endExpiredMemberships({ store: { db } }: { readonly store: Pick<Store, 'db'> }): Promise<void> {
  for (const organizationId of await locateOrganizations(db)) {
    await inTenant(db, organizationId, CLOCK, (tx) =>
      sql`
        WITH due AS (SELECT id FROM memberships WHERE expires_at <= now() ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED),
        over AS (DELETE FROM memberships m USING due WHERE m.id = due.id RETURNING m.*)
        ${auditing(
          tx,
          sql`SELECT 'membership.expired', 'user', user_id::text, 'given until ' || expires_at::text,
            jsonb_build_object('scope', scope_kind, 'scopeId', scope_id, 'role', role, 'source', source, 'expiresAt', expires_at) FROM over`,
        )}`.execute(tx.db),
    );
  }
}
