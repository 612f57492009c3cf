/** SAML responses as an attacker or a broken identity provider would make them: every part can be wrong, and be signed anyhow. */
import { createPublicKey, createSign, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { SignedXml } from 'xml-crypto';
import * as xmlenc from 'xml-encryption';

export interface Parts {
  readonly responseId: string;
  readonly assertionId: string;
  readonly issuer: string;
  readonly destination: string | null;
  readonly recipient: string;
  readonly audience: string | null;
  readonly inResponseTo: string | null;
  readonly notBefore: number;
  readonly notOnOrAfter: number;
  readonly confirmedUntil: number | null;
  readonly status: string;
  readonly nameId: string | null;
  readonly nameIdFormat: string;
  readonly email: string;
  readonly authenticatedAt?: number;
  readonly sessionIndex?: string;
  /** Put into the attribute statement as it is. */
  readonly attributes: string;
}

export interface Signing {
  readonly privateKey: string;
  readonly certificate?: string;
  readonly signatureAlgorithm?: string;
  readonly digestAlgorithm?: string;
  readonly transforms?: readonly string[];
  readonly canonicalization?: string;
  /** What is signed; the assertion if left out. */
  readonly over?: 'Assertion' | 'Response' | 'LogoutRequest';
}

export const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const NAMESPACES =
  'xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"';
const SUCCESS = 'urn:oasis:names:tc:SAML:2.0:status:Success';

/** Good parts for an answer to a request; a test makes wrong what it is about. */
export function goodParts(to: {
  issuer: string;
  acsUrl: string;
  entityId: string;
  requestId: string;
  email: string;
}): Parts {
  const now = Date.now();
  return {
    responseId: `_${randomUUID()}`,
    assertionId: `_${randomUUID()}`,
    issuer: to.issuer,
    destination: to.acsUrl,
    recipient: to.acsUrl,
    audience: to.entityId,
    inResponseTo: to.requestId,
    notBefore: now - 10_000,
    notOnOrAfter: now + 300_000,
    confirmedUntil: now + 300_000,
    status: SUCCESS,
    nameId: to.email,
    nameIdFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    email: to.email,
    attributes: '',
  };
}

/** An assertion without a signature. */
export function assertion(parts: Parts): string {
  const { nameId, audience, confirmedUntil, inResponseTo } = parts;
  const subject = nameId === null ? '' : `<saml:NameID Format="${parts.nameIdFormat}">${nameId}</saml:NameID>`;
  const until = confirmedUntil === null ? '' : ` NotOnOrAfter="${iso(confirmedUntil)}"`;
  const answers = inResponseTo === null ? '' : ` InResponseTo="${inResponseTo}"`;
  const restriction =
    audience === null
      ? ''
      : `<saml:AudienceRestriction><saml:Audience>${audience}</saml:Audience></saml:AudienceRestriction>`;
  return `<saml:Assertion ${NAMESPACES} ID="${parts.assertionId}" Version="2.0" IssueInstant="${iso(parts.notBefore)}"><saml:Issuer>${parts.issuer}</saml:Issuer><saml:Subject>${subject}<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData${until} Recipient="${parts.recipient}"${answers}/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="${iso(parts.notBefore)}" NotOnOrAfter="${iso(parts.notOnOrAfter)}">${restriction}</saml:Conditions><saml:AuthnStatement AuthnInstant="${iso(parts.authenticatedAt ?? parts.notBefore)}"${parts.sessionIndex === undefined ? '' : ` SessionIndex="${parts.sessionIndex}"`}><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="email"><saml:AttributeValue>${parts.email}</saml:AttributeValue></saml:Attribute>${parts.attributes}</saml:AttributeStatement></saml:Assertion>`;
}

/** A response around whatever is put into it. */
export function response(parts: Parts, content: string, before = ''): string {
  const destination = parts.destination === null ? '' : ` Destination="${parts.destination}"`;
  const answers = parts.inResponseTo === null ? '' : ` InResponseTo="${parts.inResponseTo}"`;
  return `<samlp:Response ${NAMESPACES} ID="${parts.responseId}" Version="2.0" IssueInstant="${iso(parts.notBefore)}"${destination}${answers}><saml:Issuer>${parts.issuer}</saml:Issuer>${before}<samlp:Status><samlp:StatusCode Value="${parts.status}"/></samlp:Status>${content}</samlp:Response>`;
}

/** Signs an element of a document, enveloped, right after its issuer. */
export function sign(xml: string, signing: Signing): string {
  const { over = 'Assertion', privateKey, certificate } = signing;
  const at =
    over === 'Assertion' ? "/*[local-name(.)='Response']/*[local-name(.)='Assertion']" : `/*[local-name(.)='${over}']`;
  const canonicalizationAlgorithm = signing.canonicalization ?? EXCLUSIVE;
  const signed = new SignedXml({
    privateKey,
    ...(certificate === undefined ? {} : { publicCert: certificate }),
    signatureAlgorithm: signing.signatureAlgorithm ?? 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    canonicalizationAlgorithm: canonicalizationAlgorithm as typeof EXCLUSIVE,
  });
  if (signing.signatureAlgorithm?.includes('hmac')) signed.enableHMAC();
  signed.addReference({
    xpath: at,
    transforms: [...(signing.transforms ?? [`${DSIG}enveloped-signature`, EXCLUSIVE])],
    digestAlgorithm: signing.digestAlgorithm ?? 'http://www.w3.org/2001/04/xmlenc#sha256',
  });
  signed.computeSignature(xml, {
    prefix: 'ds',
    location: { reference: `${at}/*[local-name(.)='Issuer']`, action: 'after' },
  });
  return signed.getSignedXml();
}

/** How an assertion is encrypted; what is left out is as it should be. */
export interface Encrypting {
  readonly certificate: string;
  readonly cipher?: string;
  readonly transport?: string;
}

const XMLENC = 'http://www.w3.org/2001/04/xmlenc#';

/** Encrypts the assertion of a response. */
export async function encrypt(xml: string, { certificate, cipher, transport }: Encrypting): Promise<string> {
  const { whole } = partsOf(xml);
  const made = await promisify(xmlenc.encrypt)(whole, {
    rsa_pub: createPublicKey(certificate).export({ type: 'spki', format: 'pem' }).toString(),
    pem: certificate,
    encryptionAlgorithm: (cipher ??
      'http://www.w3.org/2009/xmlenc11#aes256-gcm') as 'http://www.w3.org/2009/xmlenc11#aes256-gcm',
    keyEncryptionAlgorithm: (transport ??
      `${XMLENC}rsa-oaep-mgf1p`) as 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
    warnInsecureAlgorithm: false,
  });
  return xml.replace(whole, () => `<saml:EncryptedAssertion>${made}</saml:EncryptedAssertion>`);
}

export interface LogoutParts {
  readonly id: string;
  readonly issuer: string;
  readonly destination: string | null;
  readonly issuedAt: number;
  readonly nameId: string | null;
  readonly sessionIndex: string | null;
}

/** A logout request, not signed. */
export function logoutRequest(parts: LogoutParts): string {
  const destination = parts.destination === null ? '' : ` Destination="${parts.destination}"`;
  const nameId = parts.nameId === null ? '' : `<saml:NameID>${parts.nameId}</saml:NameID>`;
  const index = parts.sessionIndex === null ? '' : `<samlp:SessionIndex>${parts.sessionIndex}</samlp:SessionIndex>`;
  return `<samlp:LogoutRequest ${NAMESPACES} ID="${parts.id}" Version="2.0" IssueInstant="${iso(parts.issuedAt)}"${destination}><saml:Issuer>${parts.issuer}</saml:Issuer>${nameId}${index}</samlp:LogoutRequest>`;
}

/** A message as it travels in an address, signed over its octets. */
export function inQuery(
  name: 'SAMLRequest' | 'SAMLResponse',
  xml: string,
  privateKey: string | null,
  relayState?: string,
  algorithm = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
): string {
  const query = new URLSearchParams({ [name]: deflateRawSync(Buffer.from(xml)).toString('base64') });
  if (relayState !== undefined) query.set('RelayState', relayState);
  if (privateKey === null) return query.toString();
  query.set('SigAlg', algorithm);
  const hash = algorithm.slice(algorithm.lastIndexOf('-') + 1);
  query.set('Signature', createSign(hash).update(query.toString()).sign(privateKey, 'base64'));
  return query.toString();
}

/** The message in an address that a browser was sent to. */
export function messageIn(location: string, name: 'SAMLRequest' | 'SAMLResponse' = 'SAMLRequest'): string {
  const message = new URL(location).searchParams.get(name) ?? '';
  return inflateRawSync(Buffer.from(message, 'base64')).toString();
}

/** As it is posted. */
export function posted(xml: string): string {
  return Buffer.from(xml).toString('base64');
}

/** The id of the request in an address that a browser was sent to. */
export function requestIdIn(location: string): string {
  return / ID="([^"]+)"/.exec(messageIn(location))?.[1] ?? '';
}

