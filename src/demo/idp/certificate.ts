/** A self-signed X.509 certificate for a demo identity provider. */
import { generate } from 'selfsigned';

export interface SelfSigned {
  /** PEM. */
  readonly privateKey: string;
  /** PEM. */
  readonly certificate: string;
}

const DAY = 24 * 60 * 60 * 1000;

/** Makes a fresh RSA key of 2048 bits and a certificate of it that is valid from yesterday for `days` days. */
export async function selfSigned(commonName: string, days = 365): Promise<SelfSigned> {
  const made = await generate([{ name: 'commonName', value: commonName }], {
    algorithm: 'sha256',
    keySize: 2048,
    notBeforeDate: new Date(Date.now() - DAY),
    notAfterDate: new Date(Date.now() + days * DAY),
  });
  return { privateKey: made.private, certificate: made.cert };
}

/** The base64 body of a PEM, as SAML metadata carries it. */
export function pemBody(text: string): string {
  return text.replace(/-----[^-]+-----|\s/g, '');
}
