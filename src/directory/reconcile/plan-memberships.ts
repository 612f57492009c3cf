/**
 * Desired memberships minus actual ones. Desired: every enabled rule over every present fact of a person; at each scope the highest
 * rank wins, then the rule's position, then its name; a denying rule beats any granting one, and so does what a review took away.
 * Where a product has so many seats, whoever has one keeps it, and the others come in the order of their addresses (directory, Reconcile;
 * access models).
 */
import { type RawBuilder, sql } from 'kysely';
import { PRESENT } from './present.ts';

/** Of the access model, what the statement needs. */
export interface ReconcileRole {
  readonly role: string;
  readonly scopeKind: string;
  readonly rank: number;
  readonly administrative: boolean;
  readonly mappable: boolean;
}

export interface MembershipModel {
  readonly roles: readonly ReconcileRole[];
  /** Whether a product's role takes a membership of its workspace. */
  readonly productNeedsWorkspace: boolean;
}

/** Whose memberships are derived, and from what: two SELECTs over one set of people. */
export interface FactScope {
  /** WITH-queries that the others build on, each `name AS (...)`. */
  readonly given: readonly RawBuilder<unknown>[];
  /** `user_id` of the people concerned; those who leave are not among them. */
  readonly people: RawBuilder<unknown>;
  /** `user_id, directory_id, attributes`, a row per present record. */
  readonly facts: RawBuilder<unknown>;
  /** `user_id, directory_id, group_key, group_name`; the key is the source's own id of the group. */
  readonly groups: RawBuilder<unknown>;
  /** `user_id` of those who leave with this plan; what they hold is free then. */
  readonly leaving: RawBuilder<unknown>;
  /** `user_id, email` of those whose account is made with this plan. */
  readonly newcomers: RawBuilder<unknown>;
}

/** The people named, or everybody where none are, from their facts in every directory. */
export function settledScope(userIds: readonly string[] | 'everybody'): FactScope {
  return scopeOf(userIds === 'everybody' ? sql`true` : sql`u.id = ANY(${userIds as string[]}::uuid[])`);
}

/** The people whom records of a directory belong to, likewise. */
export function recordScope({ directoryId, ids }: { directoryId: string; ids: readonly string[] }): FactScope {
  return scopeOf(sql`u.id IN (
    SELECT r.user_id FROM directory_users r WHERE r.directory_id = ${directoryId} AND r.id = ANY(${ids as string[]}::uuid[]))`);
}

function scopeOf(who: RawBuilder<unknown>): FactScope {
  return {
    given: [],
    people: sql`SELECT u.id AS user_id FROM users u WHERE u.status <> 'deprovisioned' AND ${who}`,
    facts: sql`SELECT d.user_id, d.directory_id, d.attributes FROM directory_users d JOIN people USING (user_id) WHERE ${PRESENT}`,
    groups: sql`
      SELECT d.user_id, d.directory_id, coalesce(g.external_id, g.source_key) AS group_key, g.display_name AS group_name
      FROM people JOIN directory_users d USING (user_id)
      JOIN directory_group_members m ON m.directory_id = d.directory_id AND m.member_id = d.id
      JOIN directory_groups g ON g.directory_id = m.directory_id AND g.id = m.group_id
      WHERE ${PRESENT}`,
    leaving: sql`SELECT NULL::uuid AS user_id WHERE false`,
    newcomers: sql`SELECT NULL::uuid AS user_id, NULL::text AS email WHERE false`,
  };
}

/** The people of a run: this directory as staged, every other as it stands, accounts as planned. */
export function stagedScope(runId: string, directoryId: string): FactScope {
  return {
    given: [
      sql`planned AS MATERIALIZED (SELECT source_key, user_id, kind, email FROM sync_changes WHERE run_id = ${runId} AND kind LIKE 'user.%')`,
      sql`resolved AS MATERIALIZED (
        SELECT s.source_key, coalesce(p.user_id, d.user_id) AS user_id, s.attributes,
          s.active AND coalesce(s.starts_at <= now(), true) AND coalesce(s.ends_at > now(), true) AS present
        FROM staged_users s
        LEFT JOIN directory_users d ON d.directory_id = ${directoryId} AND d.source_key = s.source_key
        LEFT JOIN planned p ON p.source_key = s.source_key
          AND p.kind IN ('user.create', 'user.link', 'user.reactivate')
        WHERE s.run_id = ${runId})`,
    ],
    people: sql`
      SELECT user_id FROM planned WHERE kind = 'user.protected'
      UNION
      SELECT r.user_id FROM resolved r
      LEFT JOIN users u ON u.id = r.user_id
      WHERE r.user_id IS NOT NULL
        AND (u.status IS DISTINCT FROM 'deprovisioned'
          OR r.user_id IN (SELECT user_id FROM planned WHERE kind = 'user.reactivate'))
        AND r.user_id NOT IN (SELECT user_id FROM planned WHERE kind = 'user.deprovision')`,
    facts: sql`
      SELECT r.user_id, ${directoryId}::uuid AS directory_id, r.attributes FROM resolved r JOIN people USING (user_id) WHERE r.present
      UNION ALL
      SELECT d.user_id, d.directory_id, d.attributes FROM directory_users d JOIN people USING (user_id)
      WHERE d.directory_id <> ${directoryId} AND ${PRESENT}`,
    groups: sql`
      SELECT r.user_id, ${directoryId}::uuid AS directory_id, m.group_key, m.group_name
      FROM staged_members m JOIN resolved r ON r.source_key = m.user_key AND r.present JOIN people USING (user_id)
      WHERE m.run_id = ${runId}
      UNION ALL
      SELECT d.user_id, d.directory_id, coalesce(g.external_id, g.source_key), g.display_name
      FROM people JOIN directory_users d USING (user_id)
      JOIN directory_group_members m ON m.directory_id = d.directory_id AND m.member_id = d.id
      JOIN directory_groups g ON g.directory_id = m.directory_id AND g.id = m.group_id
      WHERE d.directory_id <> ${directoryId} AND ${PRESENT}`,
    leaving: sql`SELECT user_id FROM planned WHERE kind = 'user.deprovision'`,
    newcomers: sql`SELECT user_id, email FROM planned WHERE kind = 'user.create'`,
  };
}

