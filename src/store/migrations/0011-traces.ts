import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** Each sign-in attempt, check by check, for whoever has to mend what refused it. Kept for seven days; never a secret. */
export const traces: Migration = {
  up: statements(`
    CREATE TABLE sign_in_traces (
      organization_id uuid NOT NULL,
      id uuid NOT NULL,
      connection_id uuid NOT NULL,
      at timestamptz NOT NULL DEFAULT now(),
      request_id text NOT NULL,
      outcome text NOT NULL CHECK (outcome IN ('signed_in', 'tested', 'refused', 'failed')),
      -- The check that refused it.
      refused_by text,
      sentence text NOT NULL DEFAULT '',
      user_id uuid,
      -- What the identity provider said of the person.
      said jsonb,
      -- The roles that the person held once let in, and where each is from.
      roles jsonb,
      steps jsonb NOT NULL,
      PRIMARY KEY (organization_id, id),
      FOREIGN KEY (organization_id, connection_id) REFERENCES connections ON DELETE CASCADE
    );
    CREATE INDEX sign_in_traces_at ON sign_in_traces (organization_id, connection_id, at DESC);
    CALL wall_in('sign_in_traces', 'organization_id', :app);
  `),
};
