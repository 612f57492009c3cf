import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** Who a person is: the account, the ways in (connections, identities), and what directories say of them (facts). */
export const people: Migration = {
  up: statements(`
    CREATE TABLE users (
      organization_id uuid NOT NULL,
      -- Its organization's, as the key below sees to.
      account_scope text NOT NULL DEFAULT '',
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      email text NOT NULL CHECK (email = lower(email)),
      display_name text NOT NULL DEFAULT '',
      status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'deprovisioned')),
      -- Raised whenever this person's access ends; whatever was issued at an earlier epoch is void.
      access_epoch integer NOT NULL DEFAULT 1,
      protected boolean NOT NULL DEFAULT false,
      last_active_at timestamptz,
      created_at timestamptz NOT NULL DEFAULT now(),
      deprovisioned_at timestamptz,
      PRIMARY KEY (organization_id, id),
      FOREIGN KEY (organization_id, account_scope) REFERENCES organizations (id, account_scope) ON DELETE CASCADE ON UPDATE CASCADE
    );
    -- A leaver's address may be given to a new person, who inherits nothing.
    CREATE UNIQUE INDEX users_email ON users (organization_id, email) WHERE status <> 'deprovisioned';
    CREATE UNIQUE INDEX users_one_account ON users (account_scope, email) WHERE account_scope <> '' AND status <> 'deprovisioned';
    CALL wall_in('users', 'organization_id', :app);

    -- Which of these addresses have an account that one here would be a second of.
    CREATE FUNCTION accounts_elsewhere(emails text[]) RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp AS $$
      SELECT u.email FROM organizations o JOIN users u ON u.account_scope = o.account_scope AND u.email = ANY(emails)
        AND u.organization_id <> o.id AND u.status <> 'deprovisioned'
      WHERE o.id = app_tenant() AND o.account_scope <> '' AND u.account_scope <> '' $$;

    CREATE TABLE directories (
      organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
      name text NOT NULL,
      kind text NOT NULL,
      config jsonb NOT NULL DEFAULT '{}',
      guards jsonb NOT NULL DEFAULT '{}',
      schedule text,
      -- Each directory begins at a delay of its own below this; and what was due up to this time has been seen to.
      spread_minutes integer NOT NULL DEFAULT 0,
      scheduled_from timestamptz NOT NULL DEFAULT now(),
      time_zone text NOT NULL DEFAULT 'UTC',
      -- How long somebody whom the source no longer names is kept as they are.
      grace_days double precision NOT NULL DEFAULT 0,
      -- Whether "inactive" or "missing" here means that the person has left. Never so for logins.
      decides_lifecycle boolean NOT NULL DEFAULT true,
      -- What a pulled source asks of us, sealed; and where its next reading of changes begins.
      sealed_secrets text,
      cursor text,
      -- What memberships were derived from besides facts, when a run was applied last.
      grounds text,
      -- Runs that failed one after the other; after a few, the schedule leaves the source alone for a while, each time for longer.
      failures integer NOT NULL DEFAULT 0,
      quarantined_until timestamptz,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (organization_id, id),
      UNIQUE (organization_id, slug)
    );
    CALL wall_in('directories', 'organization_id', :app);

    CREATE TABLE directory_tokens (
      organization_id uuid NOT NULL,
      directory_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      token_hash bytea NOT NULL UNIQUE,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz,
      last_used_at timestamptz,
      -- The minute in which requests are counted, and how many were let through in it, by all instances together.
      window_ends_at timestamptz NOT NULL DEFAULT '-infinity',
      window_used integer NOT NULL DEFAULT 0,
      PRIMARY KEY (organization_id, directory_id, id),
      FOREIGN KEY (organization_id, directory_id) REFERENCES directories ON DELETE CASCADE
    );
    CALL wall_in('directory_tokens', 'organization_id', :app);

    CREATE TABLE connections (
      organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
      name text NOT NULL,
      kind text NOT NULL CHECK (kind IN ('saml', 'oidc')),
      config jsonb NOT NULL,
      sealed_secret text,
      default_role text,
      just_in_time boolean,
      -- The directory that holds what logins through this connection say.
      directory_id uuid NOT NULL,
      enabled boolean NOT NULL DEFAULT true,
      -- Whose people it may vouch for; empty: those of every verified domain. A name may outlive its domain, and then serves nobody.
      domains text[] NOT NULL DEFAULT '{}',
      -- Lower ones are offered first.
      priority integer NOT NULL DEFAULT 100,
      created_at timestamptz NOT NULL DEFAULT now(),
      -- Another after every change, so that an instance knows whether what it remembers is still so.
      version integer NOT NULL DEFAULT 1,
      PRIMARY KEY (organization_id, id),
      UNIQUE (organization_id, slug),
      FOREIGN KEY (organization_id, directory_id) REFERENCES directories
    );
    CALL wall_in('connections', 'organization_id', :app);
    CREATE FUNCTION count_version() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN NEW.version := OLD.version + 1; RETURN NEW; END $$;
    CREATE TRIGGER connections_version BEFORE UPDATE ON connections FOR EACH ROW EXECUTE FUNCTION count_version();

    CREATE TABLE identities (
      organization_id uuid NOT NULL,
      connection_id uuid NOT NULL,
      subject text NOT NULL,
      user_id uuid NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      last_sign_in_at timestamptz,
      PRIMARY KEY (organization_id, connection_id, subject),
      FOREIGN KEY (organization_id, connection_id) REFERENCES connections ON DELETE CASCADE,
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE
    );
    CREATE INDEX identities_user ON identities (organization_id, user_id);
    CALL wall_in('identities', 'organization_id', :app);

    CREATE TABLE directory_users (
      organization_id uuid NOT NULL,
      directory_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      -- What tells one record from another in this source: a lower-case userName, an employee number, a login's subject.
      source_key text NOT NULL,
      external_id text,
      user_name text NOT NULL,
      email text CHECK (email = lower(email)),
      display_name text NOT NULL DEFAULT '',
      active boolean NOT NULL,
      starts_at timestamptz,
      ends_at timestamptz,
      attributes jsonb NOT NULL DEFAULT '{}',
      -- Of everything above; an unchanged record costs a comparison of 16 bytes.
      fingerprint uuid,
      user_id uuid,
      -- Whether the reconcile last saw this record as present; a return is a change from false to true, never a mere repetition.
      reconciled_present boolean,
      version integer NOT NULL DEFAULT 1,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      -- The source does not name them any more; they are let go at this time unless it does so again.
      leaves_at timestamptz,
      -- Gone from the source; the record stays, so that a rehire is recognised.
      deleted_at timestamptz,
      PRIMARY KEY (organization_id, directory_id, id),
      UNIQUE (organization_id, directory_id, source_key),
      FOREIGN KEY (organization_id, directory_id) REFERENCES directories ON DELETE CASCADE,
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE SET NULL (user_id)
    );
    CREATE INDEX directory_users_user ON directory_users (organization_id, user_id, directory_id);
    -- Asked within a directory by its source, and across directories by the reconcile.
    CREATE INDEX directory_users_external ON directory_users (organization_id, external_id, directory_id);
    CREATE INDEX directory_users_email ON directory_users (organization_id, email);
    CALL wall_in('directory_users', 'organization_id', :app);

    CREATE TABLE directory_groups (
      organization_id uuid NOT NULL,
      directory_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      source_key text NOT NULL,
      external_id text,
      display_name text NOT NULL,
      -- Whether the source has it only as something that people's records say: then it is there for as long as one of them does.
      of_people boolean NOT NULL DEFAULT false,
      attributes jsonb NOT NULL DEFAULT '{}',
      version integer NOT NULL DEFAULT 1,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (organization_id, directory_id, id),
      UNIQUE (organization_id, directory_id, source_key),
      FOREIGN KEY (organization_id, directory_id) REFERENCES directories ON DELETE CASCADE
    );
    CREATE INDEX directory_groups_name ON directory_groups (organization_id, lower(display_name));
    CREATE INDEX directory_groups_external ON directory_groups (organization_id, directory_id, external_id);
    CALL wall_in('directory_groups', 'organization_id', :app);

    CREATE TABLE directory_group_members (
      organization_id uuid NOT NULL,
      directory_id uuid NOT NULL,
      group_id uuid NOT NULL,
      member_id uuid NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (organization_id, directory_id, group_id, member_id),
      FOREIGN KEY (organization_id, directory_id, group_id) REFERENCES directory_groups ON DELETE CASCADE,
      FOREIGN KEY (organization_id, directory_id, member_id) REFERENCES directory_users ON DELETE CASCADE
    );
    CREATE INDEX directory_group_members_member ON directory_group_members (organization_id, directory_id, member_id);
    CALL wall_in('directory_group_members', 'organization_id', :app);
  `),
};