/** Whether a rule `r` means a group `g`: by its name in any case, by the source's own id, or by a pattern in which `*` is anything. */
export const GROUP_MATCHES = sql`CASE r.group_by
    WHEN 'name' THEN lower(g.group_name) = lower(r.group_name)
    WHEN 'id' THEN g.group_key = r.group_name
    ELSE lower(g.group_name) LIKE
      replace(replace(replace(replace(lower(r.group_name), '!', '!!'), '%', '!%'), '_', '!_'), '*', '%') ESCAPE '!' END`;

/** A SELECT of change rows (see changes.ts) that turn actual derived memberships into the desired ones. */
export function planMemberships(scope: FactScope, model: MembershipModel): RawBuilder<unknown> {
  const roles = JSON.stringify(model.roles);
  const given = scope.given.length === 0 ? sql`` : sql`${sql.join(scope.given)},`;
  return sql`
    WITH ${given}
    people AS MATERIALIZED (${scope.people}),
    person_facts AS MATERIALIZED (${scope.facts}),
    person_groups AS MATERIALIZED (${scope.groups}),
    roles AS MATERIALIZED (
      SELECT * FROM jsonb_to_recordset(${roles}::jsonb)
        AS r(role text, "scopeKind" text, rank integer, administrative boolean, mappable boolean)
    ),
    rules AS MATERIALIZED (SELECT * FROM mapping_rules WHERE enabled),
    matched_groups AS MATERIALIZED (
      SELECT r.id AS rule_id, g.directory_id, g.group_key
      FROM rules r JOIN (SELECT DISTINCT directory_id, group_key, group_name FROM person_groups) g
        ON g.directory_id = coalesce(r.directory_id, g.directory_id) AND ${GROUP_MATCHES}
    ),
    matched_members AS MATERIALIZED (
      -- By itself, for of the directory alone the planner would make pairs of every group and everybody.
      SELECT g.user_id, g.directory_id, g.group_name, mg.rule_id
      FROM matched_groups mg JOIN person_groups g ON g.directory_id = mg.directory_id AND g.group_key = mg.group_key
    ),
    matched AS MATERIALIZED (
      SELECT g.user_id, r.id, r.slug, r.effect, r.scope_kind, r.workspace_id, r.product_id, r.scope_id, r.role, r.position,
        'group ' || g.group_name AS because
      FROM matched_members g
      JOIN rules r ON r.id = g.rule_id
      JOIN person_facts f ON f.user_id = g.user_id AND f.directory_id = g.directory_id
        AND (r.condition IS NULL OR coalesce(jsonb_path_match(f.attributes, r.condition, '{}', true), false))
      UNION ALL
      SELECT f.user_id, r.id, r.slug, r.effect, r.scope_kind, r.workspace_id, r.product_id, r.scope_id, r.role, r.position,
        r.condition::text
      FROM rules r
      JOIN person_facts f ON f.directory_id = coalesce(r.directory_id, f.directory_id)
        AND coalesce(jsonb_path_match(f.attributes, r.condition, '{}', true), false)
      WHERE r.group_name IS NULL
    ),
    granted AS MATERIALIZED (
      SELECT DISTINCT ON (m.user_id, m.scope_kind, m.scope_id) m.*, roles.administrative
      FROM matched m JOIN roles ON roles.role = m.role AND roles."scopeKind" = m.scope_kind AND roles.mappable
      LEFT JOIN membership_exclusions x ON x.user_id = m.user_id AND x.scope_id = m.scope_id AND x.role = m.role
      WHERE m.effect = 'grant' AND x.id IS NULL AND NOT EXISTS (
        SELECT 1 FROM matched n WHERE n.effect = 'deny' AND n.user_id = m.user_id AND n.scope_kind = m.scope_kind
          AND n.scope_id = m.scope_id AND (n.role IS NULL OR n.role = m.role))
      ORDER BY m.user_id, m.scope_kind, m.scope_id, roles.rank DESC, m.position, m.slug, m.because
    ),
    workspace_members AS (
      SELECT user_id, scope_id AS workspace_id FROM granted WHERE scope_kind = 'workspace'
      UNION
      SELECT m.user_id, m.scope_id FROM memberships m JOIN people USING (user_id)
      WHERE m.scope_kind = 'workspace' AND m.source <> 'mapping' AND coalesce(m.expires_at > now(), true)
    ),
    desired AS MATERIALIZED (
      -- Joined, for what is looked up row by row in a WITH-query is searched from its beginning each time.
      SELECT g.*, ${model.productNeedsWorkspace}::boolean AND g.scope_kind = 'product' AND w.user_id IS NULL AS lacks_workspace
      FROM granted g LEFT JOIN workspace_members w ON w.user_id = g.user_id AND w.workspace_id = g.workspace_id
    ),
    seat_holders AS MATERIALIZED (
      -- Whoever has a product of so many seats, and will still have it after this plan.
      SELECT DISTINCT m.product_id, m.user_id FROM memberships m JOIN products p ON p.id = m.product_id AND p.seats IS NOT NULL
      LEFT JOIN desired d ON d.user_id = m.user_id AND d.product_id = m.product_id AND NOT d.lacks_workspace
      LEFT JOIN people ON people.user_id = m.user_id
      WHERE coalesce(m.expires_at > now(), true) AND m.user_id NOT IN (SELECT user_id FROM (${scope.leaving}) l WHERE user_id IS NOT NULL)
        AND (m.source <> 'mapping' OR people.user_id IS NULL OR d.user_id IS NOT NULL)
    ),
    waiting AS (
      SELECT d.user_id, d.product_id, p.seats,
        row_number() OVER (PARTITION BY d.product_id ORDER BY coalesce(u.email, n.email), d.user_id) AS place
      FROM desired d JOIN products p ON p.id = d.product_id AND p.seats IS NOT NULL
      LEFT JOIN users u ON u.id = d.user_id LEFT JOIN (${scope.newcomers}) n ON n.user_id = d.user_id
      WHERE NOT d.lacks_workspace AND (d.product_id, d.user_id) NOT IN (SELECT product_id, user_id FROM seat_holders)
    ),
    seatless AS MATERIALIZED (
      SELECT user_id, product_id, seats FROM waiting w
      WHERE place > seats - (SELECT count(*) FROM seat_holders h WHERE h.product_id = w.product_id)
    ),
    placed AS (
      SELECT d.* FROM desired d
      WHERE NOT d.lacks_workspace AND NOT EXISTS (SELECT FROM seatless s WHERE s.user_id = d.user_id AND s.product_id = d.product_id)
    ),
    actual AS (SELECT m.* FROM memberships m JOIN people USING (user_id) WHERE m.source = 'mapping'),
    difference AS (
      SELECT coalesce(d.user_id, a.user_id) AS user_id, coalesce(d.scope_kind, a.scope_kind) AS scope_kind,
        CASE WHEN d.user_id IS NULL THEN a.workspace_id ELSE d.workspace_id END AS workspace_id,
        CASE WHEN d.user_id IS NULL THEN a.product_id ELSE d.product_id END AS product_id,
        coalesce(d.scope_id, a.scope_id) AS scope_id, d.role, a.role AS old_role, coalesce(d.id, a.rule_id) AS rule_id,
        coalesce(d.administrative, false) AS administrative,
        CASE WHEN d.user_id IS NULL THEN 'membership.remove'
          WHEN a.user_id IS NULL THEN 'membership.add' ELSE 'membership.change' END AS kind,
        CASE WHEN d.user_id IS NULL THEN 'no rule gives this any more' ELSE 'rule ' || d.slug || ': ' || d.because END AS reason
      FROM placed d
      FULL JOIN actual a ON a.user_id = d.user_id AND a.scope_kind = d.scope_kind AND a.scope_id = d.scope_id
      WHERE d.user_id IS NULL OR a.user_id IS NULL OR a.role <> d.role OR a.rule_id IS DISTINCT FROM d.id
      UNION ALL
      SELECT user_id, scope_kind, workspace_id, product_id, scope_id, role, NULL, id, administrative, 'membership.withheld',
        'rule ' || slug || ' gives a product, but the person is not a member of its workspace'
      FROM desired WHERE lacks_workspace
      UNION ALL
      SELECT d.user_id, d.scope_kind, d.workspace_id, d.product_id, d.scope_id, d.role, NULL, d.id, d.administrative,
        'membership.withheld', 'rule ' || d.slug || ' gives a product whose ' || s.seats || ' seats are taken'
      FROM desired d JOIN seatless s ON s.user_id = d.user_id AND s.product_id = d.product_id
    )
    SELECT kind, difference.user_id, NULL::text AS source_key, u.email, u.display_name, scope_kind, workspace_id, product_id, scope_id,
      role, old_role, rule_id, administrative, reason
    FROM difference LEFT JOIN users u ON u.id = difference.user_id`;
}
