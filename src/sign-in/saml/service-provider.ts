/** Our side of a SAML connection: its addresses, its metadata, its requests, and the verification of signatures. */
import { SAML, type SamlConfig, ValidateInResponseTo } from '@node-saml/passport-saml';
import type { SamlConnection } from '../connection.ts';
import { SignInRefusal } from '../refusal.ts';
import { ASSERTION, readMessage } from './message.ts';
import { isResponseSigned } from './message-checks.ts';
import type { XmlElement } from './xml.ts';

export interface ServiceProvider {
  /** Also where the metadata is found. */
  readonly entityId: string;
  readonly acsUrl: string;
  readonly loginUrl: string;
}

/** The names and addresses of a connection towards its identity provider; each connection has its own. */
export function serviceProviderOf(baseUrl: string, connectionId: string): ServiceProvider {
  const base = `${baseUrl}/saml/${connectionId}`;
  return { entityId: `${base}/metadata`, acsUrl: `${base}/acs`, loginUrl: `${base}/login` };
}

/** The metadata that an identity provider's administrator imports. */
export function metadataOf(connection: SamlConnection, own: ServiceProvider): string {
  return new SAML(options(connection, own)).generateServiceProviderMetadata(null);
}

/** The address to send the browser to, with a request of this id. */
export function authnRequestUrl(connection: SamlConnection, own: ServiceProvider, requestId: string): Promise<string> {
  return new SAML({ ...options(connection, own), generateUniqueId: () => requestId }).getAuthorizeUrlAsync(
    '',
    undefined,
    {},
  );
}

/**
 * Verifies a response that passed the message checks, against the connection's own certificates.
 * @returns the assertion as it was signed
 * @throws SignInRefusal `signature`
 */
export async function verifiedAssertion(
  connection: SamlConnection,
  own: ServiceProvider,
  response: { readonly xml: string; readonly root: XmlElement },
): Promise<XmlElement> {
  const saml = new SAML({ ...options(connection, own), wantAuthnResponseSigned: isResponseSigned(response.root) });
  const posted = { SAMLResponse: Buffer.from(response.xml).toString('base64') };
  const { profile } = await saml.validatePostResponseAsync(posted).catch((cause: unknown) => {
    throw refusalOf(cause);
  });
  const assertion = readMessage(profile?.getAssertionXml?.() ?? '<none/>');
  if (assertion.namespace !== ASSERTION || assertion.name !== 'Assertion')
    throw wrongSignature('no assertion was verified');
  return assertion;
}

/**
 * The library's part is signatures and nothing else: times, audience and the request answered are checked by our own named checks on
 * what it verified, each with its own reason, so they are turned off here and not judged twice.
 */
function options(connection: SamlConnection, own: ServiceProvider): SamlConfig {
  const { entityId, ssoUrl, certificates } = connection.config;
  return {
    idpCert: certificates,
    idpIssuer: entityId,
    issuer: own.entityId,
    callbackUrl: own.acsUrl,
    entryPoint: ssoUrl,
    wantAssertionsSigned: true,
    wantAuthnResponseSigned: false,
    audience: false,
    acceptedClockSkewMs: -1,
    validateInResponseTo: ValidateInResponseTo.never,
    disableRequestedAuthnContext: true,
    identifierFormat: null,
  };
}

/** The library's errors are told apart by their words only; what is no matter of signatures is one of the assertion's make. */
function refusalOf(cause: unknown): SignInRefusal {
  if (!(cause instanceof Error) || /signature|digest/i.test(cause.message)) return wrongSignature(cause);
  const reason = 'The assertion lacks what confirms its subject to a bearer, or until when.';
  return new SignInRefusal('confirmation', { reason }, cause);
}

function wrongSignature(cause: unknown): SignInRefusal {
  return new SignInRefusal(
    'signature',
    {
      reason: "The signature was not made by this connection's identity provider, or what it covers was altered.",
      remedy: "If the identity provider's certificate has changed, bring its metadata up to date.",
    },
    cause,
  );
}
