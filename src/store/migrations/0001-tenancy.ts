import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** Who a tenant is: the organization, its domains, workspaces and products. And how every tenant table is walled in. */
export const tenancy: Migration = {
  up: statements(`
    CREATE FUNCTION app_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
      AS $$ SELECT nullif(current_setting('app.tenant_id', true), '')::uuid $$;
    CREATE FUNCTION app_role() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
      AS $$ SELECT nullif(current_setting('app.role', true), '') $$;

    -- One wall for all: rows of the transaction's tenant only, no writes for readers, and the owner is not exempt.
    -- 'locator' is a role that only this schema's own lookup functions take on, and only their owner may use it.
    CREATE PROCEDURE wall_in(target regclass, tenant_column text, app_role name) LANGUAGE plpgsql AS $$
    BEGIN
      EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
      EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
      EXECUTE format('CREATE POLICY tenant_reads ON %s FOR SELECT
        USING (%I = (SELECT app_tenant()) AND (SELECT app_role()) IS NOT NULL)', target, tenant_column);
      EXECUTE format('CREATE POLICY tenant_adds ON %s FOR INSERT
        WITH CHECK (%I = (SELECT app_tenant()) AND (SELECT app_role()) <> ''reader'')', target, tenant_column);
      EXECUTE format('CREATE POLICY tenant_changes ON %s FOR UPDATE
        USING (%I = (SELECT app_tenant()) AND (SELECT app_role()) <> ''reader'')', target, tenant_column);
      EXECUTE format('CREATE POLICY tenant_removes ON %s FOR DELETE
        USING (%I = (SELECT app_tenant()) AND (SELECT app_role()) <> ''reader'')', target, tenant_column);
      EXECUTE format('CREATE POLICY locates ON %s FOR SELECT TO CURRENT_USER
        USING ((SELECT app_role()) = ''locator'')', target);
      EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I', target, app_role);
    END $$;

    CREATE TABLE organizations (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
      name text NOT NULL,
      model text NOT NULL,
      -- Among which organizations a person has one account: the name of the model, where that says so; nothing: this one alone.
      account_scope text NOT NULL DEFAULT '',
      default_role text,
      just_in_time boolean NOT NULL DEFAULT false,
      groups_from text NOT NULL DEFAULT 'any' CHECK (groups_from IN ('any', 'directory')),
      enforce_sso boolean NOT NULL DEFAULT false,
      session_idle_minutes integer NOT NULL DEFAULT 60 CHECK (session_idle_minutes > 0),
      session_absolute_minutes integer NOT NULL DEFAULT 720 CHECK (session_absolute_minutes > 0),
      time_zone text NOT NULL DEFAULT 'UTC',
      region text,
      created_at timestamptz NOT NULL DEFAULT now(),
      UNIQUE (id, account_scope)
    );
    CALL wall_in('organizations', 'id', :app);

    CREATE TABLE domains (
      organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
      name text NOT NULL CHECK (name = lower(name)),
      verification_token text NOT NULL,
      verified_at timestamptz,
      verified_how text CHECK (verified_how IN ('dns', 'operator')),
      -- When its DNS record is looked up again; null: never, for it is not verified, or by the operator's word.
      next_check_at timestamptz,
      -- Since when DNS says that the record is gone.
      failing_since timestamptz,
      PRIMARY KEY (organization_id, name)
    );
    CREATE UNIQUE INDEX domains_verified_once ON domains (name) WHERE verified_at IS NOT NULL;
    CREATE INDEX domains_due ON domains (next_check_at);
    CALL wall_in('domains', 'organization_id', :app);

    CREATE TABLE workspaces (
      organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
      name text NOT NULL,
      environment text NOT NULL DEFAULT 'production' CHECK (environment IN ('development', 'staging', 'production')),
      PRIMARY KEY (organization_id, id),
      UNIQUE (organization_id, slug)
    );
    CALL wall_in('workspaces', 'organization_id', :app);

    CREATE TABLE products (
      organization_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      workspace_id uuid NOT NULL,
      slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
      name text NOT NULL,
      subscription_status text NOT NULL DEFAULT 'active' CHECK (subscription_status IN ('active', 'inactive', 'expired')),
      subscription_ends_at timestamptz,
      seats integer CHECK (seats >= 0),
      PRIMARY KEY (organization_id, id),
      UNIQUE (organization_id, workspace_id, slug),
      FOREIGN KEY (organization_id, workspace_id) REFERENCES workspaces ON DELETE CASCADE
    );
    CALL wall_in('products', 'organization_id', :app);
  `),
};
