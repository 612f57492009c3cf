import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** What is told to others (webhooks, shared signals) until they have taken it; and whose signals are listened to. */
export const signals: Migration = {
  up: statements(`
    -- Receivers of security event tokens.
    CREATE TABLE ssf_streams (
      organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      description text,
      method text NOT NULL CHECK (method IN ('push', 'poll')),
      endpoint_url text CHECK ((endpoint_url IS NOT NULL) = (method = 'push')),
      sealed_authorization text,
      -- Null: all that there are.
      events_requested text[],
      subject_format text NOT NULL CHECK (subject_format IN ('iss_sub', 'email', 'opaque')),
      -- Of whom it tells where nothing else is said of them in ssf_stream_subjects: everybody, or nobody.
      default_subjects text NOT NULL DEFAULT 'ALL' CHECK (default_subjects IN ('ALL', 'NONE')),
      -- The API key of the receiver that made it; null: an administrator did, for whichever receiver has a key.
      receiver_key uuid,
      status text NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'paused', 'disabled')),
      status_reason text,
      enabled_since timestamptz NOT NULL DEFAULT now(),
      verification_at timestamptz,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (organization_id, id)
    );
    CALL wall_in('ssf_streams', 'organization_id', :app);

    CREATE TABLE ssf_stream_subjects (
      organization_id uuid NOT NULL,
      stream_id uuid NOT NULL,
      user_id uuid NOT NULL,
      wanted boolean NOT NULL,
      PRIMARY KEY (organization_id, stream_id, user_id),
      FOREIGN KEY (organization_id, stream_id) REFERENCES ssf_streams ON DELETE CASCADE,
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE
    );
    CALL wall_in('ssf_stream_subjects', 'organization_id', :app);

    -- One row a message and receiver. What it says is read from the audit event when it is sent; only what tells no event says it itself.
    CREATE TABLE signal_deliveries (
      organization_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      seq bigint GENERATED ALWAYS AS IDENTITY,
      webhook_endpoint_id uuid,
      ssf_stream_id uuid,
      target_id uuid NOT NULL GENERATED ALWAYS AS (coalesce(webhook_endpoint_id, ssf_stream_id)) STORED,
      type text NOT NULL,
      -- Of messages about the same, a later one waits until the one before has been taken or given up.
      subject text NOT NULL,
      event_id bigint,
      event_at timestamptz,
      position bigint,
      body jsonb,
      state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'retry', 'delivered', 'failed')),
      attempts integer NOT NULL DEFAULT 0,
      -- Also how long the worker that is at it has it to itself.
      next_attempt_at timestamptz NOT NULL DEFAULT now(),
      last_attempt_at timestamptz,
      -- What the receiver's HTTP server answered; null: nothing, or it came for the message itself.
      last_status integer,
      last_error text,
      created_at timestamptz NOT NULL DEFAULT now(),
      finished_at timestamptz,
      PRIMARY KEY (organization_id, id),
      CHECK (num_nonnulls(webhook_endpoint_id, ssf_stream_id) = 1),
      CHECK (num_nonnulls(event_id, body) = 1),
      FOREIGN KEY (organization_id, webhook_endpoint_id) REFERENCES webhook_endpoints ON DELETE CASCADE,
      FOREIGN KEY (organization_id, ssf_stream_id) REFERENCES ssf_streams ON DELETE CASCADE
    );
    CREATE INDEX signal_deliveries_target ON signal_deliveries (organization_id, target_id, seq);
    CREATE INDEX signal_deliveries_open ON signal_deliveries (organization_id, target_id, subject, seq) WHERE state IN ('waiting', 'retry');
    CREATE INDEX signal_deliveries_due ON signal_deliveries (organization_id, next_attempt_at) WHERE state IN ('waiting', 'retry');
    CREATE INDEX signal_deliveries_created ON signal_deliveries (organization_id, created_at);
    CALL wall_in('signal_deliveries', 'organization_id', :app);

    -- Organizations that have somebody to tell, and either events that nobody has looked through for it yet or a message that can go out:
    -- to whom it is to be sent, and with none before it about the same that waits for its next try.
    CREATE FUNCTION locate_due_signals() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp AS $$
      SELECT o.id FROM (
        SELECT organization_id AS id FROM webhook_endpoints WHERE enabled AND events <> '{user.deprovisioned}'
        UNION SELECT organization_id FROM ssf_streams WHERE status = 'enabled'
      ) o
      LEFT JOIN LATERAL (SELECT s.position, s.event_xid, s.event_id FROM audit_seals s
        WHERE s.organization_id = o.id AND s.event_at > now() - interval '62 days' ORDER BY s.position DESC LIMIT 1) h ON true
      WHERE h.position > coalesce((SELECT c.position FROM audit_stream_cursors c
          WHERE c.organization_id = o.id AND c.stream_id = '00000000-0000-0000-0000-000000000001'), 0)
        OR EXISTS (SELECT 1 FROM audit_events e WHERE e.organization_id = o.id AND e.at > now() - interval '62 days'
          AND (e.xid, e.id) > (coalesce(h.event_xid, '0'), coalesce(h.event_id, 0)))
      UNION
      SELECT d.organization_id FROM signal_deliveries d
      LEFT JOIN webhook_endpoints w ON w.organization_id = d.organization_id AND w.id = d.webhook_endpoint_id
      LEFT JOIN ssf_streams t ON t.organization_id = d.organization_id AND t.id = d.ssf_stream_id
      WHERE d.state IN ('waiting', 'retry') AND d.next_attempt_at <= now()
        AND (w.enabled OR (t.method = 'push' AND (t.status = 'enabled' OR d.type = 'https://schemas.openid.net/secevent/ssf/event-type/stream-updated')))
        AND NOT EXISTS (SELECT 1 FROM signal_deliveries b WHERE b.organization_id = d.organization_id AND b.target_id = d.target_id
          AND b.subject = d.subject AND b.seq < d.seq AND b.state IN ('waiting', 'retry') AND b.next_attempt_at > now()) $$;

    -- Transmitters of others whose security event tokens count here.
    CREATE TABLE ssf_receivers (
      organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
      -- By whose identities, and for whose domains, it may speak; null: for every verified domain's addresses.
      connection_id uuid,
      issuer text NOT NULL,
      jwks_uri text NOT NULL,
      audience text NOT NULL,
      on_disabled text NOT NULL CHECK (on_disabled IN ('suspend', 'deprovision')),
      push_token_hash bytea,
      poll_url text,
      sealed_poll_token text,
      enabled boolean NOT NULL DEFAULT true,
      next_poll_at timestamptz NOT NULL DEFAULT now(),
      last_event_at timestamptz,
      last_error text,
      PRIMARY KEY (organization_id, id),
      UNIQUE (organization_id, slug),
      FOREIGN KEY (organization_id, connection_id) REFERENCES connections ON DELETE CASCADE
    );
    CREATE INDEX ssf_receivers_by_id ON ssf_receivers (id);
    CALL wall_in('ssf_receivers', 'organization_id', :app);

    -- Tokens that have been carried out, for as long as one is taken.
    CREATE TABLE ssf_seen (
      organization_id uuid NOT NULL,
      receiver_id uuid NOT NULL,
      jti_hash bytea NOT NULL,
      expires_at timestamptz NOT NULL,
      PRIMARY KEY (organization_id, receiver_id, jti_hash),
      FOREIGN KEY (organization_id, receiver_id) REFERENCES ssf_receivers ON DELETE CASCADE
    );
    CREATE INDEX ssf_seen_expired ON ssf_seen (organization_id, expires_at);
    CALL wall_in('ssf_seen', 'organization_id', :app);

    CREATE FUNCTION locate_ssf_receiver(wanted uuid) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id FROM ssf_receivers WHERE id = wanted $$;
    CREATE FUNCTION locate_due_ssf_receivers() RETURNS TABLE (organization_id uuid, id uuid) LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id, id FROM ssf_receivers WHERE enabled AND poll_url IS NOT NULL AND next_poll_at <= now() LIMIT 500 $$;
  `),
};
