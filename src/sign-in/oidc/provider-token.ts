/** A token of a provider, verified as far as ID tokens and logout tokens are alike: signature, issuer, audience, times. */
import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import { Fault } from '../../errors.ts';
import { type Check, type Finding, printable, SignInRefusal } from '../refusal.ts';
import type { OidcConfig } from './config.ts';
import type { Asking } from './key-set.ts';
import { CLOCK_TOLERANCE_S, type Provider } from './provider.ts';
import { quoted } from './refused.ts';
import { issuerFor } from './tenant.ts';

/** Only such as need the provider's private key. */
export const ASYMMETRIC = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

const REMEDY = 'Compare issuer, client id and clocks on both sides.';

export interface VerifiedToken {
  readonly claims: JWTPayload;
  readonly algorithm: string;
}

/**
 * Verifies a provider's token.
 * @throws SignInRefusal of the check that failed, Fault `upstream-failed` where the provider's keys can't be read
 */
export async function verifyToken(
  { metadata, keysHaving }: Provider,
  config: OidcConfig,
  token: string,
  asking: Asking,
  /** The audience is the client where none is named. */
  { audience, ...more }: Pick<JWTVerifyOptions, 'maxTokenAge' | 'requiredClaims'> & { readonly audience?: string },
): Promise<VerifiedToken> {
  const announced = metadata.id_token_signing_alg_values_supported ?? ['RS256'];
  const algorithms = ASYMMETRIC.filter((each) => announced.includes(each));
  let wanted = { iss: metadata.issuer, aud: audience ?? config.clientId };
  try {
    wanted = { ...wanted, iss: issuerFor(config, metadata.issuer, decodeJwt(token)['tid']) };
    const keys = createLocalJWKSet(await keysHaving(decodeProtectedHeader(token).kid, asking));
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: wanted.iss,
      audience: wanted.aud,
      algorithms,
      clockTolerance: CLOCK_TOLERANCE_S,
      ...more,
    });
    return { claims: payload, algorithm: protectedHeader.alg };
  } catch (error) {
    if (error instanceof Fault) throw error;
    const compared = { ...wanted, alg: algorithms.join(', ') };
    throw new SignInRefusal(checkOf(error), findingOf(error, compared, token), error);
  }
}

/** Whether a claim's value can be kept as the name of somebody or something: what is altered in keeping would be another's. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 255 && printable(value) === value;
}

const CLAIM_CHECKS: Readonly<Record<string, Check>> = {
  iss: 'issuer',
  aud: 'audience',
  exp: 'expired',
  iat: 'expired',
  nbf: 'not-before',
  events: 'events',
  jti: 'replay',
};

function checkOf(error: unknown): Check {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) return CLAIM_CHECKS[error.claim] ?? 'token';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'signature-algorithm';
  const unsigned =
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys;
  return unsigned ? 'signature' : 'token';
}

/** What was wanted and came, where one can be held beside the other. */
function findingOf(error: unknown, wanted: Readonly<Record<string, string>>, token: string): Finding {
  if (!(error instanceof errors.JOSEError)) return { reason: "The provider's token can not be read.", remedy: REMEDY };
  const reason = `The provider's token does not hold: ${error.message}.`;
  const name = error instanceof errors.JOSEAlgNotAllowed ? 'alg' : (error as { claim?: string }).claim;
  if (name === undefined || wanted[name] === undefined) return { reason, remedy: REMEDY };
  const got = name === 'alg' ? decodeProtectedHeader(token).alg : decodeJwt(token)[name];
  return { reason, remedy: REMEDY, wanted: wanted[name], got: quoted(got) };
}
