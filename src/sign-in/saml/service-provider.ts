/** Our side of a SAML connection: its names and addresses, and the metadata that tells an identity provider of them. */
import { randomBytes } from 'node:crypto';
import { SignedXml } from 'xml-crypto';
import { html as markup } from '../page.ts';
import { needsOwnKey, type SamlConfig, signsRequests } from './config.ts';
import { SIGNATURE } from './message.ts';
import type { OwnKey, PublishedCertificate } from './own-key.ts';

export interface ServiceProvider {
  /** Also where the metadata is found. */
  readonly entityId: string;
  readonly acsUrl: string;
  readonly loginUrl: string;
  /** Where the identity provider's logout messages come, by either binding. */
  readonly logoutUrl: string;
  /** Okta's Universal Logout. */
  readonly tokenRevocationUri: string;
}

/** The names and addresses of a connection towards its identity provider; each connection has its own. */
export function serviceProviderOf(baseUrl: string, connectionId: string): ServiceProvider {
  const base = `${baseUrl}/saml/${connectionId}`;
  return {
    entityId: `${base}/metadata`,
    acsUrl: `${base}/acs`,
    loginUrl: `${base}/login`,
    logoutUrl: `${base}/logout`,
    tokenRevocationUri: `${base}/global-token-revocation`,
  };
}

const METADATA = 'urn:oasis:names:tc:SAML:2.0:metadata';
const BINDINGS = 'urn:oasis:names:tc:SAML:2.0:bindings';
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
export const NAME_ID_FORMATS = {
  persistent: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  emailAddress: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
  unspecified: 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified',
};
const CIPHERS = ['2009/xmlenc11#aes256-gcm', '2009/xmlenc11#aes128-gcm', '2001/04/xmlenc#aes256-cbc'];

/**
 * The metadata that an identity provider's administrator imports.
 * @param certificates latest first; while keys rotate the next is among them
 * @param signing the metadata is signed with it, where there is one
 */
export function metadataOf(
  config: SamlConfig,
  own: ServiceProvider,
  certificates: readonly PublishedCertificate[],
  signing: OwnKey | undefined,
): string {
  const used = needsOwnKey(config) ? certificates : [];
  const encryption = config.encryption === 'off' ? [] : used.slice(0, 1);
  const logout = config.logoutUrl === null ? [] : ['HTTP-Redirect', 'HTTP-POST'];
  const format = config.nameIdFormat === null ? null : NAME_ID_FORMATS[config.nameIdFormat];
  const { text } =
    markup`<md:EntityDescriptor xmlns:md="${METADATA}" xmlns:ds="${SIGNATURE}" entityID="${own.entityId}" ID="_${randomBytes(20).toString('hex')}" cacheDuration="PT12H">
<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" AuthnRequestsSigned="${String(signsRequests(config))}" WantAssertionsSigned="${String(!config.acceptSignedResponse)}">
${used.map((each) => keyDescriptor('signing', each))}${encryption.map((each) => keyDescriptor('encryption', each))}${logout.map(
  (binding) =>
    markup`<md:SingleLogoutService Binding="${BINDINGS}:${binding}" Location="${own.logoutUrl}"/>
`,
)}${
  format === null
    ? null
    : markup`<md:NameIDFormat>${format}</md:NameIDFormat>
`
}<md:AssertionConsumerService index="0" isDefault="true" Binding="${BINDINGS}:HTTP-POST" Location="${own.acsUrl}"/>
</md:SPSSODescriptor>
</md:EntityDescriptor>`;
  return signing === undefined ? text : signed(text, signing);
}

function keyDescriptor(use: 'signing' | 'encryption', { certificate }: PublishedCertificate) {
  const body = certificate.replace(/-----[^-]+-----|\s/g, '');
  const methods = use === 'signing' ? [] : CIPHERS;
  return markup`<md:KeyDescriptor use="${use}"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>${body}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>${methods.map(
    (name) => markup`<md:EncryptionMethod Algorithm="http://www.w3.org/${name}"/>`,
  )}</md:KeyDescriptor>
`;
}

function signed(metadata: string, { privateKey, certificate }: OwnKey): string {
  const at = "/*[local-name(.)='EntityDescriptor']";
  const signature = new SignedXml({
    privateKey,
    publicCert: certificate,
    signatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    canonicalizationAlgorithm: EXCLUSIVE,
  });
  signature.addReference({
    xpath: at,
    transforms: [`${SIGNATURE}enveloped-signature`, EXCLUSIVE],
    digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha256',
  });
  signature.computeSignature(metadata, { prefix: 'ds', location: { reference: at, action: 'prepend' } });
  return signature.getSignedXml();
}
