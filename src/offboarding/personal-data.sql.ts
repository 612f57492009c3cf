/** Where a person's data is kept, and how each place loses it. A test looks into every table for what was forgotten here. */
import { type RawBuilder, sql } from 'kysely';
import type { TenantTransaction } from '../store/tenant.ts';

/** By what a person is known here. */
export interface KnownBy {
  readonly emails: string[];
  /** Those of them that are somebody else's by now, whose texts they may stand in. */
  readonly recycled: string[];
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
      WHERE jsonb_typeof(v) = 'string'),
    emails AS (SELECT email FROM users WHERE id = ${userId} UNION SELECT email FROM records WHERE email IS NOT NULL
      UNION SELECT email FROM invitations WHERE user_id = ${userId} UNION SELECT lower(text) FROM said WHERE text ~ '^\\S+@\\S+$')
    SELECT array(SELECT email FROM emails) AS emails,
      array(SELECT email FROM emails WHERE email IN (SELECT o.email FROM users o WHERE o.id <> ${userId})) AS recycled,
      array(SELECT word FROM (
          SELECT display_name AS word FROM users WHERE id = ${userId} UNION SELECT display_name FROM records
          UNION SELECT user_name FROM records UNION SELECT source_key FROM records UNION SELECT external_id FROM records
          UNION SELECT name FROM invitations WHERE user_id = ${userId}
          UNION SELECT subject FROM identities) AS known WHERE length(word) > 1) AS words,
      array(SELECT id::text FROM records UNION SELECT id::text FROM invitations WHERE user_id = ${userId}) AS "recordIds",
      (SELECT coalesce(jsonb_agg(jsonb_build_object('connectionId', connection_id, 'subject', subject)), '[]') FROM identities) AS identities
    `.execute(db);
  return rows[0] ?? { emails: [], recycled: [], words: [], recordIds: [], identities: [] };
}

export interface Erasure {
  readonly userId: string;
  readonly emails: readonly string[];
  /** Those of them that are nobody else's by now, and regular expressions for them. */
  readonly own: readonly string[];
  readonly ownInText: readonly string[];
  readonly words: readonly string[];
  /** When they left: what is later and has an address that is not their own any more is somebody else's. */
  readonly until: Date;
  /** Regular expressions for texts, and for JSON. */
  readonly inText: readonly string[];
  readonly inJson: readonly string[];
}

/** Texts that somebody wrote, about whomever. */
const FREE_TEXTS = {
  memberships: ['reason'],
  invitations: ['reason', 'revoked_reason'],
  api_keys: ['name', 'revoked_reason', 'flagged_reason'],
  membership_exclusions: ['reason'],
  reviews: ['name'],
  review_items: ['granted_reason', 'decision_reason', 'outcome_reason'],
  planned_departures: ['reason', 'settled_reason'],
  offboarding_cases: ['reason'],
  offboarding_steps: ['last_error'],
  users: ['suspended_reason'],
  mails: ['subject', 'last_error'],
  sync_runs: ['error'],
  sync_changes: ['reason'],
  staged_bad: ['reason', 'found_at'],
  signal_deliveries: ['last_error'],
  webhook_endpoints: ['disabled_reason'],
  ssf_streams: ['status_reason'],
  ssf_receivers: ['last_error'],
  audit_stream_cursors: ['last_error'],
};

/** Whoever did something for others is named by their address. */
const LABELS = {
  memberships: ['granted_by'],
  api_keys: ['revoked_by'],
  invitations: ['invited_by', 'revoked_by'],
  custom_roles: ['made_by'],
  reviews: ['started_by', 'ended_by'],
  review_items: ['granted_by', 'decided_by'],
  membership_exclusions: ['excluded_by'],
  set_up_links: ['created_by'],
  planned_departures: ['planned_by', 'settled_by'],
};

/** What is only theirs, and nothing without them. */
const THEIRS = [
  'identities',
  'passwords',
  'password_links',
  'second_factors',
  'recovery_codes',
  'webauthn_challenges',
  'half_sign_ins',
  'directory_users',
];

/** The statements that erase, all but the audit's. */
export function erasing(erasure: Erasure): RawBuilder<unknown>[] {
  return [...erasingOwn(erasure), ...erasingElsewhere(erasure)];
}

function erasingOwn({ userId, until, ...known }: Erasure): RawBuilder<unknown>[] {
  const [emails, words] = [sql`${known.emails as string[]}::text[]`, sql`${known.words as string[]}::text[]`];
  const [inText, inJson] = [sql`${known.inText as string[]}::text[]`, sql`${known.inJson as string[]}::text[]`];
  const own = sql`${known.own as string[]}::text[]`;
  const ownInText = sql`${known.ownInText as string[]}::text[]`;
  const isTheirs = (email: RawBuilder<unknown>) =>
    sql`(${email} = ANY(${own}) OR (${email} = ANY(${emails}) AND created_at <= ${until}))`;
  const theirSessions = sql`SELECT id FROM sessions WHERE user_id = ${userId}`;
  const nobody = sql`'erased-' || ${userId}::text || '@erased.invalid'`;
  return [
    sql`UPDATE mails SET recipient = '[erased]', subject = '[erased]', sealed_text = NULL, last_error = NULL
      WHERE ${isTheirs(sql`lower(recipient)`)}`,
    sql`UPDATE invitations SET email = ${nobody}, name = '' WHERE user_id = ${userId}
      OR (${isTheirs(sql`email`)} AND user_id IS NULL AND revoked_at IS NOT NULL)`,
    sql`DELETE FROM saml_sessions WHERE session_id IN (${theirSessions})`,
    sql`DELETE FROM oidc_sessions WHERE session_id IN (${theirSessions})`,
    sql`DELETE FROM sign_in_traces t WHERE t.user_id = ${userId}
      OR (t.said::text || t.sentence || t.steps::text) ~* ANY(${ownInText})`,
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
    sql`UPDATE api_keys SET name = erased_text(name, ${inText}), last_used_from = NULL WHERE creator_id = ${userId}`,
    ...staged(userId),
    ...THEIRS.map((table) => sql`DELETE FROM ${sql.table(table)} WHERE user_id = ${userId}`),
    sql`UPDATE users SET email = ${nobody}, display_name = '', suspended_reason = NULL, last_active_at = NULL, erased_at = now()
      WHERE id = ${userId}`,
  ];
}

/** What a reading of a directory that is yet to be decided, or told of by changes only, has of them. */
function staged(userId: string): RawBuilder<unknown>[] {
  const records = sql`SELECT d.directory_id, d.source_key FROM directory_users d WHERE d.user_id = ${userId}`;
  const inRuns = Object.entries({
    staged_users: 'source_key',
    staged_links: 'member_key',
    staged_members: 'user_key',
    staged_aliases: 'key',
    staged_gone: 'key',
    staged_bad: 'folded',
  }).map(
    ([table, key]) => sql`DELETE FROM ${sql.table(table)} s USING sync_runs r, (${records}) AS d
      WHERE r.id = s.run_id AND r.directory_id = d.directory_id AND lower(s.${sql.ref(key)}) = lower(d.source_key)`,
  );
  return [
    ...inRuns,
    sql`DELETE FROM directory_links l USING (${records}) AS d
      WHERE l.directory_id = d.directory_id AND l.member_key = d.source_key AND l.member_is = 'user'`,
  ];
}

/** Where others' rows name them. */
function erasingElsewhere({ own, ownInText, inText }: Erasure): RawBuilder<unknown>[] {
  const each = (columns: Record<string, string[]>, statement: (table: string, column: string) => RawBuilder<unknown>) =>
    Object.entries(columns).flatMap(([table, of]) => of.map((column) => statement(table, column)));
  return [
    ...each(
      LABELS,
      (table, column) =>
        sql`UPDATE ${sql.table(table)} SET ${sql.ref(column)} = '[erased]' WHERE lower(${sql.ref(column)}) = ANY(${own as string[]}::text[])`,
    ),
    ...each(
      FREE_TEXTS,
      (table, column) =>
        sql`UPDATE ${sql.table(table)} SET ${sql.ref(column)} = erased_text(${sql.ref(column)}, ${inText as string[]}::text[])
          WHERE ${sql.ref(column)} ~* ANY(${ownInText as string[]}::text[])`,
    ),
  ];
}
