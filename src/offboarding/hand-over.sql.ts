/** What leavers answered for goes to somebody who is still here: machines' keys, and what waits for a reviewer. */
import { type RawBuilder, sql } from 'kysely';
import type { LeavingPolicy } from '../access/leaving.ts';
import { type Ending, type Held, LEFT, policyOfKey } from './end-access.sql.ts';

/** Carried out with the endings; whoever leaves at the same time takes nothing over. */
export function handingOver({ ids }: Held, policy: LeavingPolicy, ownerRoles: readonly string[]): Ending[] {
  const theirs = sql`ANY(${ids as string[]}::uuid[])`;
  return [
    {
      name: 'stays',
      statement: sql`SELECT m.user_id, m.scope_kind, m.scope_id, m.created_at FROM memberships m
        JOIN users u ON u.id = m.user_id AND u.status = 'active'
        WHERE m.role = ANY(${ownerRoles as string[]}::text[]) AND coalesce(m.expires_at > now(), true) AND m.user_id <> ALL(${ids as string[]}::uuid[])`,
    },
    keys(theirs, policy),
    ...reviews(theirs),
  ];
}

/** A machine's key goes on; somebody who is still here answers for it from now on. */
function keys(theirs: RawBuilder<unknown>, policy: LeavingPolicy): Ending {
  return {
    name: 'flagged_keys',
    statement: sql`WITH given AS (
        SELECT k.id, k.responsible_id AS was FROM api_keys k
        WHERE k.revoked_at IS NULL AND NOT (k.creator_id = ${theirs} AND ${policyOfKey(policy)} = 'revoke')
          AND (k.responsible_id = ${theirs} OR (k.creator_id = ${theirs} AND ${policyOfKey(policy)} = 'keep-and-flag')))
      UPDATE api_keys k SET flagged_reason = 'whoever answered for it has left', responsible_id = (
        SELECT m.user_id FROM stays m
        WHERE m.scope_kind IN ('organization', 'platform') OR k.workspace_id IS NULL OR m.scope_id = k.workspace_id
        ORDER BY (m.scope_id = k.workspace_id) DESC NULLS LAST, m.created_at, m.user_id LIMIT 1)
      FROM given g WHERE k.id = g.id RETURNING k.*, g.was`,
    events: sql`SELECT 'api_key.flagged', 'api_key', id::text, ${LEFT}::text, jsonb_strip_nulls(jsonb_build_object(
        'user', CASE WHEN was = ${theirs} THEN was ELSE creator_id END, 'display', display, 'kind', kind, 'responsible', responsible_id))
      FROM flagged_keys`,
  };
}

/**
 * Another reviewer of the same item goes on alone; where there is none, the owners of the place decide, of what is around it, or of the
 * organization, and are reminded soon. Nobody reviews themselves; where nobody is left, whoever administers people decides.
 */
function reviews(theirs: RawBuilder<unknown>): Ending[] {
  const others = (scope: string) =>
    sql`ARRAY(SELECT DISTINCT s.user_id FROM stays s WHERE s.scope_id = ${sql.ref(scope)} AND s.user_id <> l.user_id ORDER BY 1)`;
  return [
    {
      name: 'left_items',
      statement: sql`SELECT i.review_id, i.id, i.user_id, i.scope_id, i.workspace_id, i.organization_id,
          array_agg(was.id) FILTER (WHERE was.id = ${theirs}) AS leavers, array_agg(was.id) FILTER (WHERE NOT was.id = ${theirs}) AS others
        FROM reviews r JOIN review_items i ON i.review_id = r.id AND i.decision IS NULL CROSS JOIN LATERAL unnest(i.reviewers) AS was(id)
        WHERE r.state = 'open' GROUP BY i.organization_id, i.review_id, i.id HAVING bool_or(was.id = ${theirs})`,
    },
    {
      name: 'reassigned_items',
      statement: sql`UPDATE review_items i SET reviewers = coalesce(l.others, nullif(${others('l.scope_id')}, '{}'),
          nullif(${others('l.workspace_id')}, '{}'), ${others('l.organization_id')})
        FROM left_items l WHERE i.review_id = l.review_id AND i.id = l.id AND i.decision IS NULL RETURNING i.review_id, i.reviewers, l.leavers, l.others`,
      events: sql`SELECT 'review.reassigned', 'review', review_id::text, ${LEFT}::text, jsonb_build_object('user', leaver,
          'items', count(DISTINCT item), 'reviewers', coalesce(jsonb_agg(DISTINCT reviewer) FILTER (WHERE reviewer IS NOT NULL), '[]'))
        FROM (SELECT review_id, row_number() OVER () AS item, reviewers, leavers FROM reassigned_items) AS r
        CROSS JOIN LATERAL unnest(r.leavers) AS leaver LEFT JOIN LATERAL unnest(r.reviewers) AS reviewer ON true
        GROUP BY review_id, leaver`,
    },
    {
      // Never waits for who is deciding at this moment, and may be waiting for this person's row; a reminder may come later.
      name: 'reminded_reviews',
      statement: sql`UPDATE reviews SET next_at = least(next_at, now()) WHERE id IN (SELECT r.id FROM reviews r
        WHERE r.id IN (SELECT review_id FROM reassigned_items WHERE others IS NULL) FOR UPDATE SKIP LOCKED)`,
    },
  ];
}
