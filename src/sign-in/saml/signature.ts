/** The verification of a response's signature, by the library, against the connection's own certificates and no other. */
import { SAML } from '@node-saml/passport-saml';
import type { CheckLog } from '../refusal.ts';
import { SignInRefusal } from '../refusal.ts';
import { certificateOf, type SigningCertificate } from './certificate.ts';
import type { SamlConfig } from './config.ts';
import { libraryOptions } from './library.ts';
import { ASSERTION, readMessage } from './message.ts';
import { isAssertionSigned, isResponseSigned } from './message-checks.ts';
import type { ServiceProvider } from './service-provider.ts';
import type { XmlElement } from './xml.ts';

export interface SignedMessage {
  /** The response as it came. */
  readonly xml: string;
  /** What it says, its assertion decrypted. */
  readonly root: XmlElement;
  /** PEM; undefined where the assertion came as it is. */
  readonly decryptionKey: string | undefined;
}

/**
 * Verifies a response that passed the message checks.
 * @param now decides which certificates have expired; those are tried last
 * @returns the assertion as it was signed
 * @throws SignInRefusal `signature`, `certificate` where only an expired one fits and the connection does not take those
 */
export async function verifiedAssertion(
  config: SamlConfig,
  own: ServiceProvider,
  message: SignedMessage,
  now: Date,
  log?: CheckLog,
): Promise<XmlElement> {
  const all = config.certificates.map(certificateOf);
  const valid = all.filter(({ notAfter }) => notAfter > now);
  const expired = all.filter(({ notAfter }) => notAfter <= now);
  const assertion = await attempt(config, own, message, valid);
  if (!(assertion instanceof SignInRefusal)) return passed(assertion, log);
  const late = expired.length === 0 ? assertion : await attempt(config, own, message, expired);
  if (late instanceof SignInRefusal) throw failed(assertion, log);
  const ended = expired.map(({ notAfter }) => notAfter.toISOString()).join(', ');
  if (config.expiredCertificates === 'refuse') throw failed(onlyExpired(ended), log);
  log?.passed('certificate', { got: `expired on ${ended}` });
  return passed(late, log);
}

async function attempt(
  config: SamlConfig,
  own: ServiceProvider,
  { xml, root, decryptionKey }: SignedMessage,
  certificates: readonly SigningCertificate[],
): Promise<XmlElement | SignInRefusal> {
  if (certificates.length === 0) return wrongSignature('no certificate of the connection is valid');
  const keys = certificates.map(({ publicKey }) => publicKey);
  const saml = new SAML({
    ...libraryOptions(config, own, keys),
    wantAssertionsSigned: isAssertionSigned(root),
    wantAuthnResponseSigned: isResponseSigned(root),
    ...(decryptionKey === undefined ? {} : { decryptionPvk: decryptionKey }),
  });
  try {
    const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: Buffer.from(xml).toString('base64') });
    const assertion = readMessage(profile?.getAssertionXml?.() ?? '<none/>');
    const is = assertion.namespace === ASSERTION && assertion.name === 'Assertion';
    return is ? assertion : wrongSignature('no assertion was verified');
  } catch (cause) {
    return cause instanceof SignInRefusal ? cause : refusalOf(cause);
  }
}

function passed(assertion: XmlElement, log: CheckLog | undefined): XmlElement {
  log?.passed('signature');
  return assertion;
}

function failed(refusal: SignInRefusal, log: CheckLog | undefined): SignInRefusal {
  log?.failed(refusal.check, refusal.finding);
  return refusal;
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

function onlyExpired(ended: string): SignInRefusal {
  return new SignInRefusal('certificate', {
    reason: 'The certificate that signed this has expired.',
    remedy: 'Have the identity provider sign with a new one, and bring its metadata up to date.',
    got: `expired on ${ended}`,
  });
}
