import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** What administering people takes beside their accounts: e-mail to them, invitations, an organization's own roles, reviews of who has what. */
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

    -- The list's usual order; and leavers are looked up by their address as well, which the unique index leaves out.
    CREATE INDEX users_by_email ON users (organization_id, email, id);

    CREATE FUNCTION locate_due_mails() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT DISTINCT organization_id FROM mails WHERE state IN ('waiting', 'retry') AND next_attempt_at <= now() $$;

    CREATE TABLE invitations (
      organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      email text NOT NULL CHECK (email = lower(email)),
      name text NOT NULL DEFAULT '',
      token_hash bytea NOT NULL UNIQUE,
      reason text NOT NULL DEFAULT '',
      -- Whose rank it counts with; null for the operator, who is above all ranks.
      inviter_id uuid,
      invited_by text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      accepted_at timestamptz,
      -- As whom it was accepted.
      user_id uuid,
      revoked_at timestamptz,
      revoked_by text,
      revoked_reason text,
      PRIMARY KEY (organization_id, id),
      -- An inviter who is removed without a trace must not leave an operator's invitation behind.
      FOREIGN KEY (organization_id, inviter_id) REFERENCES users ON DELETE CASCADE,
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE SET NULL (user_id)
    );
    CREATE UNIQUE INDEX invitations_open ON invitations (organization_id, email) WHERE accepted_at IS NULL AND revoked_at IS NULL;
    CREATE INDEX invitations_inviter ON invitations (organization_id, inviter_id) WHERE accepted_at IS NULL AND revoked_at IS NULL;
    CALL wall_in('invitations', 'organization_id', :app);

    CREATE TABLE invitation_roles (
      organization_id uuid NOT NULL,
      invitation_id uuid NOT NULL,
      scope_kind text NOT NULL CHECK (scope_kind IN ('organization', 'workspace', 'product')),
      workspace_id uuid,
      product_id uuid,
      scope_id uuid NOT NULL GENERATED ALWAYS AS (coalesce(product_id, workspace_id, organization_id)) STORED,
      role text NOT NULL,
      PRIMARY KEY (organization_id, invitation_id, scope_id),
      FOREIGN KEY (organization_id, invitation_id) REFERENCES invitations ON DELETE CASCADE,
      FOREIGN KEY (organization_id, workspace_id) REFERENCES workspaces ON DELETE CASCADE,
      FOREIGN KEY (organization_id, product_id) REFERENCES products ON DELETE CASCADE
    );
    CALL wall_in('invitation_roles', 'organization_id', :app);

    CREATE TABLE custom_roles (
      organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
      role text NOT NULL,
      label text NOT NULL,
      permissions text[] NOT NULL,
      made_by text NOT NULL,
      made_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (organization_id, role)
    );
    CALL wall_in('custom_roles', 'organization_id', :app);
    CREATE TRIGGER access_changed AFTER INSERT OR UPDATE OR DELETE ON custom_roles
      FOR EACH STATEMENT EXECUTE FUNCTION tell_access_changed();

    -- What no mapping rule gives to a person here, whatever the directories say.
    CREATE TABLE membership_exclusions (
      organization_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      user_id uuid NOT NULL,
      scope_kind text NOT NULL CHECK (scope_kind IN ('organization', 'workspace', 'product')),
      workspace_id uuid,
      product_id uuid,
      scope_id uuid NOT NULL GENERATED ALWAYS AS (coalesce(product_id, workspace_id, organization_id)) STORED,
      role text NOT NULL,
      reason text NOT NULL,
      excluded_by text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (organization_id, id),
      UNIQUE (organization_id, user_id, scope_id, role),
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE,
      FOREIGN KEY (organization_id, workspace_id) REFERENCES workspaces ON DELETE CASCADE,
      FOREIGN KEY (organization_id, product_id) REFERENCES products ON DELETE CASCADE
    );
    CALL wall_in('membership_exclusions', 'organization_id', :app);

    CREATE TABLE reviews (
      organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      name text NOT NULL,
      -- What was asked for, as it was asked.
      subject jsonb NOT NULL,
      if_undecided text NOT NULL CHECK (if_undecided IN ('keep', 'revoke')),
      due_at timestamptz NOT NULL,
      -- When reviewers are reminded, or it ends.
      next_at timestamptz NOT NULL,
      state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed', 'cancelled')),
      -- With whose rank it takes what it takes; null for the operator.
      starter_id uuid,
      started_by text NOT NULL,
      started_at timestamptz NOT NULL DEFAULT now(),
      ended_by text,
      ended_at timestamptz,
      PRIMARY KEY (organization_id, id),
      FOREIGN KEY (organization_id, starter_id) REFERENCES users ON DELETE CASCADE
    );
    CREATE INDEX reviews_due ON reviews (next_at) WHERE state = 'open';
    CALL wall_in('reviews', 'organization_id', :app);

    -- A membership as it was when the review began, and what became of it.
    CREATE TABLE review_items (
      organization_id uuid NOT NULL,
      review_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      membership_id uuid NOT NULL,
      user_id uuid NOT NULL,
      email text NOT NULL,
      scope_kind text NOT NULL,
      workspace_id uuid,
      product_id uuid,
      scope_id uuid NOT NULL,
      place text NOT NULL,
      role text NOT NULL,
      source text NOT NULL,
      granted_by text NOT NULL,
      granted_reason text NOT NULL,
      granted_at timestamptz NOT NULL,
      expires_at timestamptz,
      reviewers uuid[] NOT NULL,
      decision text CHECK (decision IN ('keep', 'revoke')),
      decided_by text,
      decided_at timestamptz,
      decision_reason text,
      -- What the decision came to: also "gone", where there was nothing left to take, and "withheld", where it may not be taken.
      outcome text CHECK (outcome IN ('kept', 'revoked', 'gone', 'withheld')),
      outcome_reason text,
      PRIMARY KEY (organization_id, review_id, id),
      FOREIGN KEY (organization_id, review_id) REFERENCES reviews ON DELETE CASCADE,
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE
    );
    CALL wall_in('review_items', 'organization_id', :app);

    CREATE FUNCTION locate_due_reviews() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT DISTINCT organization_id FROM reviews WHERE state = 'open' AND next_at <= now() $$;

    CREATE FUNCTION locate_invitation(wanted bytea) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id FROM invitations WHERE token_hash = wanted $$;
  `),
};
