/** What the warnings of an organization are decided from; of people and keys only those that may be worth one. */
import { sql } from 'kysely';
import { z } from 'zod';
import type { TenantTransaction } from '../store/tenant.ts';
import type { AccessModel } from './model.ts';
import { ownerRoles } from './reconcile-view.ts';
import { type AccessFacts, accessWarnings, warning } from './warnings.ts';

/** Of each kind at most; the list of people finds them all (`inactiveSince`). */
const SHOWN = 500;

export const organizationWarnings = z.object({
  warnings: z.array(warning),
  /** How many people are inactive, also where not all are shown. */
  inactive: z.number(),
});

interface Row extends Omit<AccessFacts, 'people' | 'keys' | 'reviewedAt' | 'defaultRoles'> {
  readonly people: readonly Stored<AccessFacts['people'][number]>[];
  readonly keys: readonly Stored<AccessFacts['keys'][number]>[];
  readonly reviewedAt: Date;
  readonly inactive: number;
  readonly defaults: readonly string[];
}

/** Times within JSON are text. */
type Stored<T> = {
  readonly [K in keyof T]: T[K] extends Date ? string : T[K] extends Date | null ? string | null : T[K];
};

/** Everything to be warned of, now; one statement. */
export async function warningsOf(
  tx: TenantTransaction,
  model: AccessModel,
  now: Date,
): Promise<z.output<typeof organizationWarnings>> {
  const { inactiveDays, keyAgeDays } = model.warnings;
  const { rows } = await sql<Row>`
    WITH idle AS (
      SELECT u.id, u.email, u.last_active_at, u.created_at FROM users u
      WHERE u.status = 'active' AND coalesce(u.last_active_at, u.created_at) <= now() - ${inactiveDays} * interval '1 day')
    SELECT (${OWNERS(ownerRoles(model))}) AS owners, (SELECT count(*)::int FROM idle) AS inactive,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('id', i.id, 'email', i.email, 'lastActiveAt', i.last_active_at, 'createdAt', i.created_at)
        ORDER BY i.email), '[]') FROM (SELECT * FROM idle ORDER BY email LIMIT ${SHOWN}) i) AS people,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('id', k.id, 'display', k.display, 'createdAt', k.created_at,
          'environments', ARRAY(SELECT DISTINCT e FROM unnest(ARRAY[k.environment, k.workspace_environment]) e WHERE e IS NOT NULL ORDER BY e))
          ORDER BY k.created_at), '[]')
        FROM (SELECT k.*, w.environment AS workspace_environment FROM api_keys k LEFT JOIN workspaces w ON w.id = k.workspace_id
          WHERE k.revoked_at IS NULL AND coalesce(k.expires_at > now(), true)
            AND (k.created_at < now() - ${keyAgeDays} * interval '1 day' OR w.environment <> k.environment)
          ORDER BY k.created_at LIMIT ${SHOWN}) k) AS keys,
      ARRAY(SELECT default_role FROM connections WHERE enabled AND default_role IS NOT NULL
        UNION SELECT o.default_role WHERE o.default_role IS NOT NULL) AS defaults,
      coalesce((SELECT max(ended_at) FROM reviews WHERE state = 'closed'), o.created_at) AS "reviewedAt"
    FROM organizations o`.execute(tx.db);
  const [row] = rows;
  if (row === undefined) throw new Error('the organization of this transaction is gone');
  return { warnings: accessWarnings(model, factsFrom(row, model), now), inactive: row.inactive };
}

const OWNERS = (roles: readonly string[]) => sql`
  SELECT coalesce(jsonb_agg(jsonb_build_object('scopeKind', held.scope_kind, 'role', held.role, 'scopeId', held.scope_id, 'count', held.count)), '[]')
  FROM (SELECT m.scope_kind, m.role, m.scope_id, count(DISTINCT m.user_id)::int AS count
    FROM memberships m JOIN users u ON u.id = m.user_id AND u.status = 'active'
    WHERE m.role = ANY(${roles as string[]}::text[]) AND coalesce(m.expires_at > now(), true) GROUP BY 1, 2, 3) held`;

function factsFrom({ owners, people, keys, defaults, reviewedAt }: Row, model: AccessModel): AccessFacts {
  return {
    owners,
    reviewedAt,
    defaultRoles: defaults.map((role) => ({ scopeKind: model.defaultRole.scope, role })),
    people: people.map((each) => ({
      ...each,
      lastActiveAt: each.lastActiveAt === null ? null : new Date(each.lastActiveAt),
      createdAt: new Date(each.createdAt),
    })),
    keys: keys.map((each) => ({ ...each, createdAt: new Date(each.createdAt) })),
  };
}
