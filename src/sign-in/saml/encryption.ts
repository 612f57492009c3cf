/**
 * Encrypted assertions: whether one may be, must be, and is in a way that is accepted; and its opening. Padding by RSA 1.5 is refused, for
 * whoever may ask often enough learns what it hides (XML Encryption 1.1, 5.5.1).
 */
import { promisify } from 'node:util';
import { decrypt } from 'xml-encryption';
import { type Finding, type NamedCheck, SignInRefusal } from '../refusal.ts';
import type { SamlConfig } from './config.ts';
import { ASSERTION, readMessage, SIGNATURE } from './message.ts';
import type { OwnKey } from './own-key.ts';
import { childrenOf, onlyChild, sourceOf, withDescendants, type XmlElement } from './xml.ts';

export interface EncryptionFacts {
  readonly root: XmlElement;
  readonly encryption: SamlConfig['encryption'];
}

export interface OpenedResponse {
  /** The response with its assertion in the place where the encrypted one stood. */
  readonly root: XmlElement;
  /** PEM of the key that opened it. */
  readonly decryptionKey: string;
}

const XMLENC = 'http://www.w3.org/2001/04/xmlenc#';
const XMLENC11 = 'http://www.w3.org/2009/xmlenc11#';
const CIPHERS = [`${XMLENC11}aes256-gcm`, `${XMLENC11}aes128-gcm`, `${XMLENC}aes256-cbc`, `${XMLENC}aes128-cbc`];
const KEY_TRANSPORT = `${XMLENC}rsa-oaep-mgf1p`;
const KEY_DIGEST = `${SIGNATURE}sha1`;

export const ENCRYPTION_CHECKS: readonly NamedCheck<EncryptionFacts>[] = [
  { name: 'encryption', find: isEncryptedAsAgreed },
  { name: 'encryption', find: isEncryptedPlainly },
];

/** Whether the response carries anything that is encrypted. */
export function isEncrypted(root: XmlElement): boolean {
  return withDescendants(root).some(({ name }) => name === 'EncryptedAssertion');
}

/**
 * Opens the assertion of a response that passed the checks.
 * @throws SignInRefusal `encryption`, in the same words whatever it was that did not fit
 */
export async function openAssertion(
  xml: string,
  root: XmlElement,
  keys: readonly Pick<OwnKey, 'privateKey'>[],
): Promise<OpenedResponse> {
  const encrypted = sourceOf(xml, ASSERTION, 'EncryptedAssertion');
  for (const { privateKey } of keys) {
    const opened = await open(encrypted, privateKey).catch(() => undefined);
    if (opened === undefined) continue;
    const children = root.children.map((child) => (child.name === 'EncryptedAssertion' ? opened : child));
    return { root: { ...root, children }, decryptionKey: privateKey };
  }
  throw unreadable('no key of ours opens it');
}

/**
 * Whoever changes an encrypted assertion and asks again learns what is in it, if he is told at which step it failed. So up to the
 * signature every failure is told alike; what it was stands in the trace.
 */
export async function tellingAlike<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof SignInRefusal ? unreadable(error) : error;
  }
}

async function open(encrypted: string, privateKey: string): Promise<XmlElement> {
  const assertion = readMessage(await promisify(decrypt)(encrypted, { key: privateKey }));
  if (assertion.namespace !== ASSERTION || assertion.name !== 'Assertion') throw new Error('not an assertion');
  return assertion;
}

function unreadable(cause: unknown): SignInRefusal {
  return new SignInRefusal(
    'encryption',
    {
      reason: 'The encrypted assertion can not be opened, or what is in it is not signed as it should be.',
      remedy: 'Give the identity provider our metadata anew; the trace says which check failed.',
    },
    cause,
  );
}

function isEncryptedAsAgreed({ root, encryption }: EncryptionFacts): Finding | undefined {
  if (isEncrypted(root) && encryption === 'off') {
    return {
      reason: 'The assertion is encrypted, and this connection has no key for it.',
      remedy: 'Turn encryption off at the identity provider, or on at the connection.',
    };
  }
  if (isEncrypted(root) || encryption !== 'required') return undefined;
  return {
    reason: 'The assertion is not encrypted.',
    remedy: "Have the identity provider encrypt assertions to the certificate in the connection's metadata.",
  };
}

function isEncryptedPlainly({ root }: EncryptionFacts): Finding | undefined {
  if (!isEncrypted(root)) return undefined;
  const assertion = onlyChild(root, ASSERTION, 'EncryptedAssertion');
  const inside = assertion === undefined ? [] : withDescendants(assertion).slice(1);
  const named = (name: string) => inside.filter((each) => each.namespace === XMLENC && each.name === name);
  const others = withDescendants(root).filter(({ name }) => /^(?:Encrypted)?Assertion$/i.test(name));
  const [data, key] = [named('EncryptedData'), named('EncryptedKey')];
  if (others.length !== 1 || data.length !== 1 || key.length !== 1) {
    return { reason: 'The response does not consist of exactly one assertion, encrypted once for us.' };
  }
  return unacceptedMethod(data[0], CIPHERS) ?? unacceptedMethod(key[0], [KEY_TRANSPORT]) ?? unacceptedDigest(key[0]);
}

function unacceptedMethod(element: XmlElement | undefined, accepted: readonly string[]): Finding | undefined {
  const got = onlyChild(element, XMLENC, 'EncryptionMethod')?.attributes['Algorithm'] ?? 'none';
  return accepted.includes(got) ? undefined : unaccepted(accepted[0] ?? '', got);
}

function unacceptedDigest(key: XmlElement | undefined): Finding | undefined {
  const method = onlyChild(key, XMLENC, 'EncryptionMethod');
  const digests = method === undefined ? [] : childrenOf(method, SIGNATURE, 'DigestMethod');
  const wrong = digests.find(({ attributes }) => attributes['Algorithm'] !== KEY_DIGEST);
  return wrong && unaccepted(`${KEY_TRANSPORT} with ${KEY_DIGEST}`, wrong.attributes['Algorithm'] ?? 'none');
}

function unaccepted(wanted: string, got: string): Finding {
  return {
    reason: 'The assertion is encrypted by an algorithm that is not accepted.',
    remedy: 'Set the identity provider to AES-256 (GCM or CBC), and RSA-OAEP for the key.',
    wanted,
    got,
  };
}
