import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** How long events are kept, and what remains as proof of those that were let go. */
export const auditTrail: Migration = {
  up: statements(`
    CREATE TABLE audit_retention (
      organization_id uuid PRIMARY KEY,
      months integer NOT NULL CHECK (months >= 6)
    );
    CALL wall_in('audit_retention', 'organization_id', :app);
    CREATE POLICY keeps ON audit_retention FOR SELECT TO CURRENT_USER USING ((SELECT app_role()) = 'keeper');

    -- The last seal of what was let go: the chain goes on from there.
    CREATE TABLE audit_horizons (
      organization_id uuid PRIMARY KEY,
      before timestamptz NOT NULL,
      position bigint NOT NULL,
      event_id bigint NOT NULL,
      event_xid xid8 NOT NULL,
      hash bytea NOT NULL
    );
    CALL wall_in('audit_horizons', 'organization_id', :app);
    REVOKE INSERT, UPDATE, DELETE ON audit_horizons FROM :app_ident;
    CREATE POLICY keeps ON audit_horizons TO CURRENT_USER USING ((SELECT app_role()) = 'keeper') WITH CHECK ((SELECT app_role()) = 'keeper');

    -- Moves one organization's horizon to what its retention says, where a sealed event is before it; tells it in the audit.
    CREATE FUNCTION move_audit_horizon(tenant uuid, cut timestamptz) RETURNS void LANGUAGE plpgsql
      SET search_path = public, pg_temp AS $$
    DECLARE
      known bigint := coalesce((SELECT h.position FROM audit_horizons h WHERE h.organization_id = tenant), 0);
      -- Never the last seal: the next one needs it.
      target bigint := coalesce((SELECT min(s.position) FROM audit_seals s WHERE s.organization_id = tenant AND s.event_at >= cut),
        (SELECT max(s.position) FROM audit_seals s WHERE s.organization_id = tenant)) - 1;
      last record;
    BEGIN
      IF target IS NULL OR target <= known THEN RETURN; END IF;
      SELECT * INTO STRICT last FROM audit_seals s WHERE s.organization_id = tenant AND s.position = target;
      INSERT INTO audit_horizons VALUES (tenant, cut, target, last.event_id, last.event_xid, last.hash)
        ON CONFLICT (organization_id) DO UPDATE SET before = excluded.before, position = excluded.position,
          event_id = excluded.event_id, event_xid = excluded.event_xid, hash = excluded.hash;
      INSERT INTO audit_events (organization_id, actor_kind, actor_id, actor_label, action, resource_type, resource_id, outcome, detail)
        VALUES (tenant, 'system', 'audit-retention', 'audit retention', 'audit.expired', 'organization', tenant::text, 'success',
          jsonb_build_object('before', cut, 'position', target, 'hash', encode(last.hash, 'hex')));
    END $$;

    -- Lets go of what every organization's retention, or else the installation's, no longer asks for; null keeps for ever. Whoever
    -- holds the application's role can hasten nothing by it: six months is the least, whatever is said.
    CREATE FUNCTION expire_audit_events(fallback_months integer) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
      SET app.role = 'keeper' SET search_path = public, pg_temp AS $$
    DECLARE
      this_month timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
      kept record;
    BEGIN
      IF NOT pg_try_advisory_xact_lock(hashtextextended('audit months', 0)) THEN RETURN; END IF;
      FOR kept IN
        SELECT o.id, greatest(coalesce(r.months, fallback_months), 6) AS months
        FROM (SELECT id FROM organizations UNION ALL SELECT '00000000-0000-0000-0000-000000000000') o
        LEFT JOIN audit_retention r ON r.organization_id = o.id WHERE coalesce(r.months, fallback_months) IS NOT NULL
      LOOP
        PERFORM move_audit_horizon(kept.id, (this_month - make_interval(months => kept.months)) AT TIME ZONE 'UTC');
      END LOOP;
    END $$;

    -- Drops the first month that every organization has let go of; writers wait no longer than for that. What no horizon covers yet,
    -- a handful at its end, is put aside.
    CREATE FUNCTION drop_audit_month() RETURNS date LANGUAGE plpgsql SECURITY DEFINER
      SET app.role = 'keeper' SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
    DECLARE
      month date;
      suffix text;
      needed boolean;
    BEGIN
      IF NOT pg_try_advisory_xact_lock(hashtextextended('audit months', 0)) THEN RETURN NULL; END IF;
      FOR month IN
        SELECT to_date(right(c.relname, 7), 'YYYY_MM') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'audit_events'::regclass AND c.relname ~ '_\\d{4}_\\d{2}$'
          AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '7 months' <= now() AT TIME ZONE 'UTC' ORDER BY 1
      LOOP
        suffix := to_char(month, '_YYYY_MM');
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM (SELECT DISTINCT organization_id FROM audit_months.%I) e
          LEFT JOIN audit_horizons h USING (organization_id) WHERE coalesce(h.before < %L, true))',
          'audit_events' || suffix, (month + interval '1 month')::date || ' 00:00:00+00') INTO needed;
        CONTINUE WHEN needed;
        EXECUTE format('ALTER TABLE audit_events DETACH PARTITION audit_months.%I', 'audit_events' || suffix);
        EXECUTE format('ALTER TABLE audit_seals DETACH PARTITION audit_months.%I', 'audit_seals' || suffix);
        PERFORM move_audit_rows(format('audit_months.%I', 'audit_events' || suffix)::regclass, 'audit_months.audit_events_other',
          '(t.xid, t.id) > (SELECT h.event_xid, h.event_id FROM audit_horizons h WHERE h.organization_id = t.organization_id)');
        PERFORM move_audit_rows(format('audit_months.%I', 'audit_seals' || suffix)::regclass, 'audit_months.audit_seals_other',
          't.position > (SELECT h.position FROM audit_horizons h WHERE h.organization_id = t.organization_id)');
        EXECUTE format('DROP TABLE audit_months.%I, audit_months.%I', 'audit_events' || suffix, 'audit_seals' || suffix);
        RETURN month;
      END LOOP;
      RETURN NULL;
    END $$;

    -- Removes what was let go from months that others still keep.
    CREATE FUNCTION sweep_audit_events() RETURNS void LANGUAGE sql SECURITY DEFINER
      SET app.role = 'keeper' SET search_path = public, pg_temp AS $$
      DELETE FROM audit_events e USING audit_horizons h
        WHERE e.organization_id = h.organization_id AND (e.xid, e.id) <= (h.event_xid, h.event_id);
      DELETE FROM audit_seals s USING audit_horizons h WHERE s.organization_id = h.organization_id AND s.position <= h.position $$;

    REVOKE EXECUTE ON FUNCTION move_audit_horizon FROM PUBLIC;

    -- Where events are sent as they happen. Those of the installation carry every organization's.
    CREATE TABLE audit_streams (
      organization_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
      kind text NOT NULL CHECK (kind IN ('webhook', 'syslog')),
      format text NOT NULL CHECK (format IN ('drawbridge', 'ocsf')),
      config jsonb NOT NULL,
      sealed_secret text,
      enabled boolean NOT NULL DEFAULT true,
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (organization_id, id),
      UNIQUE (organization_id, slug)
    );
    CALL wall_in('audit_streams', 'organization_id', :app);

    -- How far a stream has come in one organization's chain; that organization's, whosever the stream is.
    CREATE TABLE audit_stream_cursors (
      organization_id uuid NOT NULL,
      stream_id uuid NOT NULL,
      position bigint NOT NULL,
      attempts integer NOT NULL DEFAULT 0,
      -- Also how long the worker that is at it has the cursor to itself.
      next_attempt_at timestamptz NOT NULL DEFAULT now(),
      delivered_at timestamptz,
      failing_since timestamptz,
      last_error text,
      PRIMARY KEY (organization_id, stream_id)
    );
    CALL wall_in('audit_stream_cursors', 'organization_id', :app);

    CREATE FUNCTION locate_audit_streams() RETURNS TABLE (organization_id uuid, id uuid) LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp
      AS $$ SELECT organization_id, id FROM audit_streams WHERE enabled $$;

    -- Ids under which the platform has told of events, so that telling again adds nothing; and how many within this minute.
    CREATE TABLE audit_ingested (
      organization_id uuid NOT NULL,
      external_id text NOT NULL,
      at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (organization_id, external_id)
    );
    CREATE INDEX audit_ingested_at ON audit_ingested (organization_id, at);
    CALL wall_in('audit_ingested', 'organization_id', :app);
    CREATE TABLE audit_ingest_windows (
      organization_id uuid PRIMARY KEY,
      began_at timestamptz NOT NULL DEFAULT now(),
      events integer NOT NULL
    );
    CALL wall_in('audit_ingest_windows', 'organization_id', :app);

    -- Organizations with events that wait to be sealed, and since when the first does. Two months back is far enough: a delay of
    -- minutes is alarmed.
    CREATE FUNCTION locate_unsealed() RETURNS TABLE (organization_id uuid, since timestamptz) LANGUAGE sql STABLE SECURITY DEFINER
      SET app.role = 'locator' SET search_path = public, pg_temp AS $$
      SELECT o.id, e.at FROM (SELECT id FROM organizations UNION ALL SELECT '00000000-0000-0000-0000-000000000000') o
      LEFT JOIN LATERAL (SELECT s.event_xid, s.event_id FROM audit_seals s
        WHERE s.organization_id = o.id AND s.event_at > now() - interval '62 days' ORDER BY s.position DESC LIMIT 1) h ON true
      CROSS JOIN LATERAL (SELECT e.at FROM audit_events e WHERE e.organization_id = o.id AND e.at > now() - interval '62 days'
        AND (e.xid, e.id) > (coalesce(h.event_xid, '0'), coalesce(h.event_id, 0)) ORDER BY e.xid, e.id LIMIT 1) e $$;

    -- What the metrics tell of the whole installation: numbers, and of no tenant which.
    CREATE FUNCTION installation_figures() RETURNS TABLE (figure text, label text, value double precision) LANGUAGE sql STABLE
      SECURITY DEFINER SET app.role = 'locator' SET search_path = public, pg_temp AS $$
      SELECT 'sync_runs', status, count(*) FROM sync_runs GROUP BY status
      UNION ALL SELECT 'offboarding_steps', state, count(*) FROM offboarding_steps GROUP BY state
      UNION ALL SELECT 'offboarding_cases_open', '', count(*) FROM offboarding_cases WHERE closed_at IS NULL
      UNION ALL SELECT 'directories_quarantined', '', count(*) FROM directories WHERE quarantined_until > now()
      UNION ALL SELECT 'certificates_ending', days::text, (SELECT count(*) FROM saml_certificates
        WHERE not_after <= now() + make_interval(days => days)) FROM unnest(ARRAY[0, 7, 30, 90]) days
      UNION ALL SELECT 'certificate_days_left', '', extract(epoch FROM min(not_after) - now()) / 86400 FROM saml_certificates
        WHERE not_after > now() HAVING count(*) > 0
      UNION ALL SELECT 'audit_streams_failing', '', count(*) FROM audit_stream_cursors WHERE failing_since IS NOT NULL
      UNION ALL SELECT 'audit_seal_lag_seconds', '', coalesce(max(extract(epoch FROM now() - u.since)), 0) FROM locate_unsealed() u $$;
  `),
};
