import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** What lets somebody act: login attempts under way, sessions, tokens, keys; and how all of it ends. */
export const credentials: Migration = {
  up: statements(`
    -- A sign-in under way: the SAML request id or the OIDC state, consumed once by DELETE ... RETURNING.
    CREATE TABLE sign_in_attempts (
      organization_id uuid NOT NULL,
      connection_id uuid NOT NULL,
      id text NOT NULL,
      browser_hash bytea NOT NULL,
      nonce text,
      code_verifier text,
      return_to text NOT NULL,
      expires_at timestamptz NOT NULL,
      PRIMARY KEY (organization_id, connection_id, id),
      FOREIGN KEY (organization_id, connection_id) REFERENCES connections ON DELETE CASCADE
    );
    CALL wall_in('sign_in_attempts', 'organization_id', :app);

    CREATE TABLE seen_assertions (
      organization_id uuid NOT NULL,
      connection_id uuid NOT NULL,
      assertion_id text NOT NULL,
      expires_at timestamptz NOT NULL,
      PRIMARY KEY (organization_id, connection_id, assertion_id),
      FOREIGN KEY (organization_id, connection_id) REFERENCES connections ON DELETE CASCADE
    );
    CALL wall_in('seen_assertions', 'organization_id', :app);

    CREATE TABLE sessions (
      organization_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      token_hash bytea NOT NULL UNIQUE,
      user_id uuid NOT NULL,
      access_epoch integer NOT NULL,
      connection_id uuid,
      authenticated_by text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      last_seen_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      ended_at timestamptz,
      ended_reason text,
      PRIMARY KEY (organization_id, id),
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE
    );
    CREATE INDEX sessions_user ON sessions (organization_id, user_id) WHERE ended_at IS NULL;
    CALL wall_in('sessions', 'organization_id', :app);

    -- What we issued to the platform on behalf of a signed-in person.
    CREATE TABLE grants (
      organization_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      token_hash bytea NOT NULL UNIQUE,
      user_id uuid NOT NULL,
      access_epoch integer NOT NULL,
      session_id uuid,
      client text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      revoked_at timestamptz,
      PRIMARY KEY (organization_id, id),
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE
    );
    CREATE INDEX grants_user ON grants (organization_id, user_id) WHERE revoked_at IS NULL;
    CALL wall_in('grants', 'organization_id', :app);

    CREATE TABLE api_keys (
      organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      kind text NOT NULL CHECK (kind IN ('personal', 'project', 'service', 'workspace')),
      name text NOT NULL,
      key_hash bytea NOT NULL UNIQUE,
      -- What may be shown to tell keys apart.
      display text NOT NULL,
      environment text NOT NULL,
      -- Who made it; null for keys that an operator made for a machine.
      creator_id uuid,
      access_epoch integer,
      responsible_id uuid,
      workspace_id uuid,
      product_id uuid,
      scopes text[] NOT NULL DEFAULT '{}',
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz,
      -- The key that this one takes the place of; both count until that one expires.
      replaces_id uuid,
      last_used_at timestamptz,
      last_used_from text,
      flagged_reason text,
      revoked_at timestamptz,
      revoked_by text,
      revoked_reason text,
      CHECK (kind <> 'personal' OR creator_id IS NOT NULL),
      PRIMARY KEY (organization_id, id),
      FOREIGN KEY (organization_id, creator_id) REFERENCES users,
      FOREIGN KEY (organization_id, responsible_id) REFERENCES users,
      FOREIGN KEY (organization_id, replaces_id) REFERENCES api_keys,
      FOREIGN KEY (organization_id, workspace_id) REFERENCES workspaces ON DELETE CASCADE,
      FOREIGN KEY (organization_id, product_id) REFERENCES products ON DELETE CASCADE
    );
    CREATE UNIQUE INDEX api_keys_replaced_once ON api_keys (organization_id, replaces_id) WHERE revoked_at IS NULL;
    CREATE INDEX api_keys_creator ON api_keys (organization_id, creator_id) WHERE revoked_at IS NULL;
    CALL wall_in('api_keys', 'organization_id', :app);

    -- A provider elsewhere: what people have there, tokens that we keep or an account, is ended when they leave.
    CREATE TABLE oauth_providers (
      organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
      revoker text NOT NULL,
      config jsonb NOT NULL,
      sealed_secrets text,
      -- How kept refresh tokens are used there.
      refresh jsonb,
      -- What its revoker ends, as its settings are: single tokens, or whatever a person has there.
      ends_tokens boolean NOT NULL DEFAULT true,
      ends_people boolean NOT NULL DEFAULT false,
      PRIMARY KEY (organization_id, id),
      UNIQUE (organization_id, slug)
    );
    CALL wall_in('oauth_providers', 'organization_id', :app);
    CREATE TABLE oauth_tokens (
      organization_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      provider_id uuid NOT NULL,
      user_id uuid NOT NULL,
      token_kind text NOT NULL CHECK (token_kind IN ('access_token', 'refresh_token')),
      -- Null once the provider has ended it.
      sealed_token text,
      created_at timestamptz NOT NULL DEFAULT now(),
      -- Nobody may use it from then on; whether the provider has ended it is told by the offboarding step.
      locked_at timestamptz,
      ended_at timestamptz,
      expires_at timestamptz,
      -- Of an access token: the refresh token that it was got with. Of that one: until when somebody is at it.
      refreshed_from uuid,
      refreshing_until timestamptz,
      PRIMARY KEY (organization_id, id),
      FOREIGN KEY (organization_id, provider_id) REFERENCES oauth_providers,
      FOREIGN KEY (organization_id, user_id) REFERENCES users
    );
    CREATE INDEX oauth_tokens_refreshed ON oauth_tokens (organization_id, refreshed_from) WHERE refreshed_from IS NOT NULL;
    CREATE INDEX oauth_tokens_user ON oauth_tokens (organization_id, user_id);
    CALL wall_in('oauth_tokens', 'organization_id', :app);

    CREATE TABLE webhook_endpoints (
      organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
      url text NOT NULL,
      sealed_secret text NOT NULL,
      -- While a secret takes another's place, messages are signed by both.
      sealed_previous_secret text,
      previous_until timestamptz,
      events text[] NOT NULL DEFAULT '{user.deprovisioned}',
      enabled boolean NOT NULL DEFAULT true,
      enabled_since timestamptz NOT NULL DEFAULT now(),
      disabled_reason text,
      PRIMARY KEY (organization_id, id),
      UNIQUE (organization_id, slug)
    );
    CALL wall_in('webhook_endpoints', 'organization_id', :app);

    CREATE TABLE offboarding_cases (
      organization_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      user_id uuid NOT NULL,
      trigger text NOT NULL,
      reason text NOT NULL,
      run_id uuid,
      -- Each access that existed, and how it ended, by kind.
      ended jsonb NOT NULL DEFAULT '{}',
      opened_at timestamptz NOT NULL DEFAULT now(),
      closed_at timestamptz,
      PRIMARY KEY (organization_id, id),
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE
    );
    CREATE INDEX offboarding_cases_user ON offboarding_cases (organization_id, user_id);
    CALL wall_in('offboarding_cases', 'organization_id', :app);
    CREATE TABLE offboarding_steps (
      organization_id uuid NOT NULL,
      case_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      kind text NOT NULL CHECK (kind IN ('oauth.revoke', 'account.end', 'webhook', 'mail')),
      -- What is to end: one token, or a person's account at a provider; or who is told.
      oauth_token_id uuid,
      oauth_provider_id uuid,
      webhook_endpoint_id uuid,
      state text NOT NULL DEFAULT 'waiting' CHECK (state IN
        ('waiting', 'retry', 'revoked', 'already_gone', 'delivered', 'unsupported', 'needs_human')),
      attempts integer NOT NULL DEFAULT 0,
      next_attempt_at timestamptz NOT NULL DEFAULT now(),
      proof jsonb,
      last_error text,
      finished_at timestamptz,
      PRIMARY KEY (organization_id, case_id, id),
      FOREIGN KEY (organization_id, case_id) REFERENCES offboarding_cases ON DELETE CASCADE
    );
    CREATE INDEX offboarding_steps_due ON offboarding_steps (organization_id, next_attempt_at)
      WHERE state IN ('waiting', 'retry');
    CALL wall_in('offboarding_steps', 'organization_id', :app);
  `),
};
