import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/**
 * What happened: events that the application may add and read but never change, and the seals that prove it. Both lie in a partition a
 * month, in a schema where only the owner goes.
 */
export const audit: Migration = {
  up: statements(`
    CREATE SEQUENCE audit_events_id AS bigint;
    GRANT USAGE ON SEQUENCE audit_events_id TO :app_ident;

    CREATE TABLE audit_events (
      organization_id uuid NOT NULL,
      id bigint NOT NULL DEFAULT nextval('audit_events_id'),
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
      -- Whom it is about. A column, for behind row-level security only a plain comparison may look into an index.
      user_id text GENERATED ALWAYS AS (CASE WHEN resource_type = 'user' THEN resource_id ELSE detail ->> 'user' END) STORED,
      PRIMARY KEY (organization_id, id, at)
    ) PARTITION BY RANGE (at);
    -- Each costs every writer; only that of people is out of the events' own order, so that many at once cost little.
    CREATE INDEX audit_events_order ON audit_events (organization_id, xid, id);
    CREATE INDEX audit_events_resource ON audit_events (organization_id, resource_type, id);
    CREATE INDEX audit_events_action ON audit_events (organization_id, action text_pattern_ops, id);
    CREATE INDEX audit_events_actor ON audit_events (organization_id, actor_id, id);
    CREATE INDEX audit_events_label ON audit_events (organization_id, actor_label, id);
    CREATE INDEX audit_events_user ON audit_events (organization_id, user_id, id) WHERE user_id IS NOT NULL;
    CREATE INDEX audit_events_request ON audit_events (organization_id, request_id, id) WHERE request_id IS NOT NULL;
    CREATE INDEX audit_events_outcome ON audit_events (organization_id, outcome, id) WHERE outcome <> 'success';
    CALL wall_in('audit_events', 'organization_id', :app);
    REVOKE INSERT, UPDATE, DELETE ON audit_events FROM :app_ident;
    -- Neither number nor time nor transaction of an event is the application's to choose.
    GRANT INSERT (organization_id, actor_kind, actor_id, actor_label, action, resource_type, resource_id, outcome, reason, detail,
      request_id, address) ON audit_events TO :app_ident;

    CREATE TABLE audit_seals (
      organization_id uuid NOT NULL,
      position bigint NOT NULL,
      event_id bigint NOT NULL,
      event_xid xid8 NOT NULL,
      event_at timestamptz NOT NULL,
      hash bytea NOT NULL,
      sealed_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (organization_id, position, event_at)
    ) PARTITION BY RANGE (event_at);
    CALL wall_in('audit_seals', 'organization_id', :app);
    REVOKE UPDATE, DELETE ON audit_seals FROM :app_ident;

    -- What the schema's own keeper of months may, and nobody but the owner can take its part.
    CREATE POLICY keeps ON audit_events TO CURRENT_USER USING ((SELECT app_role()) = 'keeper') WITH CHECK ((SELECT app_role()) = 'keeper');
    CREATE POLICY keeps ON audit_seals TO CURRENT_USER USING ((SELECT app_role()) = 'keeper') WITH CHECK ((SELECT app_role()) = 'keeper');
    CREATE POLICY keeps ON organizations FOR SELECT TO CURRENT_USER USING ((SELECT app_role()) = 'keeper');

    -- Months, and one partition for whatever no month is there for: a writer must never fail for want of one.
    CREATE SCHEMA audit_months;
    CREATE TABLE audit_months.audit_events_other PARTITION OF audit_events DEFAULT;
    CREATE TABLE audit_months.audit_seals_other PARTITION OF audit_seals DEFAULT;

    CREATE FUNCTION move_audit_rows(source regclass, target regclass, condition text) RETURNS void LANGUAGE plpgsql
      SET search_path = public, pg_temp AS $$
    DECLARE
      columns text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = source AND attnum > 0 AND NOT attisdropped AND attgenerated = '');
    BEGIN
      EXECUTE format('INSERT INTO %s (%s) SELECT %s FROM %s t WHERE %s', target, columns, columns, source, condition);
      EXECUTE format('DELETE FROM %s t WHERE %s', source, condition);
    END $$;

    CREATE FUNCTION make_audit_month(base text, key text, month date) RETURNS void LANGUAGE plpgsql
      SET search_path = public, pg_temp AS $$
    DECLARE
      name text := base || to_char(month, '_YYYY_MM');
      starts text := month || ' 00:00:00+00';
      ends text := (month + interval '1 month')::date || ' 00:00:00+00';
    BEGIN
      IF to_regclass('audit_months.' || name) IS NOT NULL THEN RETURN; END IF;
      -- Attached, not created in place: writers into other months go on meanwhile.
      EXECUTE format('CREATE TABLE audit_months.%I (LIKE %I INCLUDING ALL)', name, base);
      PERFORM move_audit_rows(format('audit_months.%I', base || '_other')::regclass, format('audit_months.%I', name)::regclass,
        format('t.%I >= %L AND t.%I < %L', key, starts, key, ends));
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION audit_months.%I FOR VALUES FROM (%L) TO (%L)', base, name, starts, ends);
    END $$;

    CREATE FUNCTION prepare_audit_months() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
      SET search_path = public, pg_temp SET lock_timeout = '3s' AS $$
    DECLARE
      this_month date := date_trunc('month', now() AT TIME ZONE 'UTC');
    BEGIN
      IF NOT pg_try_advisory_xact_lock(hashtextextended('audit months', 0)) THEN RETURN; END IF;
      FOR ahead IN 0..2 LOOP
        PERFORM make_audit_month('audit_events', 'at', (this_month + make_interval(months => ahead))::date);
        PERFORM make_audit_month('audit_seals', 'event_at', (this_month + make_interval(months => ahead))::date);
      END LOOP;
    END $$;

    REVOKE EXECUTE ON FUNCTION move_audit_rows, make_audit_month FROM PUBLIC;
    SELECT prepare_audit_months();
  `),
};