/** The signed assertion of a response, and its signature. */
export function partsOf(signedXml: string): { whole: string; signature: string; bare: string } {
  const whole = /<saml:Assertion[\s\S]*<\/saml:Assertion>/.exec(signedXml)?.[0] ?? '';
  const signature = /<ds:Signature[\s\S]*?<\/ds:Signature>/.exec(whole)?.[0] ?? '';
  return { whole, signature, bare: whole.replace(signature, '') };
}

/**
 * The classic ways of putting a forged assertion beside a validly signed one, so that one is verified and the other read.
 * @param forged an assertion without a signature
 */
export function wrappings(signedXml: string, forged: string): Readonly<Record<string, string>> {
  const { whole, signature, bare } = partsOf(signedXml);
  const swap = (content: string) => signedXml.replace(whole, () => content);
  const signForged = (with_: string) => forged.replace('</saml:Issuer>', () => `</saml:Issuer>${with_}`);
  const holding = (content: string) =>
    signature.replace('</ds:Signature>', () => `<ds:Object>${content}</ds:Object></ds:Signature>`);
  return {
    'forged before signed': swap(forged + whole),
    'forged after signed': swap(whole + forged),
    'signed inside forged': swap(forged.replace('</saml:Assertion>', () => `${whole}</saml:Assertion>`)),
    'forged takes the signature, original beside': swap(signForged(signature) + bare),
    'forged takes the signature, original in its Object': swap(signForged(holding(bare))),
    'forged in Extensions': signedXml.replace(
      '<samlp:Status>',
      () => `<samlp:Extensions>${forged}</samlp:Extensions><samlp:Status>`,
    ),
    'original in an Object of the signature of the forged, nested': swap(
      forged.replace('</saml:Subject>', () => `</saml:Subject>${holding(whole)}`),
    ),
    'forged inside the Object of the signature': swap(whole.replace(signature, () => holding(forged))),
    'original response in an Object, forged response around': signedXml
      .replace(whole, () => signForged(signature))
      .replace('</samlp:Response>', () => `<ds:Object xmlns:ds="${DSIG}">${signedXml}</ds:Object></samlp:Response>`),
  };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
