import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** What is remembered of runs besides their plans. */
export const sync: Migration = {
  up: statements(`
    -- How many members each group lost besides those who left altogether; guards look at a day's runs together.
    CREATE TABLE sync_group_losses (
      organization_id uuid NOT NULL,
      run_id uuid NOT NULL,
      group_key text NOT NULL,
      lost integer NOT NULL,
      PRIMARY KEY (organization_id, run_id, group_key),
      FOREIGN KEY (organization_id, run_id) REFERENCES sync_runs ON DELETE CASCADE
    );
    CALL wall_in('sync_group_losses', 'organization_id', :app);

    -- Of a run under way: how far it has got. A row of its own, for the run's is held by its transaction.
    CREATE TABLE sync_progress (
      organization_id uuid NOT NULL,
      run_id uuid NOT NULL,
      phase text NOT NULL DEFAULT 'reading' CHECK (phase IN ('reading', 'planning', 'applying')),
      since timestamptz NOT NULL DEFAULT now(),
      records integer NOT NULL DEFAULT 0,
      expected integer NOT NULL,
      PRIMARY KEY (organization_id, run_id),
      FOREIGN KEY (organization_id, run_id) REFERENCES sync_runs ON DELETE CASCADE
    );
    CALL wall_in('sync_progress', 'organization_id', :app);

    -- Records of a full feed that say what the directory has of them already: the ids of its directory users, many in a row, for a row each
    -- would cost most of what such a feed costs.
    CREATE TABLE staged_same (
      organization_id uuid NOT NULL,
      run_id uuid NOT NULL,
      part bigint GENERATED ALWAYS AS IDENTITY,
      ids uuid[] NOT NULL,
      -- Whether these records themselves say groups, the same as before, too.
      says_groups boolean NOT NULL,
      -- As many, until it is known that nobody is told twice.
      found_at text[] NOT NULL,
      PRIMARY KEY (organization_id, run_id, part)
    );
    ALTER TABLE staged_same ALTER COLUMN ids SET STORAGE EXTERNAL;
    CALL wall_in('staged_same', 'organization_id', :app);

    -- What the large tables of a run keep of it goes with it; a foreign key would look at each row of a million when it is written.
    ALTER TABLE staged_users DROP CONSTRAINT staged_users_organization_id_run_id_fkey;
    ALTER TABLE staged_links DROP CONSTRAINT staged_links_organization_id_run_id_fkey;
    ALTER TABLE staged_members DROP CONSTRAINT staged_members_organization_id_run_id_fkey;
    ALTER TABLE sync_changes DROP CONSTRAINT sync_changes_organization_id_run_id_fkey;
    CREATE FUNCTION forget_run() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        DELETE FROM staged_same WHERE organization_id = OLD.organization_id AND run_id = OLD.id;
        DELETE FROM staged_users WHERE organization_id = OLD.organization_id AND run_id = OLD.id;
        DELETE FROM staged_links WHERE organization_id = OLD.organization_id AND run_id = OLD.id;
        DELETE FROM staged_members WHERE organization_id = OLD.organization_id AND run_id = OLD.id;
        DELETE FROM sync_changes WHERE organization_id = OLD.organization_id AND run_id = OLD.id;
        RETURN NULL;
      END $$;
    CREATE TRIGGER sync_runs_forgotten AFTER DELETE ON sync_runs FOR EACH ROW EXECUTE FUNCTION forget_run();
    -- Few, among many derived ones.
    CREATE INDEX memberships_given ON memberships (organization_id, user_id, scope_id) WHERE source <> 'mapping';
  `),
};
