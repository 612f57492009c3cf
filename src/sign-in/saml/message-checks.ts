/**
 * What must hold of a whole response before its signature is worth verifying: one assertion, signed once, plainly, with algorithms of
 * today. The shape is fixed so narrowly that what is verified and what is read can only be the same element.
 */
import type { Finding, NamedCheck } from '../refusal.ts';
import { ASSERTION, PROTOCOL, SIGNATURE } from './message.ts';
import { childrenOf, onlyChild, withDescendants, type XmlElement } from './xml.ts';

export interface MessageFacts {
  readonly root: XmlElement;
  /** Where this connection takes responses. */
  readonly acsUrl: string;
  /** Whether a signature over the response alone will do. */
  readonly acceptSignedResponse: boolean;
}

const SUCCESS = 'urn:oasis:names:tc:SAML:2.0:status:Success';
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const ENVELOPED = `${SIGNATURE}enveloped-signature`;
const MORE = 'http://www.w3.org/2001/04/xmldsig-more#';
export const SIGNATURE_ALGORITHMS = [
  'rsa-sha256',
  'rsa-sha384',
  'rsa-sha512',
  'ecdsa-sha256',
  'ecdsa-sha384',
  'ecdsa-sha512',
].map((name) => `${MORE}${name}`);
const DIGEST_ALGORITHMS = [
  'http://www.w3.org/2001/04/xmlenc#sha256',
  `${MORE}sha384`,
  'http://www.w3.org/2001/04/xmlenc#sha512',
];

/** Before anything is decrypted. In this order; the first that finds something names the refusal. */
export const ENVELOPE_CHECKS: readonly NamedCheck<Pick<MessageFacts, 'root'>>[] = [
  { name: 'response', find: isResponse },
  { name: 'status', find: isSuccess },
];

/** Of any message: ids and signatures are such that what is verified and what is read can only be the same. */
export const SIGNATURE_CHECKS: readonly NamedCheck<Pick<MessageFacts, 'root'>>[] = [
  { name: 'unique-ids', find: hasUniqueIds },
  { name: 'signature-shape', find: hasPlainSignatures },
  { name: 'signature-algorithm', find: signsByAcceptedAlgorithm },
  { name: 'digest-algorithm', find: digestsByAcceptedAlgorithm },
  { name: 'signature-transform', find: transformsPlainly },
];

/** Of a response, once its assertion lies open; likewise in order. */
export const MESSAGE_CHECKS: readonly NamedCheck<MessageFacts>[] = [
  { name: 'one-assertion', find: hasOneAssertion },
  { name: 'signed', find: hasSignedAssertion },
  ...SIGNATURE_CHECKS,
  { name: 'destination', find: isMeantForThisAddress },
];

/** The assertion of a response that passed the checks. */
export function assertionOf(root: XmlElement): XmlElement | undefined {
  return onlyChild(root, ASSERTION, 'Assertion');
}

/** Whether the response as a whole is signed too. */
export function isResponseSigned(root: XmlElement): boolean {
  return childrenOf(root, SIGNATURE, 'Signature').length > 0;
}

/** Whether the assertion of a response is signed itself. */
export function isAssertionSigned(root: XmlElement): boolean {
  const assertion = assertionOf(root);
  return assertion !== undefined && childrenOf(assertion, SIGNATURE, 'Signature').length > 0;
}

function isResponse({ root }: Pick<MessageFacts, 'root'>): Finding | undefined {
  if (root.namespace === PROTOCOL && root.name === 'Response' && root.attributes['Version'] === '2.0') return undefined;
  return { reason: 'The message is not a SAML 2.0 response.', got: root.name };
}

function isSuccess({ root }: Pick<MessageFacts, 'root'>): Finding | undefined {
  const code = onlyChild(onlyChild(root, PROTOCOL, 'Status'), PROTOCOL, 'StatusCode');
  const value = code?.attributes['Value'];
  const nested = code === undefined ? [] : withDescendants(code).slice(1);
  if (value === SUCCESS && nested.length === 0) return undefined;
  const got = nested[0]?.attributes['Value'] ?? value ?? 'none';
  const short = got.slice(got.lastIndexOf(':') + 1);
  return {
    reason: `The identity provider did not sign the person in; its status is ${short}.`,
    remedy: 'Whether the person is assigned to this application is decided there.',
    got,
  };
}

function hasOneAssertion({ root }: MessageFacts): Finding | undefined {
  const found = withDescendants(root).filter(({ name }) => /^(?:Encrypted)?Assertion$/i.test(name));
  if (found.length === 1 && assertionOf(root) === found[0]) return undefined;
  return { reason: 'The response does not consist of exactly one assertion.', wanted: '1', got: String(found.length) };
}

