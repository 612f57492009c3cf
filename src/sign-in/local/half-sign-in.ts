/** Between password and second factor: whose password was right, kept for a few minutes under a secret of this browser, used once. */
import type { Request, Response } from 'express';
import { type Kysely, sql } from 'kysely';
import { hashOf, randomSecret } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import { locateHalfSignIn } from '../../store/locate.ts';
import type { Tables } from '../../store/tables.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { readCookie } from '../cookies.ts';

const MINUTES = 10;

export interface HalfSignIn {
  readonly userId: string;
  readonly email: string;
  readonly returnTo: string;
  readonly breakGlass: boolean;
  readonly ssoEnforced: boolean;
}

/** Begins one; those long over are cleared away by the way. @returns the browser's secret */
export async function beginHalfSignIn(tx: TenantTransaction, userId: string, returnTo: string): Promise<string> {
  const token = randomSecret();
  await sql`
    WITH over AS (DELETE FROM half_sign_ins WHERE expires_at < now() - interval '1 hour')
    INSERT INTO half_sign_ins (organization_id, token_hash, user_id, access_epoch, return_to, expires_at)
    SELECT u.organization_id, ${hashOf(token)}, u.id, u.access_epoch, ${returnTo}, now() + ${MINUTES} * interval '1 minute'
    FROM users u WHERE u.id = ${userId}`.execute(tx.db);
  return token;
}

/** Whose it is, without using it. @throws Fault `unauthenticated` where there is none */
export async function findHalfSignIn(tx: TenantTransaction, token: string): Promise<HalfSignIn> {
  const { rows } = await sql<HalfSignIn>`
    SELECT ${SHOWN} FROM half_sign_ins h JOIN users u ON u.id = h.user_id JOIN organizations o ON o.id = h.organization_id
    WHERE h.token_hash = ${hashOf(token)} AND ${LIVE}`.execute(tx.db);
  return rows[0] ?? none();
}

/** Uses it: of many who try at once, one may. @throws Fault `unauthenticated` where there is none (any more) */
export async function consumeHalfSignIn(tx: TenantTransaction, token: string): Promise<HalfSignIn> {
  const { rows } = await sql<HalfSignIn>`
    DELETE FROM half_sign_ins h USING users u, organizations o
    WHERE u.id = h.user_id AND o.id = h.organization_id AND h.token_hash = ${hashOf(token)} AND ${LIVE} RETURNING ${SHOWN}`.execute(
    tx.db,
  );
  return rows[0] ?? none();
}

/** The organization and secret of this browser's half sign-in. @throws Fault `unauthenticated` where it has none */
export async function locateOwnHalf(
  db: Kysely<Tables>,
  request: Request,
  baseUrl: string,
): Promise<{ organizationId: string; token: string }> {
  const token = readCookie(request, nameOf(baseUrl));
  if (token === undefined || !/^[\w-]{43}$/.test(token)) return none();
  const organizationId = await locateHalfSignIn(db, hashOf(token));
  return organizationId === undefined ? none() : { organizationId, token };
}

export function setHalfCookie(response: Response, baseUrl: string, token: string): void {
  response.cookie(nameOf(baseUrl), token, { ...attributes(baseUrl), maxAge: MINUTES * 60_000 });
}

export function clearHalfCookie(response: Response, baseUrl: string): void {
  response.clearCookie(nameOf(baseUrl), attributes(baseUrl));
}

const SHOWN = sql`
  u.id AS "userId", u.email, h.return_to AS "returnTo", u.break_glass AS "breakGlass", o.enforce_sso AND EXISTS (
    SELECT 1 FROM domains d WHERE d.name = split_part(u.email, '@', 2) AND d.verified_at IS NOT NULL) AS "ssoEnforced"`;

const LIVE = sql`h.expires_at > now() AND u.status = 'active' AND u.access_epoch = h.access_epoch`;

function none(): never {
  throw new Fault('unauthenticated', 'This sign-in was not begun here, has expired, or was finished before.', {
    remedy: 'Start it anew.',
  });
}

function nameOf(baseUrl: string): string {
  return baseUrl.startsWith('https:') ? '__Host-drawbridge-half' : 'drawbridge-half';
}

function attributes(baseUrl: string) {
  return { httpOnly: true, sameSite: 'lax', path: '/', secure: baseUrl.startsWith('https:') } as const;
}
