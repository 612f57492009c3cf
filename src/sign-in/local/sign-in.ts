/**
 * Signing in by password. Whether or not the address names somebody, the same is done in the same order: counted, looked up, a hash
 * computed, judged, audited; and every refusal reads the same.
 */
import type { Request } from 'express';
import { type Kysely, sql } from 'kysely';
import { record } from '../../audit/record.ts';
import { startSession } from '../../credentials/session.ts';
import { Fault } from '../../errors.ts';
import { originOf } from '../../http/request-context.ts';
import { locateDomain, locateOrganization } from '../../store/locate.ts';
import type { Tables } from '../../store/tables.ts';
import { inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';
import { domainOf, emailAddress } from '../attributes.ts';
import type { SignInDependencies } from '../door.ts';
import { beginHalfSignIn } from './half-sign-in.ts';
import { judge, type LocalFacts, type Refused } from './judge.ts';
import { holdPassword } from './password.ts';
import { nobodysPassword, verifyPassword } from './password-hash.ts';
import { countAttempt, forgetAttempts, networkOf, takeBackAttempt } from './throttle.ts';

export interface PasswordSignIn {
  readonly email: string;
  readonly password: string;
  /** Slug; left out where the address's domain is a verified one. */
  readonly organization: string | undefined;
  /** A path of ours. */
  readonly returnTo: string;
}

export interface Session {
  readonly token: string;
  readonly expiresAt: Date;
}

export type PasswordOutcome =
  | { readonly kind: 'in'; readonly session: Session }
  | { readonly kind: 'second-factor'; readonly token: string };

interface Found extends Omit<LocalFacts, 'passwordRight'> {
  readonly phc: string | null;
}

const NOBODY: Found = { person: null, hasSecondFactor: false, breakGlass: false, ssoEnforced: false, phc: null };

/**
 * Signs somebody in by password, or to the door of their second factor.
 * @throws Fault `too-many-requests`, `sign-in-refused`
 */
export async function signInByPassword(
  deps: SignInDependencies,
  request: Request,
  given: PasswordSignIn,
): Promise<PasswordOutcome> {
  const { db } = deps.store;
  const email = emailAddress(given.email) ?? '';
  const organizationId = await organizationOf(db, email, given.organization);
  const address = { what: 'address', of: networkOf(request.ip) } as const;
  const account = { what: 'account', of: `${organizationId ?? given.organization ?? ''} ${email}` } as const;
  await countAttempt(db, address);
  await countAttempt(db, account);

  const origin = originOf(request, { kind: 'system', id: 'sign-in', label: 'sign-in' });
  const { phc, ...facts } = organizationId === undefined ? NOBODY : await lookUp(db, organizationId, origin, email);
  const passwordRight = await verifyPassword(phc ?? (await nobodysPassword()), given.password);
  const verdict = judge({ ...facts, passwordRight });
  if (verdict.kind === 'refuse' || organizationId === undefined || phc === null) {
    const why = verdict.kind === 'refuse' ? verdict.why : 'unknown person';
    if (organizationId !== undefined) await auditRefused(db, organizationId, origin, facts, why);
    throw refusalOf(facts.ssoEnforced, deps.settings.http.baseUrl, email);
  }
  await forgetAttempts(db, account);
  await takeBackAttempt(db, address);
  const { userId } = verdict;
  return inTenant(db, organizationId, { ...origin, actor: { kind: 'user', id: userId, label: email } }, async (tx) => {
    await holdPassword(tx, userId, phc, given.password);
    if (verdict.kind === 'second-factor') {
      return { kind: 'second-factor', token: await beginHalfSignIn(tx, userId, given.returnTo) };
    }
    return { kind: 'in', session: await begin(tx, userId, 'password') };
  });
}

/** How long somebody may stay who got in past enforced SSO. */
const BREAK_GLASS_MINUTES = 60;

/**
 * Starts the session of somebody who has proven all they must.
 * @param breakGlass whether they got in past enforced SSO: then the session is short, and the audit says so
 */
export async function begin(tx: TenantTransaction, userId: string, by: string, breakGlass = false): Promise<Session> {
  const session = await startSession(tx, { userId, connectionId: null, authenticatedBy: by });
  const resource = { type: 'user', id: userId };
  const detail = { by, session: session.id };
  await record(tx, { action: 'sign_in.succeeded', resource, reason: 'local sign-in', detail });
  if (!breakGlass) return session;
  await record(tx, { action: 'sign_in.break_glass', resource, reason: 'Alarm: SSO is enforced.', detail });
  const { rows } = await sql<{ expiresAt: Date }>`
    UPDATE sessions SET expires_at = least(expires_at, now() + ${BREAK_GLASS_MINUTES} * interval '1 minute')
    WHERE id = ${session.id} RETURNING expires_at AS "expiresAt"`.execute(tx.db);
  return { ...session, expiresAt: rows[0]?.expiresAt ?? session.expiresAt };
}

/** What everybody is told who is not let in. It depends on the address's domain at most, never on whether somebody has it. */
function refusalOf(ssoEnforced: boolean, baseUrl: string, email: string): Fault {
  if (!ssoEnforced) {
    return new Fault('sign-in-refused', 'This e-mail address and password let nobody in.', {
      remedy: 'Check both. Your administrator can send you a link to set a new password.',
    });
  }
  return new Fault('sign-in-refused', 'Your organization signs in through its identity provider.', {
    remedy: 'Sign in there.',
    extra: { sso: 'required', signInUrl: `${baseUrl}/sign-in?email=${encodeURIComponent(email)}` },
  });
}

async function organizationOf(
  db: Kysely<Tables>,
  email: string,
  organization: string | undefined,
): Promise<string | undefined> {
  const named = organization?.trim().toLowerCase();
  if (named) return locateOrganization(db, named);
  return email === '' ? undefined : locateDomain(db, domainOf(email));
}

function lookUp(db: Kysely<Tables>, organizationId: string, origin: Origin, email: string): Promise<Found> {
  const domain = email === '' ? '' : domainOf(email);
  return inTenant(
    db,
    organizationId,
    origin,
    async (tx) => {
      const { rows } = await sql<Omit<Found, 'person'> & { userId: string | null; status: 'active' }>`
        SELECT u.id AS "userId", u.status, coalesce(u.break_glass, false) AS "breakGlass", p.phc,
          EXISTS (SELECT 1 FROM second_factors f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL) AS "hasSecondFactor",
          o.enforce_sso AND EXISTS (SELECT 1 FROM domains d WHERE d.name = ${domain} AND d.verified_at IS NOT NULL) AS "ssoEnforced"
        FROM organizations o
        LEFT JOIN LATERAL (SELECT * FROM users WHERE email = ${email}
          ORDER BY status = 'deprovisioned', deprovisioned_at DESC LIMIT 1) u ON true
        LEFT JOIN passwords p ON p.user_id = u.id AND p.access_epoch = u.access_epoch`.execute(tx.db);
      const [found] = rows;
      if (found === undefined) return NOBODY;
      const { userId, status, ...facts } = found;
      return { ...facts, person: userId === null ? null : { userId, status } };
    },
    'reader',
  );
}

async function auditRefused(
  db: Kysely<Tables>,
  organizationId: string,
  origin: Origin,
  { person }: Pick<Found, 'person'>,
  why: Refused,
): Promise<void> {
  const resource = person === null ? { type: 'organization', id: organizationId } : { type: 'user', id: person.userId };
  await inTenant(db, organizationId, origin, (tx) =>
    record(tx, { action: 'sign_in.refused', resource, outcome: 'denied', reason: why, detail: { by: 'password' } }),
  );
}
