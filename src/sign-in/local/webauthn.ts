/**
 * Passkeys and security keys (WebAuthn, level 2) as second factors. Each challenge is kept as a hash and consumed by the first answer
 * to it, whatever that answer is worth.
 */
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import { hashOf } from '../../credentials/sealing.ts';
import { Fault } from '../../errors.ts';
import type { Tables } from '../../store/tables.ts';
import { inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';
import { unlessTaken } from '../../tenancy/put.ts';
import { recordAdded, refuseTooMany } from './factors.ts';

type Purpose = 'enrol' | 'sign-in';
const MINUTES = 5;
/** EdDSA, ES256 and RS256 (COSE). */
const ALGORITHMS = [-8, -7, -257];

/** Where a browser believes to be; it is bound into every answer. */
interface Site {
  readonly baseUrl: string;
}

export interface Place {
  readonly db: Kysely<Tables>;
  readonly organizationId: string;
  readonly origin: Origin;
}

const answered = z.object({
  id: z.string().max(1500),
  rawId: z.string().max(1500),
  type: z.literal('public-key'),
  response: z.looseObject({ clientDataJSON: z.string().max(10_000) }),
  clientExtensionResults: z.record(z.string(), z.unknown()).default({}),
});

/** What the browser is to make a new credential from. */
export async function enrolmentOptions(tx: TenantTransaction, site: Site, person: { userId: string; email: string }) {
  await refuseTooMany(tx, person.userId);
  const known = await credentialsOf(tx, person.userId);
  const options = await generateRegistrationOptions({
    rpName: 'Drawbridge',
    rpID: rpIdOf(site),
    userName: person.email,
    userID: new Uint8Array(Buffer.from(person.userId)),
    attestationType: 'none',
    supportedAlgorithmIDs: ALGORITHMS,
    excludeCredentials: known,
    authenticatorSelection: { residentKey: 'discouraged', userVerification: 'preferred' },
  });
  await keepChallenge(tx, person.userId, 'enrol', options.challenge);
  return options;
}

/** Enrols what the browser made. @throws Fault `invalid-input`, `conflict` where it is enrolled already */
export async function confirmEnrolment(
  place: Place,
  site: Site,
  userId: string,
  name: string,
  given: unknown,
): Promise<void> {
  const { answer, challenge } = await takeAnswer(place, userId, 'enrol', given);
  const verified = await verifyRegistrationResponse({
    response: answer as unknown as RegistrationResponseJSON,
    expectedChallenge: challenge,
    expectedOrigin: new URL(site.baseUrl).origin,
    expectedRPID: rpIdOf(site),
    requireUserVerification: false,
    supportedAlgorithmIDs: ALGORITHMS,
  }).catch(notVerified);
  if (!verified.verified) return notVerified();
  const { credential } = verified.registrationInfo;
  const taken = new Fault('conflict', 'This key is enrolled already.', { remedy: 'Use another.' });
  await inTenant(place.db, place.organizationId, place.origin, async (tx) => {
    await refuseTooMany(tx, userId);
    const row = {
      organization_id: tx.organizationId,
      user_id: userId,
      kind: 'webauthn' as const,
      name,
      sealed_secret: null,
      credential_id: credential.id,
      public_key: Buffer.from(credential.publicKey),
      transports: credential.transports ?? [],
      counter: credential.counter,
      confirmed_at: new Date(),
    };
    await unlessTaken(() => tx.db.insertInto('second_factors').values(row).execute(), taken);
    await recordAdded(tx, userId, 'webauthn', name);
  });
}

/** What the browser is to sign; null where the person has no such factor. */
export async function assertionOptions(tx: TenantTransaction, site: Site, userId: string) {
  const known = await credentialsOf(tx, userId);
  if (known.length === 0) return null;
  const options = await generateAuthenticationOptions({
    rpID: rpIdOf(site),
    allowCredentials: known,
    userVerification: 'preferred',
  });
  await keepChallenge(tx, userId, 'sign-in', options.challenge);
  return options;
}

/**
 * Verifies what the browser signed, against the person's own credentials.
 * @returns what is to be done in the transaction that lets them in: it gives false where the same answer was used before
 * @throws Fault `invalid-input`
 */
export async function verifyAssertion(
  place: Place,
  site: Site,
  userId: string,
  given: unknown,
): Promise<(tx: TenantTransaction) => Promise<boolean>> {
  const { answer, challenge } = await takeAnswer(place, userId, 'sign-in', given);
  const known = await inTenant(place.db, place.organizationId, place.origin, (tx) =>
    credentialOf(tx, userId, answer.id),
  );
  if (known === undefined) return notVerified();
  const { factorId, ...credential } = known;
  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response: answer as unknown as AuthenticationResponseJSON,
    expectedChallenge: challenge,
    expectedOrigin: new URL(site.baseUrl).origin,
    expectedRPID: rpIdOf(site),
    credential,
    requireUserVerification: false,
  }).catch(notVerified);
  if (!verified) return notVerified();
  const { newCounter } = authenticationInfo;
  return async (tx) => {
    const { numUpdatedRows } = await tx.db
      .updateTable('second_factors')
      .set({ counter: newCounter, last_used_at: sql`now()` })
      .where('id', '=', factorId)
      // Authenticators that do not count always say 0.
      .where((is) => is.or([is('counter', '<', newCounter), is.and([is('counter', '=', 0), is.val(newCounter === 0)])]))
      .executeTakeFirstOrThrow();
    return numUpdatedRows === 1n;
  };
}

