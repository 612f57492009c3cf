import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/**
 * Which organization is meant, before a tenant is known: by an id in a URL or by the hash of a presented secret. Each function
 * answers one exact question with ids alone; nothing else crosses the wall.
 */
export const locators: Migration = {
  up: statements(`
    CREATE FUNCTION locate_connection(wanted uuid) RETURNS TABLE (organization_id uuid, version integer)
      LANGUAGE sql STABLE SECURITY DEFINER SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id, version FROM connections WHERE id = wanted $$;
    CREATE INDEX connections_by_id ON connections (id);

    CREATE FUNCTION locate_directory(wanted uuid) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id FROM directories WHERE id = wanted $$;
    CREATE INDEX directories_by_id ON directories (id);

    CREATE FUNCTION locate_session(wanted bytea) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id FROM sessions WHERE token_hash = wanted $$;

    CREATE FUNCTION locate_grant(wanted bytea) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id FROM grants WHERE token_hash = wanted $$;

    CREATE FUNCTION locate_api_key(wanted bytea) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id FROM api_keys WHERE key_hash = wanted $$;

    CREATE FUNCTION locate_organization(wanted text) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT id FROM organizations WHERE slug = wanted OR id::text = wanted $$;

    CREATE FUNCTION locate_domain(wanted text) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id FROM domains WHERE name = wanted AND verified_at IS NOT NULL $$;

    CREATE FUNCTION locate_due_domains() RETURNS TABLE (organization_id uuid, name text) LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id, name FROM domains WHERE next_check_at <= now() ORDER BY next_check_at LIMIT 500 $$;

    -- For the clock's work (schedules, steps, seals), which goes through each organization in turn.
    CREATE FUNCTION locate_organizations() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT id FROM organizations $$;
  `),
};
