/** Where a person's data is kept, and how each place loses it. A test looks into every table for what was forgotten here. */
import { type RawBuilder, sql } from 'kysely';
import type { TenantTransaction } from '../store/tenant.ts';

/** By what a person is known here. */
export interface KnownBy {
  readonly emails: string[];
  /** Names, employee numbers, user names. */
  readonly words: string[];
  /** Of directory records and invitations. */
  readonly recordIds: string[];
  readonly identities: { readonly connectionId: string; readonly subject: string }[];
}

/** Reads it from wherever it stands. */
export async function knownBy({ db }: TenantTransaction, userId: string): Promise<KnownBy> {
  const { rows } = await sql<KnownBy>`
    WITH records AS (SELECT * FROM directory_users WHERE user_id = ${userId}),
    identities AS (SELECT connection_id, subject FROM identities WHERE user_id = ${userId}),
    said AS (SELECT DISTINCT trim(both '"' from v::text) AS text FROM records, jsonb_path_query(attributes, '$.**') AS v
      WHERE jsonb_typeof(v) = 'string')
    SELECT
      array(SELECT email FROM users WHERE id = ${userId} UNION SELECT email FROM records WHERE email IS NOT NULL
        UNION SELECT email FROM invitations WHERE user_id = ${userId} UNION SELECT lower(text) FROM said WHERE text ~ '^\\S+@\\S+$') AS emails,
      array(SELECT word FROM (
          SELECT display_name AS word FROM users WHERE id = ${userId} UNION SELECT display_name FROM records
          UNION SELECT user_name FROM records UNION SELECT source_key FROM records UNION SELECT external_id FROM records
          UNION SELECT name FROM invitations WHERE user_id = ${userId}
          UNION SELECT subject FROM identities) AS known WHERE length(word) > 1) AS words,
      array(SELECT id::text FROM records UNION SELECT id::text FROM invitations WHERE user_id = ${userId}) AS "recordIds",
      (SELECT coalesce(jsonb_agg(jsonb_build_object('connectionId', connection_id, 'subject', subject)), '[]') FROM identities) AS identities
    `.execute(db);
  return rows[0] ?? { emails: [], words: [], recordIds: [], identities: [] };
}

export interface Erasure {
  readonly userId: string;
  readonly emails: readonly string[];
  readonly words: readonly string[];
  /** Regular expressions for texts, and for JSON. */
  readonly inText: readonly string[];
  readonly inJson: readonly string[];
}

/** The statements that erase, all but the audit's. */
export function erasing({ userId, ...known }: Erasure): RawBuilder<unknown>[] {
  const [emails, words] = [sql`${known.emails as string[]}::text[]`, sql`${known.words as string[]}::text[]`];
  const [inText, inJson] = [sql`${known.inText as string[]}::text[]`, sql`${known.inJson as string[]}::text[]`];
  const theirSessions = sql`SELECT id FROM sessions WHERE user_id = ${userId}`;
  const nobody = sql`'erased-' || ${userId}::text || '@erased.invalid'`;
  const label = (table: string, ...columns: string[]) =>
    columns.map(
      (column) =>
        sql`UPDATE ${sql.table(table)} SET ${sql.ref(column)} = '[erased]' WHERE lower(${sql.ref(column)}) = ANY(${emails})`,
    );
  return [
    sql`UPDATE mails SET recipient = '[erased]', subject = '[erased]', sealed_text = NULL, last_error = NULL WHERE lower(recipient) = ANY(${emails})`,
    sql`UPDATE invitations SET email = ${nobody}, name = '' WHERE user_id = ${userId} OR email = ANY(${emails})
      AND (accepted_at IS NOT NULL OR revoked_at IS NOT NULL)`,
    sql`DELETE FROM saml_sessions WHERE session_id IN (${theirSessions})`,
    sql`DELETE FROM oidc_sessions WHERE session_id IN (${theirSessions})`,
    ...[
      'identities',
      'passwords',
      'password_links',
      'second_factors',
      'recovery_codes',
      'webauthn_challenges',
      'half_sign_ins',
    ].map((table) => sql`DELETE FROM ${sql.table(table)} WHERE user_id = ${userId}`),
    sql`DELETE FROM sign_in_traces t WHERE t.user_id = ${userId} OR (t.said::text || t.sentence || t.steps::text) ~* ANY(${inJson})`,
    sql`DELETE FROM scim_requests s WHERE (s.path || ' ' || coalesce(s.request, '') || ' ' || coalesce(s.answer, '') || s.told::text)
      ~* ANY(${inJson} || ARRAY(SELECT d.id::text FROM directory_users d WHERE d.user_id = ${userId}))`,
    sql`UPDATE sync_changes SET email = NULL, display_name = NULL, source_key = NULL, reason = erased_text(reason, ${inText})
      WHERE user_id = ${userId} OR email = ANY(${emails})`,
    sql`UPDATE offboarding_steps s SET proof = erased_json(proof, ${inJson}, ${words}), last_error = erased_text(last_error, ${inText})
      FROM offboarding_cases c WHERE c.id = s.case_id AND c.user_id = ${userId}`,
    sql`UPDATE offboarding_cases SET reason = erased_text(reason, ${inText}), ended = erased_json(ended, ${inJson}, ${words})
      WHERE user_id = ${userId}`,
    sql`UPDATE planned_departures SET reason = erased_text(reason, ${inText}), settled_reason = erased_text(settled_reason, ${inText})
      WHERE user_id = ${userId}`,
    sql`UPDATE review_items SET email = ${nobody}, granted_reason = erased_text(granted_reason, ${inText}),
        decision_reason = erased_text(decision_reason, ${inText}) WHERE user_id = ${userId}`,
    sql`UPDATE membership_exclusions SET reason = erased_text(reason, ${inText}) WHERE user_id = ${userId}`,
    sql`UPDATE api_keys SET name = erased_text(name, ${inText}) WHERE creator_id = ${userId}`,
    sql`DELETE FROM directory_users WHERE user_id = ${userId}`,
    // As whoever did something for others, they are named by their address.
    ...label('memberships', 'granted_by'),
    ...label('api_keys', 'revoked_by'),
    ...label('invitations', 'invited_by', 'revoked_by'),
    ...label('custom_roles', 'made_by'),
    ...label('reviews', 'started_by', 'ended_by'),
    ...label('review_items', 'granted_by', 'decided_by'),
    ...label('membership_exclusions', 'excluded_by'),
    ...label('set_up_links', 'created_by'),
    ...label('planned_departures', 'planned_by', 'settled_by'),
    sql`UPDATE users SET email = ${nobody}, display_name = '', suspended_reason = NULL, last_active_at = NULL, erased_at = now()
      WHERE id = ${userId}`,
  ];
}
