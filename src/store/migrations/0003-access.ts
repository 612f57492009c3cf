import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** Who may do what: mapping rules, memberships, and the runs and plans that derive the ones from the others. */
export const access: Migration = {
  up: statements(`
    CREATE TABLE mapping_rules (
      organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
      -- Where facts count: one directory, or all.
      directory_id uuid,
      -- When: a group, and/or a condition over a person's attributes (SQL/JSON path predicate).
      group_name text,
      group_by text NOT NULL DEFAULT 'name' CHECK (group_by IN ('name', 'id', 'pattern')),
      condition jsonpath,
      effect text NOT NULL DEFAULT 'grant' CHECK (effect IN ('grant', 'deny')),
      -- Then: a role at a scope. A denying rule without a role denies every derived role there.
      scope_kind text NOT NULL CHECK (scope_kind IN ('organization', 'workspace', 'product')),
      workspace_id uuid,
      product_id uuid,
      scope_id uuid NOT NULL GENERATED ALWAYS AS (coalesce(product_id, workspace_id, organization_id)) STORED,
      role text,
      position integer NOT NULL DEFAULT 0,
      enabled boolean NOT NULL DEFAULT true,
      CHECK (group_name IS NOT NULL OR condition IS NOT NULL),
      CHECK (effect = 'deny' OR role IS NOT NULL),
      CHECK ((scope_kind = 'organization') = (workspace_id IS NULL)),
      CHECK ((scope_kind = 'product') = (product_id IS NOT NULL)),
      PRIMARY KEY (organization_id, id),
      UNIQUE (organization_id, slug),
      FOREIGN KEY (organization_id, directory_id) REFERENCES directories ON DELETE CASCADE,
      FOREIGN KEY (organization_id, workspace_id) REFERENCES workspaces ON DELETE CASCADE,
      FOREIGN KEY (organization_id, product_id) REFERENCES products ON DELETE CASCADE
    );
    CALL wall_in('mapping_rules', 'organization_id', :app);

    CREATE TABLE sync_runs (
      organization_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      -- Null where it is not a directory that moved but the rules.
      directory_id uuid,
      trigger text NOT NULL,
      mode text NOT NULL DEFAULT 'run' CHECK (mode IN ('plan', 'run')),
      status text NOT NULL CHECK (status IN
        ('staging', 'planned', 'held', 'applied', 'failed', 'discarded')),
      -- Of the facts, rules and memberships that the plan was made from; apply refuses a plan whose base has moved.
      base_hash text,
      -- Where the source's next reading begins, once this one is applied.
      cursor text,
      counts jsonb NOT NULL DEFAULT '{}',
      guards jsonb NOT NULL DEFAULT '[]',
      -- What memberships were derived from besides facts, when this plan was made.
      grounds text,
      -- What the guards counted.
      figures jsonb NOT NULL DEFAULT '{}',
      error text,
      started_at timestamptz NOT NULL DEFAULT now(),
      finished_at timestamptz,
      PRIMARY KEY (organization_id, id),
      FOREIGN KEY (organization_id, directory_id) REFERENCES directories ON DELETE CASCADE
    );
    CREATE INDEX sync_runs_directory ON sync_runs (organization_id, directory_id, started_at DESC);
    CALL wall_in('sync_runs', 'organization_id', :app);

    CREATE TABLE memberships (
      organization_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      user_id uuid NOT NULL,
      scope_kind text NOT NULL CHECK (scope_kind IN ('platform', 'organization', 'workspace', 'product')),
      workspace_id uuid,
      product_id uuid,
      scope_id uuid NOT NULL GENERATED ALWAYS AS (coalesce(product_id, workspace_id, organization_id)) STORED,
      role text NOT NULL,
      source text NOT NULL CHECK (source IN ('manual', 'invitation', 'jit', 'mapping', 'ownership')),
      rule_id uuid,
      run_id uuid,
      granted_by text NOT NULL,
      reason text NOT NULL DEFAULT '',
      expires_at timestamptz,
      created_at timestamptz NOT NULL DEFAULT now(),
      CHECK (scope_kind NOT IN ('workspace', 'product') OR workspace_id IS NOT NULL),
      CHECK ((scope_kind = 'product') = (product_id IS NOT NULL)),
      PRIMARY KEY (organization_id, id),
      -- What a human gave and what a rule derived stand side by side as rows of their own.
      UNIQUE (organization_id, user_id, scope_kind, scope_id, source),
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE,
      FOREIGN KEY (organization_id, workspace_id) REFERENCES workspaces ON DELETE CASCADE,
      FOREIGN KEY (organization_id, product_id) REFERENCES products ON DELETE CASCADE
    );
    CREATE INDEX memberships_scope ON memberships (organization_id, scope_id);
    CALL wall_in('memberships', 'organization_id', :app);

    -- What a run's source said, until the run is applied or discarded.
    CREATE TABLE staged_users (
      organization_id uuid NOT NULL,
      run_id uuid NOT NULL,
      source_key text NOT NULL,
      external_id text,
      user_name text NOT NULL,
      email text,
      display_name text NOT NULL,
      active boolean NOT NULL,
      starts_at timestamptz,
      ends_at timestamptz,
      attributes jsonb NOT NULL,
      fingerprint uuid NOT NULL,
      -- Of those whom the source no longer names: until when they are kept as they are.
      leaves_at timestamptz,
      -- The line or id at which to look.
      found_at text NOT NULL DEFAULT '',
      -- Keys that differ by case only are one person's.
      folded text GENERATED ALWAYS AS (lower(source_key)) STORED,
      PRIMARY KEY (organization_id, run_id, folded),
      FOREIGN KEY (organization_id, run_id) REFERENCES sync_runs ON DELETE CASCADE
    );
    CALL wall_in('staged_users', 'organization_id', :app);
    CREATE TABLE staged_groups (
      organization_id uuid NOT NULL,
      run_id uuid NOT NULL,
      group_key text NOT NULL,
      name text NOT NULL,
      of_people boolean NOT NULL,
      PRIMARY KEY (organization_id, run_id, group_key),
      FOREIGN KEY (organization_id, run_id) REFERENCES sync_runs ON DELETE CASCADE
    );
    CALL wall_in('staged_groups', 'organization_id', :app);
    -- Who is in a group as the source says it: people, and groups with everybody in them.
    CREATE TABLE staged_links (
      organization_id uuid NOT NULL,
      run_id uuid NOT NULL,
      group_key text NOT NULL,
      member_key text NOT NULL,
      member_is text NOT NULL CHECK (member_is IN ('user', 'group', 'alias')),
      PRIMARY KEY (organization_id, run_id, group_key, member_key),
      FOREIGN KEY (organization_id, run_id) REFERENCES sync_runs ON DELETE CASCADE
    );
    CALL wall_in('staged_links', 'organization_id', :app);
    -- By what other name the source tells members: a distinguished name, say.
    CREATE TABLE staged_aliases (
      organization_id uuid NOT NULL,
      run_id uuid NOT NULL,
      alias text NOT NULL,
      key text NOT NULL,
      is_a text NOT NULL CHECK (is_a IN ('user', 'group')),
      PRIMARY KEY (organization_id, run_id, alias, key, is_a),
      FOREIGN KEY (organization_id, run_id) REFERENCES sync_runs ON DELETE CASCADE
    );
    CALL wall_in('staged_aliases', 'organization_id', :app);
    -- Of a reading of changes: what is there no more. Of any: records that could not be used.
    CREATE TABLE staged_gone (
      organization_id uuid NOT NULL,
      run_id uuid NOT NULL,
      what text NOT NULL CHECK (what IN ('user', 'group', 'member', 'members', 'memberships')),
      key text NOT NULL,
      member_key text NOT NULL DEFAULT '',
      PRIMARY KEY (organization_id, run_id, what, key, member_key),
      FOREIGN KEY (organization_id, run_id) REFERENCES sync_runs ON DELETE CASCADE
    );
    CALL wall_in('staged_gone', 'organization_id', :app);
    CREATE TABLE staged_bad (
      organization_id uuid NOT NULL,
      run_id uuid NOT NULL,
      seq bigint GENERATED ALWAYS AS IDENTITY,
      folded text,
      found_at text NOT NULL,
      reason text NOT NULL,
      PRIMARY KEY (organization_id, run_id, seq),
      FOREIGN KEY (organization_id, run_id) REFERENCES sync_runs ON DELETE CASCADE
    );
    CALL wall_in('staged_bad', 'organization_id', :app);
    -- The same, of the last applied reading; kept where a source tells changes, or groups within groups.
    CREATE TABLE directory_links (
      organization_id uuid NOT NULL,
      directory_id uuid NOT NULL,
      group_key text NOT NULL,
      member_key text NOT NULL,
      member_is text NOT NULL CHECK (member_is IN ('user', 'group')),
      PRIMARY KEY (organization_id, directory_id, group_key, member_key),
      FOREIGN KEY (organization_id, directory_id) REFERENCES directories ON DELETE CASCADE
    );
    CALL wall_in('directory_links', 'organization_id', :app);
    -- Everybody who is in a group, by whatever way; made of the links.
    CREATE TABLE staged_members (
      organization_id uuid NOT NULL,
      run_id uuid NOT NULL,
      group_key text NOT NULL,
      group_name text NOT NULL,
      user_key text NOT NULL,
      PRIMARY KEY (organization_id, run_id, group_key, user_key),
      FOREIGN KEY (organization_id, run_id) REFERENCES sync_runs ON DELETE CASCADE
    );
    CALL wall_in('staged_members', 'organization_id', :app);

    CREATE TABLE sync_changes (
      organization_id uuid NOT NULL,
      run_id uuid NOT NULL,
      seq bigint GENERATED ALWAYS AS IDENTITY,
      kind text NOT NULL CHECK (kind IN ('user.create', 'user.link', 'user.update', 'user.reactivate', 'user.deprovision',
        'user.missing', 'user.waiting', 'user.found', 'user.ambiguous', 'user.protected', 'membership.add', 'membership.change', 'membership.remove', 'membership.withheld')),
      -- Known before apply, also for people whose account the plan is yet to create.
      user_id uuid,
      source_key text,
      email text,
      display_name text,
      scope_kind text,
      workspace_id uuid,
      product_id uuid,
      scope_id uuid,
      role text,
      old_role text,
      rule_id uuid,
      administrative boolean NOT NULL DEFAULT false,
      reason text NOT NULL,
      PRIMARY KEY (organization_id, run_id, seq),
      FOREIGN KEY (organization_id, run_id) REFERENCES sync_runs ON DELETE CASCADE
    );
    CREATE INDEX sync_changes_person ON sync_changes (organization_id, run_id, source_key);
    CALL wall_in('sync_changes', 'organization_id', :app);
  `),
};
