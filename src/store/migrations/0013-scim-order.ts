import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** The order in which lists of a directory go on from a cursor. */
export const scimOrder: Migration = {
  up: statements(`
    CREATE INDEX directory_users_made ON directory_users (organization_id, directory_id, created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX directory_groups_made ON directory_groups (organization_id, directory_id, created_at, id);
  `),
};
