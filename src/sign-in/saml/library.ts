/**
 * The SAML library's options for a connection. Its part is signatures and the making of messages: times, audience and the request answered
 * are checked by our own named checks on what it verified, each with its own reason, so they are turned off here and not judged twice.
 */
import { type SamlConfig as LibraryOptions, ValidateInResponseTo } from '@node-saml/passport-saml';
import { certificateOf } from './certificate.ts';
import type { SamlConfig } from './config.ts';
import type { ServiceProvider } from './service-provider.ts';

/** @param publicKeys PEM of the keys that count, the likeliest first; the connection's certificates' if left out */
export function libraryOptions(
  config: SamlConfig,
  own: ServiceProvider,
  publicKeys: readonly string[] = config.certificates.map((body) => certificateOf(body).publicKey),
): LibraryOptions {
  return {
    idpCert: [...publicKeys],
    idpIssuer: config.entityId,
    issuer: own.entityId,
    callbackUrl: own.acsUrl,
    wantAssertionsSigned: true,
    wantAuthnResponseSigned: false,
    audience: false,
    acceptedClockSkewMs: -1,
    validateInResponseTo: ValidateInResponseTo.never,
    disableRequestedAuthnContext: true,
    identifierFormat: null,
  };
}
