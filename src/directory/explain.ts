/** Why somebody has a role at a place, or why not: each membership there with where it comes from, each rule with what it found (directory, Reconcile). */
import { sql } from 'kysely';
import type { Place } from '../access/scope.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { GROUP_MATCHES } from './reconcile/plan-memberships.ts';
import { PRESENT } from './reconcile/present.ts';

export interface ExplainedMembership {
  readonly role: string;
  readonly source: string;
  readonly rule: string | null;
  readonly reason: string;
  readonly grantedBy: string;
  readonly since: Date;
  readonly expiresAt: Date | null;
  /** The run that gave it, and when it was applied; null where it came of a login, a SCIM request or by hand. */
  readonly run: string | null;
}

export interface ExplainedRule {
  readonly rule: string;
  readonly effect: 'grant' | 'deny';
  readonly role: string | null;
  readonly directory: string | null;
  readonly group: string | null;
  readonly condition: string | null;
  readonly matches: boolean;
  /** What matched, or what kept it from matching. */
  readonly because: string;
  /** What keeps the rule from giving its role to this person, though it matches: a review's decision, for one. */
  readonly exclusion: { readonly by: string; readonly reason: string; readonly since: string } | null;
}

export interface Explanation {
  readonly memberships: readonly ExplainedMembership[];
  readonly rules: readonly ExplainedRule[];
}

/** Explains a person's roles at a place. */
export async function explain(tx: TenantTransaction, userId: string, place: Place): Promise<Explanation> {
  const memberships = await sql<ExplainedMembership>`
    SELECT m.role, m.source, r.slug AS rule, m.reason, m.granted_by AS "grantedBy", m.created_at AS since, m.expires_at AS "expiresAt",
      m.run_id AS run
    FROM memberships m LEFT JOIN mapping_rules r ON r.id = m.rule_id
    WHERE m.user_id = ${userId} AND m.scope_kind = ${place.kind} AND m.scope_id = ${place.id} ORDER BY m.source, m.role`.execute(
    tx.db,
  );
  return { memberships: memberships.rows, rules: await explainRules(tx, userId, place) };
}

/** Each rule for the place, in the order in which they are weighed, held against the person's present facts. */
async function explainRules(tx: TenantTransaction, userId: string, place: Place): Promise<ExplainedRule[]> {
  const { rows } = await sql<ExplainedRule>`
    WITH facts AS (
      SELECT d.id, d.directory_id, d.attributes FROM directory_users d WHERE d.user_id = ${userId} AND ${PRESENT}
    ), weighed AS (
      SELECT r.*, own.slug AS directory,
        EXISTS (SELECT FROM facts f WHERE f.directory_id = coalesce(r.directory_id, f.directory_id)) AS stated,
        EXISTS (SELECT FROM facts f WHERE f.directory_id = coalesce(r.directory_id, f.directory_id)
          AND coalesce(jsonb_path_match(f.attributes, r.condition, '{}', true), false)) AS holds,
        (SELECT g.group_name FROM facts f
          JOIN directory_group_members m ON m.directory_id = f.directory_id AND m.member_id = f.id
          JOIN LATERAL (SELECT display_name AS group_name, coalesce(external_id, source_key) AS group_key FROM directory_groups
            WHERE directory_id = m.directory_id AND id = m.group_id) g ON true
          WHERE f.directory_id = coalesce(r.directory_id, f.directory_id) AND ${GROUP_MATCHES}
            AND (r.condition IS NULL OR coalesce(jsonb_path_match(f.attributes, r.condition, '{}', true), false)) LIMIT 1) AS found
      FROM mapping_rules r LEFT JOIN directories own ON own.id = r.directory_id
      WHERE r.enabled AND r.scope_kind = ${place.kind} AND r.scope_id = ${place.id}
    )
    SELECT slug AS rule, effect, role, directory, group_name AS "group", condition::text AS condition,
      CASE WHEN group_name IS NULL THEN holds ELSE found IS NOT NULL END AS matches,
      CASE
        WHEN NOT stated THEN 'no directory that counts says anything of this person'
        WHEN group_name IS NULL AND holds THEN 'the condition holds'
        WHEN group_name IS NULL THEN 'the condition does not hold'
        WHEN found IS NOT NULL THEN 'in the group ' || found
        WHEN condition IS NOT NULL AND NOT holds THEN 'the condition does not hold'
        ELSE 'not in the group ' || group_name END AS because,
      (SELECT jsonb_build_object('by', x.excluded_by, 'reason', x.reason, 'since', x.created_at) FROM membership_exclusions x
        WHERE x.user_id = ${userId} AND x.scope_id = weighed.scope_id AND x.role = weighed.role AND effect = 'grant') AS exclusion
    FROM weighed ORDER BY position, slug`.execute(tx.db);
  return rows;
}
