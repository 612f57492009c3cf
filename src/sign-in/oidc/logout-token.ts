/** What makes a logout token one that ends sessions (OpenID Connect Back-Channel Logout 1.0, 2.4 and 2.6). */
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { type Check, type NamedCheck, pass, SignInRefusal } from '../refusal.ts';
import type { OidcConfig } from './config.ts';
import { CLOCK_TOLERANCE_S, type Provider } from './provider.ts';
import { issuerFor } from './tenant.ts';

/** Who is to be signed out; at least one of the two. */
export interface LogoutToken {
  readonly sub: string | undefined;
  readonly sid: string | undefined;
  readonly jti: string;
  /** Until then the token could come again. */
  readonly until: Date;
}

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const MAX_AGE_S = 300;
/** Only such as need the provider's private key. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

const CHECKS: readonly NamedCheck<JWTPayload>[] = [
  {
    name: 'events',
    find: ({ events }) =>
      z.object({ [EVENT]: z.looseObject({}) }).safeParse(events).success
        ? undefined
        : { reason: 'The token is not about a logout.', wanted: EVENT },
  },
  {
    // With one it could be an ID token of a sign-in.
    name: 'nonce',
    find: (claims) => ('nonce' in claims ? { reason: 'A logout token has no nonce.' } : undefined),
  },
  {
    name: 'subject',
    find: ({ sub, sid }) =>
      isName(sub, true) && isName(sid, true) && (isName(sub) || isName(sid))
        ? undefined
        : { reason: 'The token names neither a subject nor a session.' },
  },
  {
    name: 'replay',
    find: ({ jti }) => (isName(jti) ? undefined : { reason: 'The token has no id of its own.' }),
  },
];

/**
 * Verifies a logout token; whether it came before is the caller's to see.
 * @throws SignInRefusal of the check that failed, Fault `upstream-failed` where the provider's keys can't be read
 */
export async function readLogoutToken(provider: Provider, config: OidcConfig, token: string): Promise<LogoutToken> {
  const claims = await verified(provider, config, token);
  pass(CHECKS, claims);
  const { sub, sid, jti = '', exp = 0 } = claims;
  return {
    sub,
    sid: typeof sid === 'string' ? sid : undefined,
    jti,
    until: new Date((exp + CLOCK_TOLERANCE_S) * 1000),
  };
}

async function verified({ metadata, keysHaving }: Provider, config: OidcConfig, token: string): Promise<JWTPayload> {
  try {
    const { kid, typ } = decodeProtectedHeader(token);
    if (typ !== undefined && !/^(application\/)?(logout\+)?jwt$/i.test(typ)) {
      throw new SignInRefusal('token', { reason: 'The token is of another type.', wanted: 'logout+jwt', got: typ });
    }
    const keys = createLocalJWKSet(await keysHaving(kid, 'logout'));
    const { payload } = await jwtVerify(token, keys, {
      issuer: issuerFor(config, metadata.issuer, decodeJwt(token)['tid']),
      audience: config.clientId,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_S,
      maxTokenAge: MAX_AGE_S,
      requiredClaims: ['iat', 'exp', 'jti', 'events'],
    });
    return payload;
  } catch (error) {
    throw error instanceof Fault ? error : new SignInRefusal(checkOf(error), { reason: reasonOf(error) }, error);
  }
}

function checkOf(error: unknown): Check {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    const named: Record<string, Check> = {
      iss: 'issuer',
      aud: 'audience',
      iat: 'expired',
      events: 'events',
      jti: 'replay',
    };
    return named[error.claim] ?? 'token';
  }
  if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWKSNoMatchingKey) {
    return 'signature';
  }
  return error instanceof errors.JOSEAlgNotAllowed ? 'signature-algorithm' : 'token';
}

function reasonOf(error: unknown): string {
  return error instanceof errors.JOSEError
    ? `The logout token does not hold: ${error.message}.`
    : 'The logout token can not be read.';
}

function isName(value: unknown, orNone = false): boolean {
  return (orNone && value === undefined) || (typeof value === 'string' && value !== '' && value.length <= 255);
}
