import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** OpenID Connect beyond the login: our own keys at providers, and what ends when a provider signs somebody out. */
export const oidc: Migration = {
  up: statements(`
    -- Keys with which we prove to a provider who we are (private_key_jwt). Several while they rotate.
    CREATE TABLE oidc_client_keys (
      organization_id uuid NOT NULL,
      connection_id uuid NOT NULL,
      kid text NOT NULL,
      public_jwk jsonb NOT NULL,
      sealed_key text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      -- Published before it signs, so that a provider has read it by then.
      signs_from timestamptz NOT NULL,
      -- Published until then; null: no newer one has been made.
      retires_at timestamptz,
      PRIMARY KEY (organization_id, connection_id, kid),
      FOREIGN KEY (organization_id, connection_id) REFERENCES connections ON DELETE CASCADE
    );
    CALL wall_in('oidc_client_keys', 'organization_id', :app);

    -- What the provider knows a session of ours by.
    CREATE TABLE oidc_sessions (
      organization_id uuid NOT NULL,
      session_id uuid NOT NULL,
      connection_id uuid NOT NULL,
      subject text NOT NULL,
      sid text,
      sealed_id_token text,
      end_session_endpoint text,
      PRIMARY KEY (organization_id, session_id),
      FOREIGN KEY (organization_id, session_id) REFERENCES sessions ON DELETE CASCADE,
      FOREIGN KEY (organization_id, connection_id) REFERENCES connections ON DELETE CASCADE
    );
    CREATE INDEX oidc_sessions_subject ON oidc_sessions (organization_id, connection_id, subject);
    CREATE INDEX oidc_sessions_sid ON oidc_sessions (organization_id, connection_id, sid);
    CALL wall_in('oidc_sessions', 'organization_id', :app);
  `),
};
