import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** What the SCIM server adds: how a directory comes in, the order and the usual filters of its lists, and the log of its requests. */
export const scim: Migration = {
  up: statements(`
    -- One statement for all that a request begins with: which organization, whether the token is good at this moment, whose model.
    -- Without a good token the transaction stays outside every wall. Who writes also waits here for a run that has the organization
    -- to itself.
    CREATE FUNCTION enter_directory(wanted uuid, presented bytea, as_role text)
      RETURNS TABLE (organization_id uuid, directory_id uuid, slug text, model text, token_id uuid) LANGUAGE plpgsql AS $$
    DECLARE
      tenant uuid := locate_directory(wanted);
    BEGIN
      PERFORM set_config('app.tenant_id', coalesce(tenant::text, ''), true), set_config('app.role', as_role, true);
      SELECT d.organization_id, d.id, d.slug, o.model, t.id INTO organization_id, directory_id, slug, model, token_id
        FROM directories d JOIN organizations o ON o.id = d.organization_id
        JOIN directory_tokens t ON t.organization_id = tenant AND t.directory_id = wanted AND t.token_hash = presented
          AND coalesce(t.expires_at > now(), true)
        WHERE d.organization_id = tenant AND d.id = wanted AND o.id = tenant;
      IF token_id IS NULL THEN
        PERFORM set_config('app.tenant_id', '', true), set_config('app.role', '', true);
        RETURN;
      END IF;
      IF as_role = 'directory' THEN
        -- Its statements look up a handful of rows by keys: planning them for each time's values takes longer than running them.
        PERFORM set_config('plan_cache_mode', 'force_generic_plan', true);
        PERFORM pg_advisory_xact_lock_shared(hashtextextended('reconcile ' || tenant, 0));
      END IF;
      RETURN NEXT;
    END $$;

    -- For tables that grow faster than autovacuum looks; two at a time would only wait for each other.
    CREATE FUNCTION refresh_statistics() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
      IF pg_try_advisory_xact_lock(hashtextextended('refresh_statistics', 0)) THEN
        ANALYZE users, directory_users, directory_groups, directory_group_members, memberships;
      END IF;
    END $$;

    CREATE INDEX directory_users_made ON directory_users (organization_id, directory_id, created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX directory_groups_made ON directory_groups (organization_id, directory_id, created_at, id);

    -- What identity providers look people and groups up by; userName, externalId and the first e-mail address have theirs already.
    -- Columns, not expressions: behind row-level security only a plain comparison may look into an index.
    ALTER TABLE directory_users
      ADD COLUMN display_name_key text GENERATED ALWAYS AS (lower(attributes ->> 'displayName')) STORED,
      -- Whether a search by e-mail address has to look at more than the column that holds one.
      ADD COLUMN further_emails boolean GENERATED ALWAYS AS (jsonb_typeof(attributes -> 'emails') = 'array'
        AND (jsonb_array_length(attributes -> 'emails') <> 1 OR (lower(attributes #>> '{emails,0,value}') = email) IS NOT TRUE)) STORED;
    CREATE INDEX directory_users_display_name ON directory_users (organization_id, directory_id, display_name_key)
      WHERE display_name_key IS NOT NULL;
    CREATE INDEX directory_users_further_emails ON directory_users (organization_id, directory_id) WHERE further_emails;
    ALTER TABLE directory_groups ADD COLUMN display_name_key text GENERATED ALWAYS AS (lower(display_name)) STORED;
    CREATE INDEX directory_groups_display_name ON directory_groups (organization_id, directory_id, display_name_key);

    CREATE TABLE scim_requests (
      organization_id uuid NOT NULL,
      directory_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      at timestamptz NOT NULL,
      request_id text NOT NULL,
      address text,
      token_id uuid,
      method text NOT NULL,
      path text NOT NULL,
      status smallint NOT NULL,
      took_ms integer NOT NULL,
      outcome text NOT NULL CHECK (outcome IN ('read', 'changed', 'unchanged', 'refused', 'failed')),
      -- What it changed, or why nothing; what of it was passed over.
      told jsonb NOT NULL,
      request text,
      answer text,
      PRIMARY KEY (organization_id, directory_id, id),
      FOREIGN KEY (organization_id, directory_id) REFERENCES directories ON DELETE CASCADE
    );
    CREATE INDEX scim_requests_at ON scim_requests (organization_id, directory_id, at, id);
    CALL wall_in('scim_requests', 'organization_id', :app);
  `),
};
