/** Reads an identity provider's SAML metadata: by samlify, behind a strict reader, since the text comes from outside. */
import { X509Certificate } from 'node:crypto';
import samlify from 'samlify';
import { Fault } from '../../errors.ts';
import { readXml, withDescendants, type XmlElement, XmlProblem } from './xml.ts';

/** What a connection needs to know of an identity provider. */
export interface IdpDescription {
  readonly entityId: string;
  /** Where the browser is sent, by HTTP-Redirect. */
  readonly ssoUrl: string;
  /** Base64 bodies of the certificates whose keys may sign. */
  readonly certificates: readonly string[];
}

const METADATA = 'urn:oasis:names:tc:SAML:2.0:metadata';
const LIMITS = { maxBytes: 1024 * 1024, maxDepth: 60, allowComments: true };

/**
 * Reads metadata of exactly one identity provider.
 * @param now metadata that was valid until an earlier time is refused
 * @throws Fault `invalid-input` saying what is wrong with it
 */
export function readIdpMetadata(xml: string, now: Date): IdpDescription {
  const root = readStrictly(xml);
  if (root.namespace !== METADATA || root.name !== 'EntityDescriptor') {
    throw unusable('is not the metadata of one entity', 'Paste the EntityDescriptor of the identity provider.');
  }
  const validUntil = root.attributes['validUntil'];
  if (validUntil !== undefined && !(Date.parse(validUntil) > now.getTime())) {
    throw unusable(`was valid until ${validUntil}`, 'Export it anew.');
  }
  const providers = withDescendants(root).filter(
    ({ namespace, name }) => namespace === METADATA && name === 'IDPSSODescriptor',
  );
  if (providers.length !== 1) throw unusable(`describes ${providers.length} identity providers instead of one`);
  return describe(xml);
}

/**
 * The base64 body of a certificate, given as PEM or as bare base64.
 * @throws Fault `invalid-input` where it is none, or its key is too weak
 */
export function certificateBody(text: string, where: string): string {
  const body = text.replace(/-----[^-]+-----|\s/g, '');
  try {
    const { publicKey } = new X509Certificate(Buffer.from(body, 'base64'));
    const { modulusLength } = publicKey.asymmetricKeyDetails ?? {};
    if (modulusLength !== undefined && modulusLength < 2048) throw new Error('a key of fewer than 2048 bits');
    return body;
  } catch (cause) {
    throw new Fault('invalid-input', 'This is not an X.509 certificate with a key of at least 2048 bits.', {
      where,
      cause,
    });
  }
}

function readStrictly(xml: string): XmlElement {
  try {
    return readXml(xml, LIMITS);
  } catch (error) {
    throw error instanceof XmlProblem ? unusable(error.message) : error;
  }
}

function describe(xml: string): IdpDescription {
  const { entityId, location, certificates } = parseBySamlify(xml);
  if (typeof entityId !== 'string' || entityId === '') throw unusable('has no entityID');
  if (typeof location !== 'string') throw unusable('has no sign-on address for HTTP-Redirect');
  const given = [certificates].flat(2).filter((each): each is string => typeof each === 'string' && each !== '');
  if (given.length === 0) throw unusable('has no signing certificate');
  const bodies = given.map((each) => certificateBody(each, 'metadata'));
  return { entityId, ssoUrl: location, certificates: [...new Set(bodies)] };
}

function parseBySamlify(xml: string) {
  try {
    const { entityMeta } = samlify.IdentityProvider({ metadata: xml });
    const location: unknown = entityMeta.getSingleSignOnService('redirect');
    // A certificate of unstated use serves signing too; samlify lists it under neither.
    const certificates: unknown = entityMeta.getX509Certificate('signing') ?? certificatesOfAnyUse(xml);
    return { entityId: entityMeta.getEntityID() as unknown, location, certificates };
  } catch (cause) {
    throw new Fault('invalid-input', 'The metadata can not be read.', { where: 'metadata', cause });
  }
}

function certificatesOfAnyUse(xml: string): string[] {
  const keys = withDescendants(readStrictly(xml)).filter(({ name }) => name === 'KeyDescriptor');
  const signing = keys.filter(({ attributes }) => attributes['use'] !== 'encryption');
  return signing.flatMap(withDescendants).flatMap(({ name, text }) => (name === 'X509Certificate' ? [text] : []));
}

function unusable(what: string, remedy = 'Export it anew from the identity provider.'): Fault {
  return new Fault('invalid-input', `The metadata ${what}.`, { where: 'metadata', remedy });
}
