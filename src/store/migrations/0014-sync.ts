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
  `),
};
