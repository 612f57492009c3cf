import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** Tells every instance, on commit, in which organization something has changed that access is decided by; see `store/changes.ts`. */
export const accessChanges: Migration = {
  up: statements(`
    CREATE FUNCTION tell_access_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      -- Empty where the database's owner changes rows: then it may be anybody's.
      tenant text := coalesce(current_setting('app.tenant_id', true), '');
    BEGIN
      PERFORM pg_notify('drawbridge_access', tenant);
      -- To the instance that makes the change, without the way round.
      RAISE NOTICE USING MESSAGE = 'drawbridge_access', DETAIL = tenant;
      RETURN NULL;
    END $$;

    -- Once a statement, however many rows: several of one transaction become one message.
    CREATE TRIGGER access_changed AFTER INSERT OR UPDATE OR DELETE ON memberships
      FOR EACH STATEMENT EXECUTE FUNCTION tell_access_changed();
    CREATE TRIGGER access_changed AFTER INSERT OR UPDATE OF email, status, access_epoch OR DELETE ON users
      FOR EACH STATEMENT EXECUTE FUNCTION tell_access_changed();
    CREATE TRIGGER access_changed AFTER UPDATE OF model, slug OR DELETE ON organizations
      FOR EACH STATEMENT EXECUTE FUNCTION tell_access_changed();
    CREATE TRIGGER access_changed AFTER INSERT OR UPDATE OR DELETE ON workspaces
      FOR EACH STATEMENT EXECUTE FUNCTION tell_access_changed();
    CREATE TRIGGER access_changed AFTER INSERT OR UPDATE OR DELETE ON products
      FOR EACH STATEMENT EXECUTE FUNCTION tell_access_changed();
    CREATE TRIGGER access_changed
      AFTER UPDATE OF revoked_at, expires_at, scopes, access_epoch, environment, workspace_id, product_id OR DELETE ON api_keys
      FOR EACH STATEMENT EXECUTE FUNCTION tell_access_changed();
  `),
};