function hasUniqueIds({ root }: Pick<MessageFacts, 'root'>): Finding | undefined {
  const ids = withDescendants(root).flatMap(({ attributes }) =>
    Object.entries(attributes).flatMap(([name, value]) => (/^(?:.*:)?id$/i.test(name) ? [{ name, value }] : [])),
  );
  const odd = ids.find(({ name, value }) => (name !== 'ID' && name !== 'Id') || value === '');
  const values = ids.map(({ value }) => value);
  if (odd === undefined && new Set(values).size === values.length) return undefined;
  return { reason: 'The ids in the response are not unique.' };
}

function hasSignedAssertion({ root, acceptSignedResponse }: MessageFacts): Finding | undefined {
  const assertion = assertionOf(root);
  const signatures = assertion === undefined ? 0 : childrenOf(assertion, SIGNATURE, 'Signature').length;
  if (signatures === 1 || (signatures === 0 && acceptSignedResponse && isResponseSigned(root))) return undefined;
  return {
    reason: 'The assertion is not signed.',
    remedy: 'Have the identity provider sign assertions, with RSA-SHA256 or better.',
  };
}

/** Signatures stand only where SAML puts them, one each, over the element that they stand in. */
function hasPlainSignatures({ root }: Pick<MessageFacts, 'root'>): Finding | undefined {
  const holders = [root, assertionOf(root)].filter((each) => each !== undefined);
  const signed = holders.map((holder) => ({ holder, signatures: childrenOf(holder, SIGNATURE, 'Signature') }));
  const placed = signed.flatMap(({ signatures }) => signatures);
  const all = withDescendants(root).filter(({ name }) => name.toLowerCase() === 'signature');
  const wrong =
    all.length !== placed.length ||
    signed.some(
      ({ holder, signatures }) => signatures.length > 1 || signatures.some((each) => !coversOnly(each, holder)),
    );
  return wrong
    ? { reason: 'A signature in the response does not cover exactly the element that it stands in.' }
    : undefined;
}

function coversOnly(signature: XmlElement, holder: XmlElement): boolean {
  const inside = withDescendants(signature);
  const info = onlyChild(signature, SIGNATURE, 'SignedInfo');
  const references = inside.filter(({ name }) => name === 'Reference');
  const single = [
    'SignedInfo',
    'SignatureValue',
    'DigestValue',
    'DigestMethod',
    'SignatureMethod',
    'CanonicalizationMethod',
  ];
  const once = single.every((name) => inside.filter((each) => each.name === name).length === 1);
  const reference = onlyChild(info, SIGNATURE, 'Reference');
  const id = holder.attributes['ID'];
  const objects = inside.some(({ name }) => name === 'Object' || name === 'Manifest');
  return once && !objects && references.length === 1 && id !== undefined && reference?.attributes['URI'] === `#${id}`;
}

function signsByAcceptedAlgorithm({ root }: Pick<MessageFacts, 'root'>): Finding | undefined {
  return unaccepted(
    root,
    'SignatureMethod',
    SIGNATURE_ALGORITHMS,
    'The signature is made by an algorithm that is not accepted.',
  );
}

function digestsByAcceptedAlgorithm({ root }: Pick<MessageFacts, 'root'>): Finding | undefined {
  return unaccepted(
    root,
    'DigestMethod',
    DIGEST_ALGORITHMS,
    'The signature digests by an algorithm that is not accepted.',
  );
}

function transformsPlainly({ root }: Pick<MessageFacts, 'root'>): Finding | undefined {
  const reason = 'The signature transforms or canonicalizes in a way that is not accepted.';
  return (
    unaccepted(root, 'Transform', [ENVELOPED, EXCLUSIVE], reason) ??
    unaccepted(root, 'CanonicalizationMethod', [EXCLUSIVE], reason)
  );
}

function unaccepted(root: XmlElement, name: string, accepted: readonly string[], reason: string): Finding | undefined {
  const wrong = withDescendants(root).find(
    (each) =>
      each.namespace === SIGNATURE && each.name === name && !accepted.includes(each.attributes['Algorithm'] ?? ''),
  );
  if (wrong === undefined) return undefined;
  const got = wrong.attributes['Algorithm'] ?? 'none';
  return { reason, remedy: 'Set the identity provider to SHA-256.', wanted: accepted[0] ?? '', got };
}

function isMeantForThisAddress({ root, acsUrl }: MessageFacts): Finding | undefined {
  const got = root.attributes['Destination'];
  if (got === acsUrl || (got === undefined && !isResponseSigned(root))) return undefined;
  return {
    reason: 'The response is addressed to another destination.',
    remedy: `Set the identity provider's reply (ACS) URL to ${acsUrl}.`,
    wanted: acsUrl,
    got: got ?? 'none',
  };
}
