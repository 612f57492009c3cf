import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** Which sealing keys have been in use, by their ids: a start without one of them is refused. */
export const sealing: Migration = {
  up: statements(`
    CREATE TABLE sealing_keys (
      organization_id uuid NOT NULL CHECK (organization_id = '00000000-0000-0000-0000-000000000000'),
      id text NOT NULL,
      first_used_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (organization_id, id)
    );
    CALL wall_in('sealing_keys', 'organization_id', :app);
  `),
};
