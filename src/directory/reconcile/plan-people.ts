/**
 * One decision per incoming record: create an account, match one, update it, bring it back, let it go, or leave it to a person.
 * Matching is by external id, then by an e-mail of a verified domain; what is ambiguous is held for a person, never guessed
 * (directory, Reconcile).
 */
import { type RawBuilder, sql } from 'kysely';
import type { Incoming } from './incoming.ts';

/**
 * A SELECT of change rows (see changes.ts) for the incoming records of a directory that decides the lifecycle.
 * @param ownerRoles the model's roles whose last holder is never removed
 */
export function planPeople(
  directoryId: string,
  incoming: Incoming,
  ownerRoles: readonly string[],
): RawBuilder<unknown> {
  return sql`
    WITH incoming AS MATERIALIZED (${incoming}),
    by_external_id AS (
      SELECT i.source_key, min(u.id::text)::uuid AS user_id, count(DISTINCT u.id) AS candidates
      FROM incoming i
      JOIN directory_users x ON x.external_id = i.external_id AND x.directory_id <> ${directoryId} AND x.deleted_at IS NULL
      JOIN directories xd ON xd.id = x.directory_id AND xd.decides_lifecycle
      JOIN users u ON u.id = x.user_id AND u.status <> 'deprovisioned'
      WHERE i.user_id IS NULL AND i.present
      GROUP BY i.source_key
    ),
    elsewhere AS MATERIALIZED (
      SELECT email FROM accounts_elsewhere(
        (SELECT array_agg(email) FROM incoming WHERE present AND (SELECT account_scope <> '' FROM organizations))) AS found(email)
    ),
    owners_left AS (
      -- Somebody holds an owner role for good if another active person, who is not leaving, holds it at the same scope.
      SELECT m.user_id FROM memberships m
      WHERE m.role = ANY(${ownerRoles as string[]}::text[])
        AND m.user_id IN (SELECT user_id FROM incoming WHERE gone OR grace = 'missing')
        AND NOT EXISTS (
          SELECT 1 FROM memberships o JOIN users ou ON ou.id = o.user_id AND ou.status = 'active'
          WHERE o.role = m.role AND o.scope_id = m.scope_id AND o.user_id <> m.user_id
            AND o.user_id NOT IN (SELECT user_id FROM incoming WHERE (gone OR grace = 'missing') AND user_id IS NOT NULL))
    ),
    considered AS (
      SELECT i.*, u.status, u.email AS user_email, u.display_name AS user_name,
        u.protected OR i.user_id IN (SELECT user_id FROM owners_left) AS kept,
        e.candidates, e.user_id AS external_match, m.id AS email_match,
        EXISTS (SELECT 1 FROM domains v WHERE v.name = split_part(i.email, '@', 2) AND v.verified_at IS NOT NULL) AS verified,
        count(*) FILTER (WHERE i.present) OVER (PARTITION BY i.email) AS sharing,
        EXISTS (SELECT 1 FROM users o WHERE o.email = i.email AND o.status <> 'deprovisioned' AND o.id <> i.user_id) AS email_taken,
        coalesce(i.email IN (SELECT email FROM elsewhere), false) AS elsewhere,
        NOT EXISTS (
          SELECT 1 FROM directory_users p JOIN directories pd ON pd.id = p.directory_id AND pd.decides_lifecycle
          JOIN directories own ON own.id = ${directoryId}
          WHERE p.user_id = i.user_id AND p.directory_id <> ${directoryId} AND p.deleted_at IS NULL
            AND (pd.created_at, pd.id) < (own.created_at, own.id)) AS states_profile,
        EXISTS (
          SELECT 1 FROM directory_users p JOIN directories pd ON pd.id = p.directory_id AND pd.decides_lifecycle
          WHERE p.user_id = i.user_id AND p.directory_id <> ${directoryId} AND p.reconciled_present IS FALSE) AS gone_elsewhere
      FROM incoming i
      LEFT JOIN users u ON u.id = i.user_id
      LEFT JOIN by_external_id e ON e.source_key = i.source_key
      LEFT JOIN users m ON i.user_id IS NULL AND i.present AND m.email = i.email AND m.status <> 'deprovisioned'
    ),
    doubted AS MATERIALIZED (
      SELECT c.*, CASE
        WHEN c.user_id IS NOT NULL AND c.status <> 'deprovisioned' THEN
          CASE WHEN c.email <> c.user_email AND (c.email_taken OR c.elsewhere OR c.sharing > 1)
            THEN 'keeps the former e-mail address, for the new one belongs to somebody else' END
        WHEN c.user_id IS NOT NULL AND c.email_taken THEN 'returns, but the e-mail address now belongs to somebody else'
        WHEN c.user_id IS NOT NULL AND c.elsewhere THEN 'returns, but has an account in another organization, and each person has one'
        WHEN c.user_id IS NOT NULL AND c.gone_elsewhere THEN 'returns here, but another directory says that the person has left'
        WHEN c.user_id IS NOT NULL THEN NULL
        WHEN c.email IS NULL THEN 'has no e-mail address'
        WHEN c.sharing > 1 THEN c.sharing || ' records share this e-mail address'
        WHEN c.elsewhere AND c.external_match IS NULL THEN 'has an account in another organization, and each person has one'
        WHEN c.candidates > 1 THEN 'the external id belongs to several people'
        WHEN c.external_match <> c.email_match THEN 'external id and e-mail address belong to different people'
        WHEN c.external_match IS NULL AND c.email_match IS NOT NULL AND NOT c.verified
          THEN 'matches an account by an e-mail address whose domain is not verified'
        WHEN EXISTS (
          SELECT 1 FROM directory_users t WHERE t.directory_id = ${directoryId} AND t.source_key <> c.source_key
            -- CASE, for behind row-level security the planner looks nothing up in an index by coalesce.
            AND t.user_id = CASE WHEN c.external_match IS NULL THEN c.email_match ELSE c.external_match END AND t.deleted_at IS NULL AND t.active)
          THEN 'matches an account that another record of this directory already is'
      END AS doubt
      FROM considered c
    ),
    decided AS (
      SELECT d.*, CASE
        WHEN user_id IS NOT NULL AND gone AND status <> 'deprovisioned'
          AND NOT EXISTS (SELECT 1 FROM incoming other WHERE other.user_id = d.user_id AND other.present) THEN
          -- Of whoever is kept it is told once.
          CASE WHEN NOT kept THEN 'user.deprovision' WHEN reconciled_present IS DISTINCT FROM false THEN 'user.protected' END
        WHEN user_id IS NOT NULL AND present AND status <> 'deprovisioned' AND grace IN ('missing', 'waiting')
          AND NOT EXISTS (SELECT 1 FROM incoming other WHERE other.user_id = d.user_id AND other.present
            AND coalesce(other.grace NOT IN ('missing', 'waiting'), true)) THEN
          CASE WHEN grace = 'waiting' THEN 'user.waiting' WHEN kept THEN 'user.protected' ELSE 'user.missing' END
        WHEN user_id IS NOT NULL AND present AND status = 'deprovisioned' AND reconciled_present IS FALSE THEN
          CASE WHEN doubt IS NULL THEN 'user.reactivate' ELSE 'user.ambiguous' END
        WHEN user_id IS NOT NULL AND present AND status <> 'deprovisioned' AND states_profile AND doubt IS NOT NULL THEN 'user.ambiguous'
        WHEN user_id IS NOT NULL AND present AND status <> 'deprovisioned' AND states_profile AND email IS NOT NULL
          AND (email, display_name) IS DISTINCT FROM (user_email, user_name) AND NOT (email_taken OR sharing > 1) THEN 'user.update'
        WHEN user_id IS NOT NULL AND present AND status <> 'deprovisioned' AND grace = 'found' THEN 'user.found'
        WHEN user_id IS NULL AND present THEN
          CASE WHEN doubt IS NOT NULL THEN 'user.ambiguous'
            WHEN coalesce(external_match, email_match) IS NOT NULL THEN 'user.link' ELSE 'user.create' END
      END AS kind
      FROM doubted d
    )
    SELECT kind,
      CASE kind WHEN 'user.create' THEN gen_random_uuid() WHEN 'user.link' THEN coalesce(external_match, email_match)
        ELSE user_id END AS user_id,
      source_key, coalesce(email, user_email) AS email, display_name,
      NULL::text AS scope_kind, NULL::uuid AS workspace_id, NULL::uuid AS product_id, NULL::uuid AS scope_id, NULL::text AS role,
      NULL::text AS old_role, NULL::uuid AS rule_id, false AS administrative,
      CASE kind
        WHEN 'user.create' THEN 'new in the directory'
        WHEN 'user.link' THEN CASE WHEN external_match IS NOT NULL THEN 'same external id' ELSE 'same e-mail address, domain verified' END
        WHEN 'user.update' THEN 'name or e-mail address changed in the directory'
        WHEN 'user.reactivate' THEN 'is back in the directory'
        WHEN 'user.deprovision' THEN gone_because
        WHEN 'user.missing' THEN 'missing: leaves on ' || leaves_at || ' unless back'
        WHEN 'user.waiting' THEN 'still missing: leaves on ' || leaves_at || ' unless back'
        WHEN 'user.found' THEN 'is in the source again and does not leave'
        WHEN 'user.protected' THEN CASE WHEN gone THEN gone_because ELSE 'not in the source any more' END || ', but is the last owner or a protected account'
        ELSE doubt
      END AS reason
    FROM decided WHERE kind IS NOT NULL`;
}
