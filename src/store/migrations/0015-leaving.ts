import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** Around the leaving itself: who is suspended, who is to leave when, who may come back, and when nothing of them is kept. */
export const leaving: Migration = {
  up: statements(`
    ALTER TABLE users ADD COLUMN suspended_at timestamptz, ADD COLUMN suspended_reason text,
      ADD COLUMN erased_at timestamptz;
    -- Days after which a leaver's personal data is erased; null: never by itself. And the night of the last look for residual access.
    ALTER TABLE organizations ADD COLUMN erase_after_days integer CHECK (erase_after_days >= 0), ADD COLUMN residual_checked_on date,
      -- Whether a leaver's manager, or the owners, are told by e-mail.
      ADD COLUMN tell_of_leavers boolean NOT NULL DEFAULT false;
    -- When the reason arose: a message came, a date was reached. The case is opened in the transaction that ends the access.
    ALTER TABLE offboarding_cases ADD COLUMN triggered_at timestamptz NOT NULL DEFAULT now(), ADD COLUMN rehired_at timestamptz;
    CREATE INDEX offboarding_cases_opened ON offboarding_cases (organization_id, opened_at);

    -- The provider or endpoint that a step is done at, the organization for its mails: each is worked by itself, so that one that is down
    -- holds up no other.
    ALTER TABLE offboarding_steps ADD COLUMN target_id uuid NOT NULL;
    CREATE INDEX offboarding_steps_target ON offboarding_steps (organization_id, target_id, next_attempt_at)
      WHERE state IN ('waiting', 'retry');

    -- Somebody is to leave at a time that is known beforehand.
    CREATE TABLE planned_departures (
      organization_id uuid NOT NULL,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      user_id uuid NOT NULL,
      due_at timestamptz NOT NULL,
      reason text NOT NULL,
      planned_by text NOT NULL,
      planned_at timestamptz NOT NULL DEFAULT now(),
      state text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'done', 'cancelled', 'overtaken', 'withheld')),
      settled_at timestamptz,
      settled_by text,
      settled_reason text,
      case_id uuid,
      PRIMARY KEY (organization_id, id),
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE
    );
    CREATE UNIQUE INDEX planned_departures_one ON planned_departures (organization_id, user_id) WHERE state = 'planned';
    CREATE INDEX planned_departures_due ON planned_departures (organization_id, due_at) WHERE state = 'planned';
    CALL wall_in('planned_departures', 'organization_id', :app);

    -- Of whoever's personal data is erased: keyed hashes of what they were known by, so that it lets nobody in who only claims it.
    CREATE TABLE tombstones (
      organization_id uuid NOT NULL,
      hash bytea NOT NULL,
      user_id uuid NOT NULL,
      made_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (organization_id, hash, user_id),
      FOREIGN KEY (organization_id, user_id) REFERENCES users ON DELETE CASCADE
    );
    CALL wall_in('tombstones', 'organization_id', :app);

    -- What is said of a person, without it: in a text by regular expressions; in JSON also where a whole value is one of these.
    CREATE FUNCTION erased_text(said text, patterns text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
    DECLARE each text;
    BEGIN
      FOREACH each IN ARRAY patterns LOOP said := regexp_replace(said, each, '[erased]', 'gi'); END LOOP;
      RETURN said;
    END $$;
    CREATE FUNCTION erased_json(said jsonb, patterns text[], whole text[]) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
    DECLARE each text; now_said text := erased_text(said::text, patterns);
    BEGIN
      FOREACH each IN ARRAY whole LOOP now_said := replace(now_said, to_json(each)::text, '"[erased]"'); END LOOP;
      RETURN now_said::jsonb;
    END $$;

    -- An audit event may lose what it says of a person, and nothing else, and not unseen: the hash of what it said remains, and the
    -- event 'audit.redacted' vouches for the batch.
    CREATE TABLE audit_redactions (
      organization_id uuid NOT NULL,
      event_id bigint NOT NULL,
      batch uuid NOT NULL,
      seq bigint GENERATED ALWAYS AS IDENTITY,
      original_hash bytea NOT NULL,
      redacted_hash bytea NOT NULL,
      PRIMARY KEY (organization_id, event_id, batch)
    );
    CREATE INDEX audit_redactions_batch ON audit_redactions (organization_id, batch);
    CALL wall_in('audit_redactions', 'organization_id', :app);
    REVOKE UPDATE, DELETE ON audit_redactions FROM :app_ident;
    CREATE FUNCTION redact_audit_events(wanted bigint[], person text, in_text text[], in_json text[], whole text[]) RETURNS void
      LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        UPDATE audit_events SET actor_label = erased_text(actor_label, in_text), reason = erased_text(reason, in_text),
          detail = erased_json(detail, in_json, whole), address = CASE WHEN actor_id <> person THEN address END
        WHERE organization_id = app_tenant() AND id = ANY(wanted) $$;
  `),
};
