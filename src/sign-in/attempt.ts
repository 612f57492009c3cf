/**
 * A sign-in under way: stored when the browser leaves for the identity provider, consumed once when it comes back. It is bound to the
 * browser by a cookie, so that nobody can finish in another's browser what they began in their own.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Request, Response } from 'express';
import { sql } from 'kysely';
import { hashOf, randomSecret } from '../credentials/sealing.ts';
import { prepared } from '../store/prepared.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { readCookie } from './cookies.ts';
import { type CheckLog, SignInRefusal } from './refusal.ts';
import { rememberTest } from './test-sign-in.ts';

export interface Attempt {
  /** The SAML request's id, or the OIDC state. */
  readonly id: string;
  readonly nonce: string | null;
  readonly codeVerifier: string | null;
  readonly returnTo: string;
}

const MINUTES = 15;

/** The secret of this browser, made where it has none; one for all its sign-ins under way. */
export function bindBrowser(request: Request, response: Response, baseUrl: string): Buffer {
  const known = browserSecret(request, baseUrl);
  const secret = known ?? randomSecret();
  rememberTest(request, response, baseUrl);
  response.cookie(cookieName(baseUrl), secret, {
    httpOnly: true,
    path: '/',
    maxAge: MINUTES * 60_000,
    // An identity provider answers SAML by a cross-site POST, which carries no Lax cookie. Without https there is no None either: see
    // `bounce` in saml/routes.ts.
    ...(baseUrl.startsWith('https:') ? { secure: true, sameSite: 'none' } : { sameSite: 'lax' }),
  });
  return hashOf(secret);
}

/** The hash of this browser's secret; undefined where it sent none. */
export function browserHash(request: Request, baseUrl: string): Buffer | undefined {
  const secret = browserSecret(request, baseUrl);
  return secret === undefined ? undefined : hashOf(secret);
}

/** Stores an attempt; what is long over is cleared away by the way. */
export async function beginAttempt(
  tx: TenantTransaction,
  connectionId: string,
  browser: Buffer,
  attempt: Attempt,
): Promise<void> {
  await prepared(sql`
    WITH attempts_over AS (
      DELETE FROM sign_in_attempts WHERE connection_id = ${connectionId} AND expires_at < now() - interval '1 hour'
    ), assertions_over AS (
      DELETE FROM seen_assertions WHERE connection_id = ${connectionId} AND expires_at < now() - interval '1 hour'
    )
    INSERT INTO sign_in_attempts (organization_id, connection_id, id, browser_hash, nonce, code_verifier, return_to, expires_at)
    VALUES (${tx.organizationId}, ${connectionId}, ${attempt.id}, ${browser}, ${attempt.nonce}, ${attempt.codeVerifier},
      ${attempt.returnTo}, now() + ${MINUTES} * interval '1 minute')`).execute(tx.db);
}

/** What a login uses up: the request that it answers, begun in this browser, and the assertion that answers it. */
export interface Once {
  readonly attemptId: string;
  readonly browser: Buffer | undefined;
  readonly assertionId: string;
  /** Until then the assertion could be accepted again, if its id were forgotten. */
  readonly until: Date;
}

/** What became of taking it. */
export interface Taken {
  /** Whether the assertion was not seen before. */
  readonly fresh: boolean;
  /** As JSON has it, the hash in hex after `\\x`. */
  readonly attempt: (Attempt & { readonly browserHash: string }) | null;
}

/**
 * Uses it up, as parts of a statement (`WITH ...`): of many that try at once, by any instance, one gets it. `FRESH` and `ATTEMPT` then
 * give what became of it.
 */
export function taking(tx: TenantTransaction, connectionId: string, once: Once) {
  return sql`noted AS (
      INSERT INTO seen_assertions (organization_id, connection_id, assertion_id, expires_at)
      VALUES (${tx.organizationId}, ${connectionId}, ${once.assertionId}, ${once.until}) ON CONFLICT DO NOTHING RETURNING 1
    ), taken AS (${consuming(connectionId, once.attemptId)})`;
}
export const FRESH = sql`EXISTS (SELECT FROM noted)`;
export const ATTEMPT = sql`(SELECT row_to_json(taken) FROM taken)`;

/**
 * What was taken, where it may be.
 * @param log told of each check that holds
 * @throws SignInRefusal `replay`, `in-response-to`, `browser`
 */
export function allowed({ fresh, attempt }: Taken, { browser }: Once, log: CheckLog): Attempt {
  if (!fresh) throw replayed();
  log.passed('replay');
  const found = attempt && { ...attempt, browserHash: Buffer.from(attempt.browserHash.slice(2), 'hex') };
  const begun = ofThisBrowser(found ?? undefined, browser, 'in-response-to');
  log.passed('browser');
  return begun;
}

/**
 * Consumes an attempt: of many that try at once, one gets it.
 * @param check what a refusal is called: the request answered, or the state
 * @throws SignInRefusal `check` where it is unknown, expired or used, `browser` where another browser began it
 */
export async function consumeAttempt(
  tx: TenantTransaction,
  connectionId: string,
  id: string,
  browser: Buffer | undefined,
  check: 'in-response-to' | 'state',
): Promise<Attempt> {
  const { rows } = await prepared(consuming(connectionId, id)).execute(tx.db);
  return ofThisBrowser(rows[0], browser, check);
}

function consuming(connectionId: string, id: string) {
  return sql<Attempt & { browserHash: Buffer }>`
    DELETE FROM sign_in_attempts WHERE connection_id = ${connectionId} AND id = ${id} AND expires_at > now()
    RETURNING id, nonce, code_verifier AS "codeVerifier", return_to AS "returnTo", browser_hash AS "browserHash"`;
}

function ofThisBrowser(
  found: (Attempt & { readonly browserHash: Buffer }) | undefined,
  browser: Buffer | undefined,
  check: 'in-response-to' | 'state',
): Attempt {
  if (found === undefined) {
    const reason = 'This sign-in was not begun here, has expired, or was finished before.';
    throw new SignInRefusal(check, { reason, remedy: 'Start it anew.' });
  }
  if (browser === undefined || !timingSafeEqual(browser, found.browserHash)) {
    const reason = 'This sign-in was begun in another browser.';
    throw new SignInRefusal('browser', { reason, remedy: 'Start it in this one, with cookies allowed.' });
  }
  return found;
}

/**
 * Takes note of an assertion's id.
 * @throws SignInRefusal `replay` where it was seen before, by any instance
 */
export async function refuseReplay(
  tx: TenantTransaction,
  connectionId: string,
  assertionId: string,
  until: Date,
): Promise<void> {
  const { numInsertedOrUpdatedRows: added } = await tx.db
    .insertInto('seen_assertions')
    .values({
      organization_id: tx.organizationId,
      connection_id: connectionId,
      assertion_id: assertionId,
      expires_at: until,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  if (added !== 1n) throw replayed();
}

function replayed(): SignInRefusal {
  return new SignInRefusal('replay', { reason: 'This assertion was used before.', remedy: 'Start the sign-in anew.' });
}

function browserSecret(request: Request, baseUrl: string): string | undefined {
  const secret = readCookie(request, cookieName(baseUrl));
  return secret !== undefined && /^[\w-]{43}$/.test(secret) ? secret : undefined;
}

function cookieName(baseUrl: string): string {
  return baseUrl.startsWith('https:') ? '__Host-drawbridge-login' : 'drawbridge-login';
}
