/** A security event token of somebody else (RFC 8417, by the profile of the Shared Signals Framework): whether it counts, and what it says. */
import { createLocalJWKSet, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { boundedFetch } from '../../http/bounded-fetch.ts';
import { type KeysHaving, keySet } from '../oidc/key-set.ts';
import { CLOCK_TOLERANCE_S, readKeys } from '../oidc/provider.ts';
import { ASYMMETRIC } from '../oidc/provider-token.ts';
import { printable } from '../refusal.ts';
import { type SubjectId, subjectId } from '../subject-id.ts';

/** How old a token may be that comes at last, in days. */
export const OLDEST_DAYS = 7;
/** Transmitters whose keys are remembered. */
const MOST_REMEMBERED = 1000;

/** Error codes of RFC 8935. */
type RefusalCode = 'invalid_request' | 'invalid_key' | 'invalid_issuer' | 'invalid_audience' | 'authentication_failed';

/** Why a token does not count. */
export class TokenRefusal extends Fault {
  readonly err: RefusalCode;

  constructor(err: RefusalCode, reason: string, cause?: unknown) {
    super('invalid-input', printable(reason).slice(0, 500), cause === undefined ? {} : { cause });
    this.err = err;
  }
}

export interface SignalToken {
  readonly jti: string;
  readonly issuedAt: Date;
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Undefined where it names nobody in a way that is known here. */
  readonly subject: SubjectId | undefined;
}

/** Verifies tokens; it remembers transmitters' keys. */
export type ReadToken = (
  from: { readonly issuer: string; readonly jwks_uri: string; readonly audience: string },
  token: string,
) => Promise<SignalToken>;

/** @throws TokenRefusal, Fault `upstream-failed` where the transmitter's keys can't be read */
export function tokenReader(allowPrivateNetwork: boolean): ReadToken {
  const send = boundedFetch(allowPrivateNetwork);
  const remembered = new Map<string, KeysHaving>();
  const keysOf = (jwks_uri: string): KeysHaving => {
    const known = remembered.get(jwks_uri);
    if (known !== undefined) return known;
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    const keys = keySet(() => readKeys(send, { jwks_uri }));
    remembered.set(jwks_uri, keys);
    return keys;
  };
  return async ({ issuer, jwks_uri, audience }, token) => {
    try {
      const keys = createLocalJWKSet(await keysOf(jwks_uri)(decodeProtectedHeader(token).kid, 'logout'));
      const { payload } = await jwtVerify(token, keys, {
        ...{ issuer, audience, algorithms: ASYMMETRIC, typ: 'secevent+jwt' },
        ...{ clockTolerance: CLOCK_TOLERANCE_S, maxTokenAge: `${OLDEST_DAYS} days`, requiredClaims: ['jti', 'iat'] },
      });
      return saying(payload);
    } catch (error) {
      if (error instanceof Fault) throw error;
      throw refusalOf(error);
    }
  };
}

const object = z.record(z.string(), z.unknown());
const claimed = z.object({
  jti: z.string().min(1).max(500),
  iat: z.number(),
  events: z.record(z.string().max(500), object),
  sub_id: z.looseObject({ format: z.string() }).optional(),
});

function saying(payload: JWTPayload): SignalToken {
  // What has them is made for another use (RFC 8417, 4).
  for (const claim of ['sub', 'exp'])
    if (payload[claim] !== undefined) throw new TokenRefusal('invalid_request', `The token has the claim ${claim}.`);
  const said = claimed.safeParse(payload);
  if (!said.success)
    throw new TokenRefusal('invalid_request', 'The token lacks jti, iat or events, or has them otherwise.');
  const { jti, iat, events, sub_id } = said.data;
  const [first, ...others] = Object.entries(events);
  if (first === undefined || others.length > 0) throw new TokenRefusal('invalid_request', 'A token tells one event.');
  const [type, told] = first;
  return { jti, issuedAt: new Date(iat * 1000), type, payload: told, subject: personOf(sub_id) };
}

/** Of a complex subject, the user. */
function personOf(said: Readonly<Record<string, unknown>> | undefined): SubjectId | undefined {
  const person = said?.['format'] === 'complex' ? said['user'] : said;
  const known = subjectId.safeParse(person);
  return known.success ? known.data : undefined;
}

const CLAIM_CODES: Readonly<Record<string, RefusalCode>> = { iss: 'invalid_issuer', aud: 'invalid_audience' };

function refusalOf(error: unknown): TokenRefusal {
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)
    return new TokenRefusal(CLAIM_CODES[error.claim] ?? 'invalid_request', error.message, error);
  const unsigned =
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSEAlgNotAllowed;
  if (unsigned) return new TokenRefusal('invalid_key', 'The signature is by no key of the transmitter.', error);
  return new TokenRefusal('invalid_request', 'The token can not be read.', error);
}
