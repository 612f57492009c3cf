/**
 * What somebody who has left still seems to hold. By rights nothing: what an offboarding ends, it ends in one transaction, and a
 * leaver's credentials count for nothing whatever their rows say. So each finding is a mistake, of a program or of whoever wrote to the
 * database by hand.
 */
import { type RawBuilder, sql } from 'kysely';
import { leavingPolicy } from '../access/leaving.ts';
import type { Models } from '../access/model-file.ts';
import { organizationModel } from '../access/organization-model.ts';
import { recordSelected } from '../audit/record.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/database.ts';
import { locateOrganizations } from '../store/locate.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';

export interface ResidualAccess {
  readonly kind: 'session' | 'grant' | 'app_access' | 'api_key' | 'oauth_token' | 'membership';
  readonly id: string;
  /** Whose it is, or, of a key that goes on, who answers for it. */
  readonly userId: string;
  readonly email: string;
  readonly since: Date | null;
  readonly finding: string;
}

interface SweepDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly models: Models;
  readonly log: Log;
}

const SWEEP: Origin = { actor: { kind: 'system', id: 'residual-access', label: 'residual access' } };
/** In the night of the organization's own time zone. */
const HOUR = 3;
const SHOWN = 1000;

/** Everything that people hold who have left, a thousand at most. */
export async function residualAccess(models: Models, tx: TenantTransaction): Promise<ResidualAccess[]> {
  const { rows } = await sql<ResidualAccess>`${await findings(models, tx)} LIMIT ${SHOWN}`.execute(tx.db);
  return rows;
}

/** Looks once a night at each organization; what is found is audited, and told in the log as an error. */
export async function sweepResidualAccess(deps: SweepDependencies): Promise<void> {
  for (const organizationId of await locateOrganizations(deps.store.db)) {
    try {
      await inTenant(deps.store.db, organizationId, SWEEP, async (tx) => {
        if (await isTonightsFirst(tx)) await tellResidualAccess(deps, tx);
      });
    } catch (error) {
      deps.log.error({ error, organizationId }, 'residual access could not be looked for');
    }
  }
}

/** Looks now. @returns how much was found */
export async function tellResidualAccess({ models, log }: Omit<SweepDependencies, 'store'>, tx: TenantTransaction) {
  const found = await residualAccess(models, tx);
  if (found.length === 0) return 0;
  await recordSelected(
    tx,
    sql`SELECT 'residual_access.found', f.kind, f.id, f.finding, jsonb_build_object('user', f."userId")
      FROM jsonb_to_recordset(${JSON.stringify(found)}::jsonb) AS f(kind text, id text, finding text, "userId" uuid)`,
  );
  log.error({ organizationId: tx.organizationId, found: found.length }, 'people who have left still hold access');
  return found.length;
}

/** Of all instances, the first that asks in a night is the one. */
async function isTonightsFirst({ db }: TenantTransaction): Promise<boolean> {
  const { rows } = await sql`
    UPDATE organizations SET residual_checked_on = (now() AT TIME ZONE time_zone)::date
    WHERE extract(hour FROM now() AT TIME ZONE time_zone) = ${HOUR}
      AND residual_checked_on IS DISTINCT FROM (now() AT TIME ZONE time_zone)::date RETURNING id`.execute(db);
  return rows.length > 0;
}

/**
 * Looked up in a hash made once: "IS TRUE" keeps the planner from joining, which, where a table has grown since it was last analyzed, would
 * read all of it for each leaver.
 */
const hasLeft = (column: string) =>
  sql`(${sql.ref(column)} IN (SELECT l.id FROM users l WHERE l.status = 'deprovisioned')) IS TRUE`;

async function findings(models: Models, tx: TenantTransaction): Promise<RawBuilder<unknown>> {
  const policy = leavingPolicy(await organizationModel(models, tx));
  const revoked = policy.keys.filter((each) => each.policy === 'revoke').map(({ kind }) => kind as string);
  const counts = sql`k.revoked_at IS NULL AND coalesce(k.expires_at > now(), true)`;
  const tokens =
    policy.oauthTokens === 'keep'
      ? sql``
      : sql`UNION ALL SELECT 'oauth_token', t.id::text, t.user_id, t.created_at, 'a kept token is not locked' FROM oauth_tokens t
          WHERE t.locked_at IS NULL AND ${hasLeft('t.user_id')}`;
  return sql`
    SELECT held.kind, held.id, held.user_id AS "userId", u.email, held.since, held.finding FROM (
      SELECT 'session' AS kind, s.id::text AS id, s.user_id, s.created_at AS since, 'a session has not ended' AS finding FROM sessions s
        WHERE s.ended_at IS NULL AND s.expires_at > now() AND ${hasLeft('s.user_id')}
      UNION ALL SELECT 'grant', g.id::text, g.user_id, g.created_at, 'an access token is not revoked' FROM grants g
        WHERE g.revoked_at IS NULL AND g.expires_at > now() AND ${hasLeft('g.user_id')}
      UNION ALL SELECT 'app_access', encode(a.id_hash, 'hex'), a.user_id, a.created_at, 'an app holds a ' || a.kind FROM oauth_artifacts a
        WHERE a.ended_at IS NULL AND a.expires_at > now() AND ${hasLeft('a.user_id')}
      UNION ALL SELECT 'api_key', k.id::text, k.creator_id, k.created_at, 'a key is not revoked' FROM api_keys k
        WHERE ${counts} AND k.kind = ANY(${revoked}::text[]) AND ${hasLeft('k.creator_id')}
      UNION ALL SELECT 'api_key', k.id::text, k.responsible_id, k.created_at, 'a key goes on and nobody here answers for it' FROM api_keys k
        WHERE ${counts} AND k.kind <> ALL(${revoked}::text[]) AND ${hasLeft('k.responsible_id')}
      UNION ALL SELECT 'membership', m.id::text, m.user_id, m.created_at, 'holds the role ' || m.role FROM memberships m
        WHERE ${hasLeft('m.user_id')}
      ${tokens}) AS held
    JOIN users u ON u.id = held.user_id ORDER BY held.kind, held.since`;
}
