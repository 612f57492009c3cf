/** The statements that end what leavers hold; each says itself what it ended, for the audit. */
import { type RawBuilder, sql } from 'kysely';
import type { LeavingPolicy } from '../access/leaving.ts';
import { auditing } from '../audit/record.ts';
import type { TenantTransaction } from '../store/tenant.ts';

export const LEFT = 'the person has left';

const OPEN_INVITATION = sql`accepted_at IS NULL AND revoked_at IS NULL`;

function anyOf(ids: readonly string[]): RawBuilder<unknown> {
  return sql`ANY(${ids as string[]}::uuid[])`;
}

/** What the model has done to a leaver's key `k`. */
export function policyOfKey(policy: LeavingPolicy): RawBuilder<string> {
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

/** A statement that returns what it ended, under a name by which the audit events are selected from it. */
export interface Ending {
  readonly name: string;
  readonly statement: RawBuilder<unknown>;
  /** Action, resource type, resource id, reason, detail; left out where nobody asks. */
  readonly events?: RawBuilder<unknown>;
}

/** Carries endings out as one statement, each touching rows of its own, and audits them, with `more` after them. */
export function ended<Row>(
  tx: TenantTransaction,
  endings: readonly Ending[],
  answer: RawBuilder<Row>,
  more: readonly RawBuilder<unknown>[] = [],
): RawBuilder<Row> {
  const parts = endings.map(({ name, statement }) => sql`${sql.ref(name)} AS (${statement})`);
  const events = [...endings.flatMap(({ events }) => (events === undefined ? [] : [events])), ...more];
  const told = auditing(tx, sql.join(events, sql` UNION ALL `));
  return sql<Row>`WITH ${sql.join(parts)}, told AS (${told}) SELECT ${answer}`;
}

/** Ends every way in which people are signed in at this moment. */
export function signInEndings(ids: readonly string[], reason: string): Ending[] {
  const theirs = anyOf(ids);
  return [
    {
      name: 'ended_sessions',
      statement: sql`UPDATE sessions SET ended_at = now(), ended_reason = ${reason} WHERE user_id = ${theirs} AND ended_at IS NULL
        RETURNING id, user_id`,
      events: sql`SELECT 'session.ended', 'session', id::text, ${reason}::text, jsonb_build_object('user', user_id) FROM ended_sessions`,
    },
    {
      name: 'ended_grants',
      statement: sql`UPDATE grants SET revoked_at = now() WHERE user_id = ${theirs} AND revoked_at IS NULL RETURNING id, user_id, client`,
      events: sql`SELECT 'grant.revoked', 'grant', id::text, ${reason}::text, jsonb_build_object('user', user_id, 'client', client)
        FROM ended_grants`,
    },
    {
      name: 'held_artifacts',
      statement: sql`SELECT kind, id_hash FROM oauth_artifacts WHERE user_id = ${theirs} AND ended_at IS NULL AND expires_at > now()
        ORDER BY kind, id_hash FOR UPDATE`,
    },
    {
      // What apps were given: it counts for nothing from the person's state or the session's end on; this says since when.
      name: 'ended_artifacts',
      statement: sql`UPDATE oauth_artifacts a SET ended_at = now() FROM held_artifacts h WHERE a.kind = h.kind AND a.id_hash = h.id_hash
        RETURNING a.kind, a.user_id, a.client`,
      events: sql`SELECT 'app.access_ended', 'app', client, ${reason}::text, jsonb_build_object('user', user_id, 'kind', kind)
        FROM ended_artifacts WHERE kind = 'Grant'`,
    },
  ];
}

/** Everything else that a leaver has here. */
export function endings({ ids, emails }: Held, policy: LeavingPolicy, by: string): Ending[] {
  const theirs = anyOf(ids);
  const ofTheirs = sql`(i.inviter_id = ${theirs} OR i.email = ANY(${emails as string[]}::text[]))`;
  const open = sql`i.accepted_at IS NULL AND i.revoked_at IS NULL`;
  return [
    {
      name: 'left_users',
      statement: sql`UPDATE users SET status = 'deprovisioned', deprovisioned_at = now(), access_epoch = access_epoch + 1
        WHERE id = ${theirs}`,
    },
    ...signInEndings(ids, LEFT),
    {
      // What they promised others, and what others promised them.
      name: 'ended_invitations',
      statement: sql`UPDATE invitations i SET revoked_at = now(), revoked_by = ${by}, revoked_reason = ${LEFT}
        WHERE ${open} AND ${ofTheirs} RETURNING i.id, i.email, i.inviter_id`,
      events: sql`SELECT 'invitation.revoked', 'invitation', id::text, ${LEFT}::text,
        jsonb_build_object('email', email, 'inviter', inviter_id) FROM ended_invitations`,
    },
    {
      name: 'cancelled_mails',
      statement: sql`UPDATE mails m SET state = 'cancelled', sealed_text = NULL, finished_at = now()
        FROM invitations i WHERE m.about = i.id::text AND m.state IN ('waiting', 'retry', 'failed') AND ${open} AND ${ofTheirs}`,
    },
    {
      name: 'ended_keys',
      statement: sql`UPDATE api_keys k SET revoked_at = now(), revoked_by = ${by}, revoked_reason = ${LEFT}
        WHERE k.creator_id = ${theirs} AND k.revoked_at IS NULL AND ${policyOfKey(policy)} = 'revoke' RETURNING k.*`,
      events: sql`SELECT 'api_key.revoked', 'api_key', id::text, ${LEFT}::text,
        jsonb_build_object('user', creator_id, 'display', display, 'kind', kind) FROM ended_keys`,
    },
    {
      name: 'ended_memberships',
      statement: sql`DELETE FROM memberships WHERE user_id = ${theirs} RETURNING *`,
      events: sql`SELECT 'membership.removed', 'user', user_id::text, ${LEFT}::text,
        jsonb_build_object('scope', scope_kind, 'scopeId', scope_id, 'role', role, 'source', source) FROM ended_memberships`,
    },
    ...(policy.oauthTokens === 'revoke' ? [lockedTokens(theirs)] : []),
  ];
}

function lockedTokens(theirs: RawBuilder<unknown>): Ending {
  return {
    name: 'locked_tokens',
    statement: sql`UPDATE oauth_tokens SET locked_at = now() WHERE user_id = ${theirs} AND locked_at IS NULL
      RETURNING id, user_id, provider_id`,
    events: sql`SELECT 'oauth_token.locked', 'oauth_token', id::text, ${LEFT}::text,
      jsonb_build_object('user', user_id, 'provider', provider_id) FROM locked_tokens`,
  };
}

/**
 * What is to be done elsewhere: a revocation for each locked token, an end to the person's account at each provider that ends people, a
 * message to each endpoint, and a mail where the organization wants it. A token whose provider ends none singly ends there with its person.
 * @returns the steps
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
    UNION ALL
    SELECT c.organization_id, c.id, 'mail', o.id, NULL, NULL, NULL FROM offboarding_cases c CROSS JOIN organizations o
      WHERE o.tell_of_leavers AND c.id = ANY(${caseIds as string[]}::uuid[])
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
