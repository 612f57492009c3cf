/**
 * The statements that end what leavers hold. `now()` is the transaction's start, the same in every statement of it: what ended "now"
 * is what this transaction ended.
 */
import { type RawBuilder, sql } from 'kysely';
import type { LeavingPolicy } from '../access/leaving.ts';
import type { TenantTransaction } from '../store/tenant.ts';

export const LEFT = 'the person has left';

const OPEN_INVITATION = sql`accepted_at IS NULL AND revoked_at IS NULL`;

function anyOf(ids: readonly string[]): RawBuilder<unknown> {
  return sql`ANY(${ids as string[]}::uuid[])`;
}

function policyOfKey(policy: LeavingPolicy): RawBuilder<string> {
  const policies = Object.fromEntries(policy.keys.map((each) => [each.kind, each.policy]));
  return sql<string>`coalesce(${JSON.stringify(policies)}::jsonb ->> k.kind, 'revoke')`;
}

/** Whoever leaves, each at the same place of each list. */
export interface Held {
  readonly ids: readonly string[];
  readonly emails: readonly string[];
  readonly reasons: readonly string[];
}

/**
 * Opens a case for each leaver, listing every access that exists at this moment and how it ends. Each table is read once for all of them,
 * never once for each: looked up person by person, a table that has grown since it was last analyzed costs the square of their number.
 */
export function openCases(
  { organizationId }: TenantTransaction,
  held: Held,
  trigger: { readonly kind: string; readonly runId?: string; readonly at?: Date },
  policy: LeavingPolicy,
) {
  const theirs = anyOf(held.ids);
  const leavers = sql`unnest(${held.ids as string[]}::uuid[], ${held.emails as string[]}::text[], ${held.reasons as string[]}::text[])
    AS u(id, email, reason)`;
  return sql<{ caseId: string; userId: string; apps: number }>`
    INSERT INTO offboarding_cases (organization_id, user_id, trigger, reason, run_id, triggered_at, ended)
    SELECT ${organizationId}::uuid, u.id, ${trigger.kind}, u.reason, ${trigger.runId ?? null}::uuid, coalesce(${trigger.at ?? null}::timestamptz, now()),
      jsonb_build_object('sessions', coalesce(s.number, 0), 'grants', coalesce(g.number, 0), 'apps', coalesce(a.list, '[]'),
        'apiKeys', coalesce(k.list, '[]'), 'memberships', coalesce(m.list, '[]'), 'invitations', coalesce(i.number, 0),
        'oauthTokens', coalesce(t.number, 0))
    FROM ${leavers}
    LEFT JOIN (SELECT user_id, count(*) AS number FROM sessions WHERE user_id = ${theirs} AND ended_at IS NULL AND expires_at > now()
      GROUP BY user_id) s ON s.user_id = u.id
    LEFT JOIN (SELECT user_id, count(*) AS number FROM grants WHERE user_id = ${theirs} AND revoked_at IS NULL AND expires_at > now()
      GROUP BY user_id) g ON g.user_id = u.id
    LEFT JOIN (SELECT user_id, jsonb_agg(DISTINCT client ORDER BY client) AS list FROM oauth_artifacts
      WHERE user_id = ${theirs} AND kind = 'Grant' AND ended_at IS NULL AND expires_at > now() GROUP BY user_id) a ON a.user_id = u.id
    LEFT JOIN (SELECT k.creator_id, jsonb_agg(jsonb_build_object('id', k.id, 'display', k.display, 'kind', k.kind,
        'end', ${policyOfKey(policy)}) ORDER BY k.created_at) AS list FROM api_keys k
      WHERE k.creator_id = ${theirs} AND k.revoked_at IS NULL GROUP BY k.creator_id) k ON k.creator_id = u.id
    LEFT JOIN (SELECT user_id, jsonb_agg(jsonb_build_object('scope', scope_kind, 'scopeId', scope_id, 'role', role, 'source', source,
        'expiresAt', expires_at) ORDER BY scope_kind, role) AS list FROM memberships WHERE user_id = ${theirs} GROUP BY user_id) m
      ON m.user_id = u.id
    LEFT JOIN (SELECT user_id, count(*) AS number FROM (
        SELECT inviter_id AS user_id, id FROM invitations WHERE inviter_id = ${theirs} AND ${OPEN_INVITATION} AND expires_at > now()
        UNION SELECT u.id, v.id FROM ${leavers} JOIN invitations v ON v.email = u.email
          WHERE ${OPEN_INVITATION} AND expires_at > now()) AS theirs
      GROUP BY user_id) i ON i.user_id = u.id
    LEFT JOIN (SELECT user_id, count(*) AS number FROM oauth_tokens WHERE user_id = ${theirs} AND locked_at IS NULL
      GROUP BY user_id) t ON t.user_id = u.id
    RETURNING id AS "caseId", user_id AS "userId", jsonb_array_length(ended->'apps') AS apps`;
}

