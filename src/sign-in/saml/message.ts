/** A SAML message as it came in: decoded, read strictly, nothing in it believed yet. */
import { type Check, SignInRefusal } from '../refusal.ts';
import { readXml, type XmlElement, type XmlLimits, XmlProblem } from './xml.ts';

export const ASSERTION = 'urn:oasis:names:tc:SAML:2.0:assertion';
export const PROTOCOL = 'urn:oasis:names:tc:SAML:2.0:protocol';
export const SIGNATURE = 'http://www.w3.org/2000/09/xmldsig#';

export const MAX_BYTES = 256 * 1024;
const LIMITS: XmlLimits = { maxBytes: MAX_BYTES, maxDepth: 60, allowComments: false };
const REASONS: Record<XmlProblem['kind'], Check> = {
  size: 'size',
  malformed: 'xml',
  doctype: 'doctype',
  'unusual-markup': 'unusual-markup',
  depth: 'depth',
};

/**
 * Decodes a posted `SAMLResponse` (or request).
 * @throws SignInRefusal where it is too large, or not base64 of UTF-8
 */
export function decodeMessage(posted: unknown): string {
  return textOf(bytesOf(posted));
}

/** The bytes of a message as it travels. @throws SignInRefusal where it is too large, or not base64 */
export function bytesOf(posted: unknown): Buffer {
  if (typeof posted !== 'string' || posted === '') {
    throw new SignInRefusal('encoding', {
      reason: 'The request carries no SAML message.',
      remedy: 'Start the sign-in anew.',
    });
  }
  if (posted.length > MAX_BYTES * 2) throw tooLarge();
  const base64 = posted.replace(/\s/g, '');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
    throw new SignInRefusal('encoding', {
      reason: 'The SAML message is not base64.',
      remedy: 'The identity provider must encode it so.',
    });
  }
  return Buffer.from(base64, 'base64');
}

/** A message's text. @throws SignInRefusal where it is too large, or not UTF-8 */
export function textOf(bytes: Buffer): string {
  if (bytes.length > MAX_BYTES) throw tooLarge();
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new SignInRefusal('encoding', { reason: 'The SAML message is not UTF-8 text.' }, cause);
  }
}

/** Reads a decoded message. @throws SignInRefusal where it is not plain XML */
export function readMessage(xml: string): XmlElement {
  try {
    return readXml(xml, LIMITS);
  } catch (error) {
    if (!(error instanceof XmlProblem)) throw error;
    throw new SignInRefusal(REASONS[error.kind], { reason: `The SAML message ${error.message}.` }, error);
  }
}

export function tooLarge(): SignInRefusal {
  return new SignInRefusal('size', {
    reason: `The SAML message is larger than ${MAX_BYTES / 1024} KiB.`,
    remedy: 'Have the identity provider send fewer groups or attributes.',
  });
}