async function takeAnswer(place: Place, userId: string, purpose: Purpose, given: unknown) {
  const parsed = answered.safeParse(given);
  if (!parsed.success) return notVerified();
  const challenge = challengeIn(parsed.data.response.clientDataJSON);
  const known = await inTenant(place.db, place.organizationId, place.origin, (tx) =>
    consumeChallenge(tx, userId, purpose, challenge),
  );
  return known ? { answer: parsed.data, challenge } : notVerified();
}

function challengeIn(clientDataJson: string): string {
  try {
    const { challenge } = JSON.parse(Buffer.from(clientDataJson, 'base64url').toString('utf8')) as {
      challenge?: unknown;
    };
    return typeof challenge === 'string' ? challenge : '';
  } catch {
    return '';
  }
}

async function keepChallenge(
  tx: TenantTransaction,
  userId: string,
  purpose: Purpose,
  challenge: string,
): Promise<void> {
  await sql`
    WITH over AS (DELETE FROM webauthn_challenges WHERE expires_at < now() - interval '1 hour')
    INSERT INTO webauthn_challenges (organization_id, challenge_hash, user_id, purpose, expires_at)
    VALUES (${tx.organizationId}, ${hashOf(challenge)}, ${userId}, ${purpose}, now() + ${MINUTES} * interval '1 minute')`.execute(
    tx.db,
  );
}

async function consumeChallenge(
  tx: TenantTransaction,
  userId: string,
  purpose: Purpose,
  challenge: string,
): Promise<boolean> {
  const { rows } = await sql`
    DELETE FROM webauthn_challenges WHERE challenge_hash = ${hashOf(challenge)} AND user_id = ${userId}
      AND purpose = ${purpose} AND expires_at > now() RETURNING user_id`.execute(tx.db);
  return rows.length === 1;
}

async function credentialsOf(tx: TenantTransaction, userId: string): Promise<{ id: string; transports: string[] }[]> {
  const { rows } = await sql<{ id: string; transports: string[] }>`
    SELECT credential_id AS id, transports FROM second_factors
    WHERE user_id = ${userId} AND kind = 'webauthn' AND confirmed_at IS NOT NULL`.execute(tx.db);
  return rows;
}

async function credentialOf(tx: TenantTransaction, userId: string, credentialId: string) {
  const found = await tx.db
    .selectFrom('second_factors')
    .select(['id', 'credential_id', 'public_key', 'counter'])
    .where('user_id', '=', userId)
    .where('credential_id', '=', credentialId)
    .executeTakeFirst();
  if (found?.credential_id == null || found.public_key === null) return undefined;
  const publicKey = new Uint8Array(found.public_key);
  return { factorId: found.id, id: found.credential_id, publicKey, counter: found.counter };
}

function rpIdOf({ baseUrl }: Site): string {
  return new URL(baseUrl).hostname;
}

function notVerified(cause?: unknown): never {
  throw new Fault('invalid-input', 'The answer of this key could not be verified.', {
    remedy: 'Try again; where it stays so, use another second factor.',
    ...(cause === undefined ? {} : { cause }),
  });
}
