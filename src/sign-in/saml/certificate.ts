/** Certificates that sign what an identity provider says: read once, remembered by their text. */
import { createHash, X509Certificate } from 'node:crypto';
import { Fault } from '../../errors.ts';

export interface SigningCertificate {
  /** Of the whole certificate, SHA-256 in hex. */
  readonly fingerprint: string;
  /** PEM of the public key alone: reading a certificate at each verification would cost more than the verification. */
  readonly publicKey: string;
  readonly notAfter: Date;
}

const REMEMBERED = 2000;
const known = new Map<string, SigningCertificate>();

/** What a certificate's base64 body says. @throws Error where it is none */
export function certificateOf(body: string): SigningCertificate {
  const found = known.get(body);
  if (found !== undefined) return found;
  const bytes = Buffer.from(body, 'base64');
  const certificate = new X509Certificate(bytes);
  const read = {
    fingerprint: createHash('sha256').update(bytes).digest('hex'),
    publicKey: certificate.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    notAfter: certificate.validToDate,
  };
  if (known.size >= REMEMBERED) known.clear();
  known.set(body, read);
  return read;
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
