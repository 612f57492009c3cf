import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** Links with which a customer's IT administrator sets up a connection alone. */
export const setUpLinks: Migration = {
  up: statements(`
    CREATE TABLE set_up_links (
      organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      token_hash bytea NOT NULL UNIQUE,
      -- The connection's id is settled before the connection exists, for its addresses are what the identity provider needs first.
      connection_id uuid NOT NULL DEFAULT gen_random_uuid(),
      connection_slug text NOT NULL,
      -- Which identity provider, in whose words the pages speak; null until it is chosen.
      provider text,
      created_by text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      revoked_at timestamptz,
      PRIMARY KEY (organization_id, id)
    );
    CALL wall_in('set_up_links', 'organization_id', :app);

    CREATE FUNCTION locate_set_up_link(wanted bytea) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id FROM set_up_links WHERE token_hash = wanted $$;
  `),
};
