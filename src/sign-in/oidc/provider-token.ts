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
import type { Asking, KeysHaving } from './key-set.ts';
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

/** Whose tokens count, and by which keys. */
export interface TokenSigner {
  /** Of a token whose `tid` claim is this. */
  issuerOf(tenant: unknown): string;
  readonly algorithms: readonly string[];
  readonly keysHaving: KeysHaving;
}

type Wanted = Pick<JWTVerifyOptions, 'maxTokenAge' | 'requiredClaims'> & { readonly audience: string };

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
  { audience = config.clientId, ...more }: Omit<Wanted, 'audience'> & { readonly audience?: string },
): Promise<VerifiedToken> {
  const announced = metadata.id_token_signing_alg_values_supported ?? ['RS256'];
  const signer = {
    issuerOf: (tenant: unknown) => issuerFor(config, metadata.issuer, tenant),
    algorithms: ASYMMETRIC.filter((each) => announced.includes(each)),
    keysHaving,
  };
  return verifySigned(signer, metadata.issuer, token, asking, { audience, ...more });
}

/**
 * Verifies a token.
 * @param known the issuer that is wanted, as far as it is known before the token is read
 * @throws as `verifyToken`
 */
export async function verifySigned(
  { issuerOf, algorithms, keysHaving }: TokenSigner,
  known: string,
  token: string,
  asking: Asking,
  { audience, ...more }: Wanted,
): Promise<VerifiedToken> {
  let wanted = { iss: known, aud: audience };
  try {
    wanted = { ...wanted, iss: issuerOf(decodeJwt(token)['tid']) };
    const keys = createLocalJWKSet(await keysHaving(decodeProtectedHeader(token).kid, asking));
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: wanted.iss,
      audience,
      algorithms: [...algorithms],
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