/** Ends every way in which people are signed in at this moment; each statement touches rows of its own. */
export function signInEndings(ids: readonly string[], reason: string): RawBuilder<unknown>[] {
  const theirs = anyOf(ids);
  return [
    sql`UPDATE sessions SET ended_at = now(), ended_reason = ${reason} WHERE user_id = ${theirs} AND ended_at IS NULL`,
    sql`UPDATE grants SET revoked_at = now() WHERE user_id = ${theirs} AND revoked_at IS NULL`,
    // What apps were given: it counts for nothing from the person's state or the session's end on; this says since when.
    sql`WITH held AS (
          SELECT kind, id_hash FROM oauth_artifacts WHERE user_id = ${theirs} AND ended_at IS NULL AND expires_at > now()
          ORDER BY kind, id_hash FOR UPDATE)
        UPDATE oauth_artifacts a SET ended_at = now() FROM held WHERE a.kind = held.kind AND a.id_hash = held.id_hash`,
  ];
}

/** Every statement after the cases; each ends one kind of access, and no two touch the same row, for they are done at once. */
export function endings(
  { ids, emails }: Held,
  policy: LeavingPolicy,
  ownerRoles: readonly string[],
  by: string,
): RawBuilder<unknown>[] {
  const theirs = anyOf(ids);
  const ofTheirs = sql`(i.inviter_id = ${theirs} OR i.email = ANY(${emails as string[]}::text[]))`;
  return [
    sql`UPDATE users SET status = 'deprovisioned', deprovisioned_at = now(), access_epoch = access_epoch + 1 WHERE id = ${theirs}`,
    ...signInEndings(ids, LEFT),
    // What they promised others, and what others promised them.
    sql`UPDATE invitations i SET revoked_at = now(), revoked_by = ${by}, revoked_reason = ${LEFT}
        WHERE i.accepted_at IS NULL AND i.revoked_at IS NULL
          AND ${ofTheirs}`,
    sql`UPDATE mails m SET state = 'cancelled', sealed_text = NULL, finished_at = now()
        FROM invitations i WHERE m.about = i.id::text AND m.state IN ('waiting', 'retry', 'failed')
          AND i.accepted_at IS NULL AND i.revoked_at IS NULL
          AND ${ofTheirs}`,
    sql`UPDATE api_keys k SET revoked_at = now(), revoked_by = ${by}, revoked_reason = ${LEFT}
        WHERE k.creator_id = ${theirs} AND k.revoked_at IS NULL AND ${policyOfKey(policy)} = 'revoke'`,
    // A machine's key goes on; somebody who is still here answers for it from now on.
    sql`WITH stays AS MATERIALIZED (
          SELECT m.user_id, m.scope_kind, m.scope_id, m.created_at FROM memberships m JOIN users u ON u.id = m.user_id AND u.status = 'active'
          WHERE m.role = ANY(${ownerRoles as string[]}::text[]) AND m.user_id <> ALL(${ids as string[]}::uuid[]))
        UPDATE api_keys k SET flagged_reason = 'whoever answered for it has left', responsible_id = (
          SELECT m.user_id FROM stays m
          WHERE m.scope_kind IN ('organization', 'platform') OR k.workspace_id IS NULL OR m.scope_id = k.workspace_id
          ORDER BY (m.scope_id = k.workspace_id) DESC NULLS LAST, m.created_at, m.user_id LIMIT 1)
        WHERE k.revoked_at IS NULL AND NOT (k.creator_id = ${theirs} AND ${policyOfKey(policy)} = 'revoke')
          AND (k.responsible_id = ${theirs} OR (k.creator_id = ${theirs} AND ${policyOfKey(policy)} = 'keep-and-flag'))`,
    ...(policy.oauthTokens === 'revoke'
      ? [sql`UPDATE oauth_tokens SET locked_at = now() WHERE user_id = ${theirs} AND locked_at IS NULL`]
      : []),
  ];
}

/** Which of people's sign-ins ended, as audit events: action, resource type, resource id, reason, detail. */
export function endedSignInEvents(ids: readonly string[], reason: string): RawBuilder<unknown> {
  const theirs = anyOf(ids);
  return sql`
    SELECT 'session.ended', 'session', id::text, ${reason}::text, jsonb_build_object('user', user_id) FROM sessions
      WHERE user_id = ${theirs} AND ended_at = now()
    UNION ALL
    SELECT 'grant.revoked', 'grant', id::text, ${reason}::text, jsonb_build_object('user', user_id, 'client', client) FROM grants
      WHERE user_id = ${theirs} AND revoked_at = now()
    UNION ALL
    SELECT 'app.access_ended', 'app', client, ${reason}::text, jsonb_build_object('user', user_id, 'kind', kind) FROM oauth_artifacts
      WHERE user_id = ${theirs} AND kind = 'Grant' AND ended_at = now()`;
}

