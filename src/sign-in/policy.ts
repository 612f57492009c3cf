/**
 * Enforcing SSO: when it may be, and who gets in nevertheless. A connection is configured, then tested, then active; only then may it be
 * the only way in, and only where a named person can get in without it.
 */
import { createHash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import { locateDomain } from '../store/locate.ts';
import type { Json, Tables } from '../store/tables.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { domainOf, emailAddress } from './attributes.ts';

export interface SignInPolicy {
  readonly sso: 'required' | 'available' | 'none';
  readonly signInUrl: string;
}

const POLICY: Origin = { actor: { kind: 'system', id: 'sign-in', label: 'sign-in' } };

/** What is trusted by a connection, as one short text: another after any change of its configuration or secret. */
export function trustOf(row: { readonly config: Json; readonly sealed_secret: string | null }): string {
  return createHash('sha256')
    .update(JSON.stringify([row.config, row.sealed_secret]))
    .digest('base64url');
}

/** Takes note that a sign-in through a connection has worked under just this trust. */
export async function markTested(tx: TenantTransaction, connectionId: string, trust: string): Promise<void> {
  const { numUpdatedRows } = await tx.db
    .updateTable('connections')
    .set({ tested_at: sql`now()`, tested_trust: trust })
    .where('id', '=', connectionId)
    .where((is) => is.or([is('tested_trust', 'is', null), is('tested_trust', '<>', trust)]))
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n) return;
  await record(tx, { action: 'connection.tested', resource: { type: 'connection', id: connectionId } });
}

/**
 * Whether SSO may be enforced now.
 * @throws Fault `conflict` where no connection in use has been tested as it is, or nobody could get in without one
 */
export async function requireEnforceable(tx: TenantTransaction): Promise<void> {
  const rows = await tx.db
    .selectFrom('connections')
    .select(['config', 'sealed_secret', 'tested_trust'])
    .where('enabled', '=', true)
    .execute();
  if (!rows.some((row) => row.tested_trust === trustOf(row))) {
    throw new Fault('conflict', 'No connection in use has been tested as it is configured now.', {
      where: 'enforceSso',
      remedy: 'Sign in through it once, then enforce it.',
    });
  }
  if ((await readyForBreakGlass(tx)) > 0) return;
  throw new Fault('conflict', 'Nobody could sign in if the identity provider failed.', {
    where: 'enforceSso',
    remedy: 'Name a break-glass person who has a password and a confirmed second factor.',
  });
}

/**
 * After a change of who could get in without SSO: it must still be somebody, as long as SSO is enforced.
 * @throws Fault `conflict`
 */
export async function keepBreakGlass(tx: TenantTransaction): Promise<void> {
  // Two who give it up at once must not each count on the other.
  const organization = await tx.db
    .selectFrom('organizations')
    .select('enforce_sso')
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (!organization?.enforce_sso || (await readyForBreakGlass(tx)) > 0) return;
  throw new Fault('conflict', 'Nobody could sign in any more if the identity provider failed, and SSO is enforced.', {
    remedy: 'Name another break-glass person with password and second factor first, or stop enforcing SSO.',
  });
}

async function readyForBreakGlass({ db }: TenantTransaction): Promise<number> {
  const { rows } = await sql<{ ready: number }>`
    SELECT count(*)::int AS ready FROM users u
    WHERE u.break_glass AND u.status = 'active'
      AND EXISTS (SELECT 1 FROM passwords p WHERE p.user_id = u.id AND p.access_epoch = u.access_epoch)
      AND EXISTS (SELECT 1 FROM second_factors f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL)`.execute(db);
  return rows[0]?.ready ?? 0;
}

/** How people with an address sign in. Of the address, only the domain is looked at: whether somebody has it is not. */
export async function signInPolicy(db: Kysely<Tables>, baseUrl: string, email: string): Promise<SignInPolicy> {
  const address = emailAddress(email) ?? '';
  const domain = domainOf(address);
  const organizationId = address === '' ? undefined : await locateDomain(db, domain);
  const query = `email=${encodeURIComponent(address)}`;
  const here: SignInPolicy = { sso: 'none', signInUrl: `${baseUrl}/sign-in/password?${query}` };
  if (organizationId === undefined) return here;
  const found = await inTenant(
    db,
    organizationId,
    POLICY,
    async (tx) => {
      const { rows } = await sql<{ enforced: boolean; connected: boolean }>`
        SELECT o.enforce_sso AS enforced, EXISTS (
          SELECT 1 FROM connections c WHERE c.enabled AND (c.domains = '{}' OR ${domain} = ANY(c.domains))) AS connected
        FROM organizations o`.execute(tx.db);
      return rows[0];
    },
    'reader',
  );
  if (!found?.enforced && !found?.connected) return here;
  return { sso: found.enforced ? 'required' : 'available', signInUrl: `${baseUrl}/sign-in?${query}` };
}
