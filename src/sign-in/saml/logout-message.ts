/** Logout messages as they come in, by redirect or by form, and whether they are signed by the identity provider (SAML Bindings 3.4, 3.5). */
import { verify } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { SAML } from '@node-saml/passport-saml';
import { pass, SignInRefusal } from '../refusal.ts';
import { certificateOf } from './certificate.ts';
import type { SamlConfig } from './config.ts';
import { libraryOptions } from './library.ts';
import { bytesOf, decodeMessage, MAX_BYTES, readMessage, textOf, tooLarge } from './message.ts';
import { isResponseSigned, SIGNATURE_ALGORITHMS, SIGNATURE_CHECKS } from './message-checks.ts';
import type { ServiceProvider } from './service-provider.ts';
import type { XmlElement } from './xml.ts';

export interface LogoutMessage {
  readonly kind: 'request' | 'response';
  /** As it was signed. */
  readonly root: XmlElement;
  /** Goes back with the answer, as it came. */
  readonly relayState: string | undefined;
}

/**
 * Reads a message out of an address.
 * @param query as it came, for it is what was signed
 * @throws SignInRefusal
 */
export function readLogoutQuery(config: SamlConfig, query: string): LogoutMessage {
  const raw = fieldsOf(query);
  const kind = raw.has('SAMLRequest') ? 'request' : 'response';
  const name = kind === 'request' ? 'SAMLRequest' : 'SAMLResponse';
  const said = (field: string) => decoded(raw.get(field));
  if (raw.has('SAMLRequest') && raw.has('SAMLResponse')) throw unreadable('It carries a request and a response.');
  const root = readMessage(textOf(inflated(bytesOf(said(name)))));
  const covered = [name, 'RelayState', 'SigAlg'].filter((field) => raw.has(field));
  verifyQuery(config, {
    signed: covered.map((field) => `${field}=${raw.get(field)}`).join('&'),
    algorithm: said('SigAlg'),
    signature: said('Signature'),
  });
  return { kind, root, relayState: said('RelayState') };
}

/** Reads a message out of a form. @throws SignInRefusal */
export async function readLogoutForm(
  config: SamlConfig,
  own: ServiceProvider,
  form: Readonly<Record<string, unknown>>,
): Promise<LogoutMessage> {
  const kind = form['SAMLRequest'] === undefined ? 'response' : 'request';
  const xml = decodeMessage(form[kind === 'request' ? 'SAMLRequest' : 'SAMLResponse']);
  const root = readMessage(xml);
  if (!isResponseSigned(root)) throw unsigned();
  pass(SIGNATURE_CHECKS, { root });
  const saml = new SAML({ ...libraryOptions(config, own), wantAuthnResponseSigned: true });
  const encoded = Buffer.from(xml).toString('base64');
  const verified = kind === 'request' ? saml.validatePostRequestAsync : saml.validatePostResponseAsync;
  await verified
    .call(saml, { SAMLRequest: encoded, SAMLResponse: encoded })
    .catch((cause: unknown) => Promise.reject(wrongSignature(cause)));
  const { RelayState: relayState } = form;
  return { kind, root, relayState: typeof relayState === 'string' ? relayState : undefined };
}

/** The fields of a query, still encoded; one that comes twice could be verified in one place and read in another. */
function fieldsOf(query: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const part of query.split('&').filter((each) => each !== '')) {
    const at = part.indexOf('=');
    const name = at < 0 ? part : part.slice(0, at);
    if (fields.has(name)) throw unreadable(`It carries ${name} twice.`);
    fields.set(name, at < 0 ? '' : part.slice(at + 1));
  }
  return fields;
}

function decoded(value: string | undefined): string | undefined {
  try {
    return value === undefined ? undefined : decodeURIComponent(value.replaceAll('+', ' '));
  } catch (cause) {
    throw unreadable('It is not encoded as an address is.', cause);
  }
}

/** Never more than a message may be, however much it would become. */
function inflated(bytes: Buffer): Buffer {
  try {
    return inflateRawSync(bytes, { maxOutputLength: MAX_BYTES });
  } catch (cause) {
    throw (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
      ? tooLarge()
      : unreadable('It is not compressed by DEFLATE.', cause);
  }
}

function verifyQuery(
  { certificates }: SamlConfig,
  message: { readonly signed: string; readonly algorithm: string | undefined; readonly signature: string | undefined },
): void {
  const { signed, algorithm = 'none', signature } = message;
  if (signature === undefined || signature === '') throw unsigned();
  if (!SIGNATURE_ALGORITHMS.includes(algorithm)) {
    throw new SignInRefusal('signature-algorithm', {
      reason: 'The signature is made by an algorithm that is not accepted.',
      remedy: 'Set the identity provider to SHA-256.',
      wanted: SIGNATURE_ALGORITHMS[0] ?? '',
      got: algorithm,
    });
  }
  const hash = algorithm.slice(algorithm.lastIndexOf('-') + 1);
  const bytes = Buffer.from(signature, 'base64');
  const fits = certificates.some((body) =>
    verify(hash, Buffer.from(signed), { key: certificateOf(body).publicKey, dsaEncoding: 'ieee-p1363' }, bytes),
  );
  if (!fits) throw wrongSignature(undefined);
}

function unsigned(): SignInRefusal {
  return new SignInRefusal('signed', {
    reason: 'The logout message is not signed.',
    remedy: 'Have the identity provider sign logout messages.',
  });
}

function wrongSignature(cause: unknown): SignInRefusal {
  const reason = "The signature was not made by this connection's identity provider, or what it covers was altered.";
  return new SignInRefusal('signature', { reason }, cause);
}

function unreadable(what: string, cause?: unknown): SignInRefusal {
  return new SignInRefusal('encoding', { reason: `The logout message can not be read. ${what}` }, cause);
}