/** What ended, as audit events like those above. Asked before memberships are deleted. */
export function endedEvents({ ids, emails }: Held): RawBuilder<unknown> {
  const theirs = anyOf(ids);
  return sql`
    ${endedSignInEvents(ids, LEFT)}
    UNION ALL
    SELECT CASE WHEN revoked_at IS NULL THEN 'api_key.flagged' ELSE 'api_key.revoked' END, 'api_key', id::text, ${LEFT},
      jsonb_strip_nulls(jsonb_build_object('user', creator_id, 'display', display, 'kind', kind, 'responsible', responsible_id)) FROM api_keys
      WHERE (creator_id = ${theirs} AND revoked_at = now())
        OR (revoked_at IS NULL AND flagged_reason IS NOT NULL AND creator_id = ${theirs})
    UNION ALL
    SELECT 'membership.removed', 'user', user_id::text, ${LEFT},
      jsonb_build_object('scope', scope_kind, 'scopeId', scope_id, 'role', role, 'source', source) FROM memberships
      WHERE user_id = ${theirs}
    UNION ALL
    SELECT 'invitation.revoked', 'invitation', id::text, ${LEFT}, jsonb_build_object('email', email, 'inviter', inviter_id) FROM invitations
      WHERE revoked_at = now() AND (inviter_id = ${theirs} OR email = ANY(${emails as string[]}::text[]))
    UNION ALL
    SELECT 'oauth_token.locked', 'oauth_token', id::text, ${LEFT}, jsonb_build_object('user', user_id, 'provider', provider_id) FROM oauth_tokens
      WHERE user_id = ${theirs} AND locked_at = now()`;
}

/**
 * What is to be done elsewhere: a revocation for each locked token, an end to the person's account at each provider that ends people, a
 * message to each endpoint. A token whose provider ends none singly ends there with its person. @returns the steps
 */
export function openSteps(caseIds: readonly string[]) {
  return sql<{ id: string }>`
    INSERT INTO offboarding_steps (organization_id, case_id, kind, target_id, oauth_token_id, oauth_provider_id, webhook_endpoint_id)
    SELECT c.organization_id, c.id, 'oauth.revoke', t.provider_id, t.id, NULL::uuid, NULL::uuid FROM offboarding_cases c
      JOIN oauth_tokens t ON t.user_id = c.user_id AND t.locked_at IS NOT NULL AND t.ended_at IS NULL
      JOIN oauth_providers p ON p.id = t.provider_id AND (p.ends_tokens OR NOT p.ends_people)
      WHERE c.id = ANY(${caseIds as string[]}::uuid[])
    UNION ALL
    SELECT c.organization_id, c.id, 'account.end', p.id, NULL, p.id, NULL FROM offboarding_cases c CROSS JOIN oauth_providers p
      WHERE p.ends_people AND c.id = ANY(${caseIds as string[]}::uuid[])
    UNION ALL
    SELECT c.organization_id, c.id, 'webhook', w.id, NULL, NULL, w.id FROM offboarding_cases c CROSS JOIN webhook_endpoints w
      WHERE w.enabled AND 'user.deprovisioned' = ANY(w.events) AND c.id = ANY(${caseIds as string[]}::uuid[])
    RETURNING id`;
}

/** Steps for what came to be kept for a leaver after the case was opened, in their latest case. */
export function lateSteps(userId: string) {
  return sql<{ caseId: string }>`
    INSERT INTO offboarding_steps (organization_id, case_id, kind, target_id, oauth_token_id, oauth_provider_id)
    SELECT DISTINCT c.organization_id, c.id, CASE WHEN p.ends_tokens OR NOT p.ends_people THEN 'oauth.revoke' ELSE 'account.end' END, p.id,
      CASE WHEN p.ends_tokens OR NOT p.ends_people THEN t.id END, CASE WHEN p.ends_people AND NOT p.ends_tokens THEN p.id END
    FROM oauth_tokens t JOIN oauth_providers p ON p.id = t.provider_id
    JOIN LATERAL (SELECT * FROM offboarding_cases c WHERE c.user_id = t.user_id ORDER BY c.opened_at DESC LIMIT 1) c ON true
    WHERE t.user_id = ${userId} AND t.locked_at IS NOT NULL AND t.ended_at IS NULL AND NOT EXISTS (
      SELECT 1 FROM offboarding_steps s WHERE s.case_id = c.id AND s.oauth_token_id = t.id AND s.state IN ('waiting', 'retry', 'needs_human'))
    RETURNING case_id AS "caseId"`;
}
