import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** What administering people takes beside their accounts: e-mail to them. */
export const peopleAdministration: Migration = {
  up: statements(`
    -- Until it has arrived at a mail server.
    CREATE TABLE mails (
      organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      -- What it is and whom or what it is about: an invitation, a leaver.
      kind text NOT NULL,
      about text NOT NULL,
      recipient text NOT NULL,
      subject text NOT NULL,
      -- It may hold a link that is as good as a password; gone once it was sent.
      sealed_text text,
      state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'retry', 'sent', 'failed', 'cancelled')),
      attempts integer NOT NULL DEFAULT 0,
      next_attempt_at timestamptz NOT NULL DEFAULT now(),
      last_error text,
      created_at timestamptz NOT NULL DEFAULT now(),
      finished_at timestamptz,
      PRIMARY KEY (organization_id, id)
    );
    CREATE INDEX mails_due ON mails (organization_id, next_attempt_at) WHERE state IN ('waiting', 'retry');
    CREATE INDEX mails_about ON mails (organization_id, about);
    CALL wall_in('mails', 'organization_id', :app);

    CREATE FUNCTION locate_due_mails() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT DISTINCT organization_id FROM mails WHERE state IN ('waiting', 'retry') AND next_attempt_at <= now() $$;
  `),
};
