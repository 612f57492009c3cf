import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** Signing in without an identity provider: passwords, second factors, what is used once; and when SSO may be enforced. */
export const localSignIn: Migration = {
  up: statements(`
    -- May sign in by password and second factor although SSO is enforced.
    ALTER TABLE users ADD COLUMN break_glass boolean NOT NULL DEFAULT false;
    -- When a sign-in last worked under the trust that the hash is of; another hash than the connection's own means: to be tested.
    ALTER TABLE connections ADD COLUMN tested_at timestamptz, ADD COLUMN tested_trust text;

    -- Void as soon as the person's access has ended once: their epoch is then another.
    CREATE TABLE passwords (
      organization_id uuid NOT NULL,
      user_id uuid NOT NULL,
      access_epoch integer NOT NULL,
      -- PHC string of argon2id, with its parameters.
      phc text NOT NULL,
      set_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (organization_id, user_id),
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE
    );
    CALL wall_in('passwords', 'organization_id', :app);

    CREATE TABLE password_links (
      organization_id uuid NOT NULL,
      token_hash bytea NOT NULL UNIQUE,
      user_id uuid NOT NULL,
      access_epoch integer NOT NULL,
      expires_at timestamptz NOT NULL,
      -- One at a time: a new link voids the former.
      PRIMARY KEY (organization_id, user_id),
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE
    );
    CALL wall_in('password_links', 'organization_id', :app);

    CREATE TABLE second_factors (
      organization_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      user_id uuid NOT NULL,
      kind text NOT NULL CHECK (kind IN ('totp', 'webauthn')),
      name text NOT NULL,
      sealed_secret text,
      credential_id text,
      public_key bytea,
      transports text[] NOT NULL DEFAULT '{}',
      -- TOTP: the last time step used; WebAuthn: the authenticator's signature counter.
      counter bigint NOT NULL DEFAULT 0,
      created_at timestamptz NOT NULL DEFAULT now(),
      confirmed_at timestamptz,
      last_used_at timestamptz,
      CHECK ((kind = 'totp') = (sealed_secret IS NOT NULL)),
      CHECK ((kind = 'webauthn') = (credential_id IS NOT NULL AND public_key IS NOT NULL)),
      PRIMARY KEY (organization_id, id),
      UNIQUE (organization_id, credential_id),
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE
    );
    CREATE INDEX second_factors_user ON second_factors (organization_id, user_id);
    CALL wall_in('second_factors', 'organization_id', :app);

    -- Used by being deleted.
    CREATE TABLE recovery_codes (
      organization_id uuid NOT NULL,
      user_id uuid NOT NULL,
      code_hash bytea NOT NULL,
      PRIMARY KEY (organization_id, user_id, code_hash),
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE
    );
    CALL wall_in('recovery_codes', 'organization_id', :app);

    CREATE TABLE webauthn_challenges (
      organization_id uuid NOT NULL,
      challenge_hash bytea NOT NULL,
      user_id uuid NOT NULL,
      purpose text NOT NULL CHECK (purpose IN ('enrol', 'sign-in')),
      expires_at timestamptz NOT NULL,
      PRIMARY KEY (organization_id, challenge_hash),
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE
    );
    CREATE INDEX webauthn_challenges_over ON webauthn_challenges (organization_id, expires_at);
    CALL wall_in('webauthn_challenges', 'organization_id', :app);

    -- Whose password was right, and whose second factor is awaited.
    CREATE TABLE half_sign_ins (
      organization_id uuid NOT NULL,
      token_hash bytea NOT NULL UNIQUE,
      user_id uuid NOT NULL,
      access_epoch integer NOT NULL,
      return_to text NOT NULL,
      expires_at timestamptz NOT NULL,
      PRIMARY KEY (organization_id, token_hash),
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE
    );
    CREATE INDEX half_sign_ins_over ON half_sign_ins (organization_id, expires_at);
    CALL wall_in('half_sign_ins', 'organization_id', :app);

    -- Attempts are counted before it is known whether the organization they name exists, so these rows have none: they are behind the
    -- wall of the nil tenant, in which nothing else is.
    CREATE TABLE sign_in_throttle (
      organization_id uuid NOT NULL CHECK (organization_id = '00000000-0000-0000-0000-000000000000'),
      key_hash bytea NOT NULL,
      attempts integer NOT NULL,
      last_at timestamptz NOT NULL DEFAULT now(),
      blocked_until timestamptz NOT NULL DEFAULT now(),
      -- Whether the latest attempt was let through.
      admitted boolean NOT NULL DEFAULT true,
      PRIMARY KEY (organization_id, key_hash)
    );
    CREATE INDEX sign_in_throttle_over ON sign_in_throttle (organization_id, last_at);
    CALL wall_in('sign_in_throttle', 'organization_id', :app);

    CREATE FUNCTION locate_password_link(wanted bytea) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id FROM password_links WHERE token_hash = wanted $$;

    CREATE FUNCTION locate_half_sign_in(wanted bytea) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id FROM half_sign_ins WHERE token_hash = wanted $$;
  `),
};
