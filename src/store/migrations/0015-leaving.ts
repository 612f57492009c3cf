import type { Migration } from 'kysely/migration';
import { statements } from './statements.ts';

/** Around the leaving itself: who is suspended, who is to leave when, who may come back, and when nothing of them is kept. */
export const leaving: Migration = {
  up: statements(`
    ALTER TABLE users ADD COLUMN suspended_at timestamptz, ADD COLUMN suspended_reason text,
      ADD COLUMN erased_at timestamptz;
    -- Days after which a leaver's personal data is erased; null: never by itself. And the night of the last look for residual access.
    ALTER TABLE organizations ADD COLUMN erase_after_days integer CHECK (erase_after_days >= 0), ADD COLUMN residual_checked_on date;
    -- When the reason arose: a message came, a date was reached. The case is opened in the transaction that ends the access.
    ALTER TABLE offboarding_cases ADD COLUMN triggered_at timestamptz NOT NULL DEFAULT now(), ADD COLUMN rehired_at timestamptz;
    CREATE INDEX offboarding_cases_opened ON offboarding_cases (organization_id, opened_at);

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
  `),
};
