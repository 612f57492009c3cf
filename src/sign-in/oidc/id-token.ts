/** What makes an ID token the answer to our question (OpenID Connect Core 3.1.3.7 and 3.1.3.8), beside its signature. */
import { createHash } from 'node:crypto';
import type { JWTPayload } from 'jose';
import type { CheckLog, Finding, NamedCheck } from '../refusal.ts';
import { pass, SignInRefusal } from '../refusal.ts';
import type { OidcConfig } from './config.ts';
import { CLOCK_TOLERANCE_S, type Provider } from './provider.ts';
import { isName, verifyToken } from './provider-token.ts';
import { quoted } from './refused.ts';

interface IdTokenFacts {
  readonly claims: JWTPayload;
  readonly algorithm: string;
  readonly config: Pick<OidcConfig, 'clientId' | 'maxAge' | 'acrValues' | 'hostedDomains'>;
  /** What it must answer. */
  readonly nonce: string;
  readonly accessToken: string;
  /** In seconds. */
  readonly now: number;
}

const CHECKS: readonly NamedCheck<IdTokenFacts>[] = [
  {
    name: 'nonce',
    find: ({ claims: { nonce: got }, nonce: wanted }) =>
      got === wanted ? undefined : { reason: 'The ID token answers another sign-in.', got: quoted(got) },
  },
  { name: 'authorized-party', find: findParty },
  {
    name: 'not-before',
    find: ({ claims: { iat = Number.NaN }, now }) =>
      iat <= now + CLOCK_TOLERANCE_S
        ? undefined
        : {
            reason: 'The ID token was issued in the future.',
            remedy: 'Set the clocks on both sides.',
            got: quoted(iat),
          },
  },
  { name: 'access-token', find: findAccessToken },
  {
    name: 'subject',
    find: ({ claims: { sub } }) =>
      isName(sub) ? undefined : { reason: 'The ID token names no subject that can be kept.' },
  },
  { name: 'authentication-time', find: findAuthenticationTime },
  {
    name: 'authentication-context',
    find: ({ claims: { acr }, config: { acrValues } }) =>
      acrValues.length === 0 || (typeof acr === 'string' && acrValues.includes(acr))
        ? undefined
        : {
            reason: 'The person was authenticated in another way than this connection asks for.',
            wanted: acrValues.join(', '),
            got: quoted(acr),
          },
  },
  {
    name: 'hosted-domain',
    find: ({ claims: { hd }, config: { hostedDomains } }) =>
      hostedDomains.length === 0 || (typeof hd === 'string' && hostedDomains.includes(hd.toLowerCase()))
        ? undefined
        : {
            reason: 'The account is of none of the hosted domains that may sign in here.',
            remedy: "Add its domain to the connection's hostedDomains, if its people are to come in.",
            wanted: hostedDomains.join(', '),
            got: quoted(hd),
          },
  },
];

/**
 * Verifies an ID token.
 * @param log told of each check that holds
 * @throws SignInRefusal of the check that failed, Fault `upstream-failed` where the provider's keys can't be read
 */
export async function readIdToken(
  provider: Provider,
  config: OidcConfig,
  token: string | undefined,
  asked: { readonly nonce: string; readonly accessToken: string },
  log: CheckLog,
): Promise<JWTPayload> {
  if (token === undefined) throw new SignInRefusal('token', { reason: 'The provider gave no ID token.' });
  const requiredClaims = ['exp', 'iat'];
  const { claims, algorithm } = await verifyToken(provider, config, token, 'login', { requiredClaims });
  for (const each of ['signature', 'audience', 'expired'] as const) log.passed(each);
  pass(CHECKS, { claims, algorithm, config, ...asked, now: Math.floor(Date.now() / 1000) }, log);
  return claims;
}

/** Of several audiences one must be named as the party that it is for; and whoever is named, it must be us. */
function findParty({ claims: { aud, azp }, config: { clientId } }: IdTokenFacts): Finding | undefined {
  const several = Array.isArray(aud) && aud.length > 1;
  if (azp === clientId || (azp === undefined && !several)) return undefined;
  return { reason: 'The ID token was given to another party.', wanted: clientId, got: quoted(azp) };
}

/** The halved hash of the access token: both are of one answer. */
function findAccessToken({ claims, algorithm, accessToken }: IdTokenFacts): Finding | undefined {
  const stated = claims['at_hash'];
  if (stated === undefined) return undefined;
  const size = /(256|384|512)$/.exec(algorithm)?.[1] ?? '512';
  const digest = createHash(`sha${size}`).update(accessToken).digest();
  if (stated === digest.subarray(0, digest.length / 2).toString('base64url')) return undefined;
  return { reason: 'The ID token belongs to another access token.' };
}

function findAuthenticationTime({ claims, config: { maxAge }, now }: IdTokenFacts): Finding | undefined {
  if (maxAge === null) return undefined;
  const at = claims['auth_time'];
  const age = typeof at === 'number' ? now - at : Number.NaN;
  if (age >= -CLOCK_TOLERANCE_S && age <= maxAge + CLOCK_TOLERANCE_S) return undefined;
  return {
    reason: 'The person was authenticated too long ago, or nobody says when.',
    remedy: 'Sign in at the identity provider anew.',
    wanted: `at most ${maxAge} seconds ago`,
    got: Number.isNaN(age) ? quoted(at) : `${age} seconds ago`,
  };
}
