import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** Drawbridge as an OpenID provider: the platform's apps, what is issued to them, and the keys that sign. */
export const oauth: Migration = {
  up: statements(`
    -- An app of the platform serves every organization, so it is of none: it is behind the wall of the nil tenant.
    CREATE TABLE apps (
      organization_id uuid NOT NULL CHECK (organization_id = '00000000-0000-0000-0000-000000000000'),
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      -- Also its client_id.
      slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
      config jsonb NOT NULL,
      secret_hash bytea,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (organization_id, id),
      UNIQUE (organization_id, slug)
    );
    CALL wall_in('apps', 'organization_id', :app);
    CREATE POLICY operator_adds ON apps AS RESTRICTIVE FOR INSERT WITH CHECK ((SELECT app_role()) = 'operator');
    CREATE POLICY operator_changes ON apps AS RESTRICTIVE FOR UPDATE USING ((SELECT app_role()) = 'operator');
    CREATE POLICY operator_removes ON apps AS RESTRICTIVE FOR DELETE USING ((SELECT app_role()) = 'operator');

    CREATE TABLE signing_keys (
      organization_id uuid NOT NULL CHECK (organization_id = '00000000-0000-0000-0000-000000000000'),
      id text NOT NULL,
      -- Published before it signs, signing, and published still for what it has signed.
      state text NOT NULL CHECK (state IN ('next', 'current', 'retired')),
      sealed_jwk text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      retired_at timestamptz,
      PRIMARY KEY (organization_id, id)
    );
    CREATE UNIQUE INDEX signing_keys_one_each ON signing_keys (state) WHERE state <> 'retired';
    CALL wall_in('signing_keys', 'organization_id', :app);

    -- What goes on with a browser before it is known whose it is. Sealed whole: a provider's session is a way in.
    CREATE TABLE oauth_exchanges (
      organization_id uuid NOT NULL CHECK (organization_id = '00000000-0000-0000-0000-000000000000'),
      kind text NOT NULL,
      id_hash bytea NOT NULL,
      uid_hash bytea,
      sealed text NOT NULL,
      expires_at timestamptz NOT NULL,
      PRIMARY KEY (organization_id, kind, id_hash)
    );
    CREATE INDEX oauth_exchanges_uid ON oauth_exchanges (organization_id, kind, uid_hash);
    CREATE INDEX oauth_exchanges_over ON oauth_exchanges (organization_id, expires_at);
    CALL wall_in('oauth_exchanges', 'organization_id', :app);

    -- What an app was given for a person: a grant, and under it codes, access tokens and refresh tokens. Whether one is live is decided
    -- on read: by the person, the session, the grant, and its own end.
    CREATE TABLE oauth_artifacts (
      organization_id uuid NOT NULL,
      kind text NOT NULL,
      id_hash bytea NOT NULL,
      -- Of the grant it is under; a grant's own.
      grant_hash bytea NOT NULL,
      user_id uuid NOT NULL,
      access_epoch integer NOT NULL,
      session_id uuid NOT NULL,
      -- The app, by its client_id and by itself: another that is given the same client_id later has no part in it.
      client text NOT NULL,
      app_id uuid NOT NULL,
      payload jsonb NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      consumed_at timestamptz,
      ended_at timestamptz,
      -- Of a grant: the app's name for the session, and how far the message of its end has got.
      sid text,
      logout_attempts integer NOT NULL DEFAULT 0,
      logout_next_at timestamptz NOT NULL DEFAULT now(),
      logout_done_at timestamptz,
      PRIMARY KEY (organization_id, kind, id_hash),
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE
    );
    CREATE INDEX oauth_artifacts_grant ON oauth_artifacts (organization_id, grant_hash);
    CREATE INDEX oauth_artifacts_user ON oauth_artifacts (organization_id, user_id);
    CREATE INDEX oauth_artifacts_session ON oauth_artifacts (organization_id, session_id);
    CREATE INDEX oauth_artifacts_over ON oauth_artifacts (organization_id, expires_at);
    CREATE INDEX oauth_artifacts_logout ON oauth_artifacts (organization_id, logout_next_at)
      WHERE kind = 'Grant' AND sid IS NOT NULL AND logout_done_at IS NULL;
    CALL wall_in('oauth_artifacts', 'organization_id', :app);

    CREATE FUNCTION locate_oauth_artifact(wanted_kind text, wanted bytea) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id FROM oauth_artifacts WHERE kind = wanted_kind AND id_hash = wanted $$;
    CREATE UNIQUE INDEX oauth_artifacts_by_id ON oauth_artifacts (kind, id_hash);

    CREATE FUNCTION locate_user(wanted uuid) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id FROM users WHERE id = wanted $$;
    CREATE INDEX users_by_id ON users (id);
  `),
};
