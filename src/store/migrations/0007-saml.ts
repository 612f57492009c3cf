import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** SAML beyond the login: our own keys, metadata read from an address, single logout, and certificates that come to their end. */
export const saml: Migration = {
  up: statements(`
    -- Keys with which we sign requests, and to which assertions are encrypted. Several while they rotate.
    CREATE TABLE saml_keys (
      organization_id uuid NOT NULL,
      connection_id uuid NOT NULL,
      fingerprint text NOT NULL,
      certificate text NOT NULL,
      sealed_key text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      -- Published before it signs, so that an identity provider has read it by then.
      signs_from timestamptz NOT NULL,
      -- Published, and decrypting, until then; null: no newer one has been made.
      retires_at timestamptz,
      PRIMARY KEY (organization_id, connection_id, fingerprint),
      FOREIGN KEY (organization_id, connection_id) REFERENCES connections ON DELETE CASCADE
    );
    CALL wall_in('saml_keys', 'organization_id', :app);

    -- Where an identity provider publishes its metadata, and how the last reading went.
    CREATE TABLE saml_metadata_sources (
      organization_id uuid NOT NULL,
      connection_id uuid NOT NULL,
      url text NOT NULL,
      asked_at timestamptz NOT NULL DEFAULT now(),
      -- When the last answer was dealt with; before asked_at: somebody is reading just now.
      settled_at timestamptz NOT NULL DEFAULT now(),
      read_at timestamptz,
      next_at timestamptz NOT NULL,
      -- Why the last reading failed; null: it didn't.
      failure text,
      -- A description that names another entity than the one trusted so far; it waits for an administrator.
      waiting jsonb,
      PRIMARY KEY (organization_id, connection_id),
      FOREIGN KEY (organization_id, connection_id) REFERENCES connections ON DELETE CASCADE
    );
    CREATE INDEX saml_metadata_sources_due ON saml_metadata_sources (next_at);
    CALL wall_in('saml_metadata_sources', 'organization_id', :app);

    -- Certificates that a connection trusts, for the alarms before they end.
    CREATE TABLE saml_certificates (
      organization_id uuid NOT NULL,
      connection_id uuid NOT NULL,
      fingerprint text NOT NULL,
      not_after timestamptz NOT NULL,
      -- The last alarm, in days before the end; null: none yet.
      alarmed_days integer,
      PRIMARY KEY (organization_id, connection_id, fingerprint),
      FOREIGN KEY (organization_id, connection_id) REFERENCES connections ON DELETE CASCADE
    );
    CREATE INDEX saml_certificates_ending ON saml_certificates (not_after);
    CALL wall_in('saml_certificates', 'organization_id', :app);

    -- What the identity provider knows a session of ours by.
    CREATE TABLE saml_sessions (
      organization_id uuid NOT NULL,
      session_id uuid NOT NULL,
      connection_id uuid NOT NULL,
      name_id text NOT NULL,
      -- Format and qualifiers, as the identity provider wrote them.
      name_id_attributes jsonb NOT NULL,
      session_index text,
      PRIMARY KEY (organization_id, session_id),
      FOREIGN KEY (organization_id, session_id) REFERENCES sessions ON DELETE CASCADE,
      FOREIGN KEY (organization_id, connection_id) REFERENCES connections ON DELETE CASCADE
    );
    CREATE INDEX saml_sessions_subject ON saml_sessions (organization_id, connection_id, name_id);
    CALL wall_in('saml_sessions', 'organization_id', :app);

    CREATE FUNCTION locate_due_saml_metadata() RETURNS TABLE (organization_id uuid, connection_id uuid)
      LANGUAGE sql STABLE SECURITY DEFINER SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id, connection_id FROM saml_metadata_sources WHERE next_at <= now() ORDER BY next_at LIMIT 500 $$;

    -- Organizations with a certificate for which an alarm is due, at 90, 30 and 7 days before its end, and at its end.
    CREATE FUNCTION locate_ending_saml_certificates() RETURNS SETOF uuid
      LANGUAGE sql STABLE SECURITY DEFINER SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT DISTINCT organization_id FROM saml_certificates
        WHERE not_after <= now() + interval '90 days' AND coalesce(alarmed_days, 91) > CASE
          WHEN not_after <= now() THEN 0 WHEN not_after <= now() + interval '7 days' THEN 7
          WHEN not_after <= now() + interval '30 days' THEN 30 ELSE 90 END $$;
  `),
};
