/** What makes a logout token one that ends sessions (OpenID Connect Back-Channel Logout 1.0, 2.4 and 2.6). */
import { decodeProtectedHeader, type JWTPayload } from 'jose';
import { z } from 'zod';
import { type NamedCheck, pass, SignInRefusal } from '../refusal.ts';
import type { OidcConfig } from './config.ts';
import { CLOCK_TOLERANCE_S, type Provider } from './provider.ts';
import { isName, verifyToken } from './provider-token.ts';
import { subjectOf } from './tenant.ts';

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
      [sub, sid].every((each) => each === undefined || isName(each)) && (isName(sub) || isName(sid))
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
  refuseOtherTypes(token);
  const { claims } = await verifyToken(provider, config, token, 'logout', {
    maxTokenAge: MAX_AGE_S,
    requiredClaims: ['iat', 'exp', 'jti', 'events'],
  });
  pass(CHECKS, claims);
  const { sub, sid, jti = '', exp = 0 } = claims;
  return {
    sub: sub === undefined ? undefined : subjectOf(config, claims),
    sid: typeof sid === 'string' ? sid : undefined,
    jti,
    until: new Date((exp + CLOCK_TOLERANCE_S) * 1000),
  };
}

function refuseOtherTypes(token: string): void {
  const typ = typeOf(token);
  if (typ === undefined || /^(application\/)?(logout\+)?jwt$/i.test(typ)) return;
  throw new SignInRefusal('token', { reason: 'The token is of another type.', wanted: 'logout+jwt', got: typ });
}

function typeOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).typ;
  } catch (error) {
    throw new SignInRefusal('token', { reason: 'The logout token can not be read.' }, error);
  }
}
