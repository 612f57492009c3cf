import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** What happened: events that the application may add and read but never change, and the seals that prove it. */
export const audit: Migration = {
  up: statements(`
    CREATE TABLE audit_events (
      organization_id uuid NOT NULL,
      id bigint GENERATED ALWAYS AS IDENTITY,
      at timestamptz NOT NULL DEFAULT clock_timestamp(),
      actor_kind text NOT NULL,
      actor_id text NOT NULL,
      actor_label text NOT NULL,
      action text NOT NULL,
      resource_type text NOT NULL,
      resource_id text NOT NULL,
      outcome text NOT NULL CHECK (outcome IN ('success', 'failure', 'denied')),
      reason text NOT NULL DEFAULT '',
      detail jsonb NOT NULL DEFAULT '{}',
      request_id text,
      address text,
      -- Tells the sealer which events can no longer be preceded by a late commit.
      xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
      PRIMARY KEY (organization_id, id)
    );
    CREATE INDEX audit_events_order ON audit_events (organization_id, xid, id);
    CREATE INDEX audit_events_resource ON audit_events (organization_id, resource_type, resource_id);
    CALL wall_in('audit_events', 'organization_id', :app);
    REVOKE UPDATE, DELETE ON audit_events FROM :app_ident;

    CREATE TABLE audit_seals (
      organization_id uuid NOT NULL,
      position bigint NOT NULL,
      event_id bigint NOT NULL,
      event_xid xid8 NOT NULL,
      hash bytea NOT NULL,
      sealed_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (organization_id, position),
      UNIQUE (organization_id, event_id)
    );
    CALL wall_in('audit_seals', 'organization_id', :app);
    REVOKE UPDATE, DELETE ON audit_seals FROM :app_ident;
  `),
};
