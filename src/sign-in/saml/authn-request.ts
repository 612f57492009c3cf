/** What is asked of an identity provider, and how it travels there (SAML Core 3.4, Bindings 3.4 and 3.5). */
import { SAML } from '@node-saml/passport-saml';
import { requestAddress, type SamlConfig, signsRequests } from './config.ts';
import { libraryOptions } from './library.ts';
import type { OwnKey } from './own-key.ts';
import { NAME_ID_FORMATS, type ServiceProvider } from './service-provider.ts';

export type Outgoing =
  | { readonly binding: 'redirect'; readonly url: string }
  | { readonly binding: 'post'; readonly url: string; readonly fields: Readonly<Record<string, string>> };

/**
 * A request of this id, ready to be sent on by the browser.
 * @param key signs it, where the connection signs requests
 * @throws Fault `conflict` where the identity provider takes none in the way the connection wants
 */
export async function authnRequest(
  config: SamlConfig,
  own: ServiceProvider,
  requestId: string,
  key: OwnKey | undefined,
): Promise<Outgoing> {
  const { binding, url } = requestAddress(config);
  const { authnContexts, nameIdFormat, forceAuthn } = config;
  const saml = new SAML({
    ...libraryOptions(config, own),
    entryPoint: url,
    generateUniqueId: () => requestId,
    forceAuthn,
    disableRequestedAuthnContext: authnContexts.length === 0,
    authnContext: [...authnContexts],
    identifierFormat: nameIdFormat === null ? null : NAME_ID_FORMATS[nameIdFormat],
    // The library compresses what it puts into a form as well, which only an address needs.
    skipRequestCompression: binding === 'post',
    ...(signsRequests(config) && key !== undefined ? signingOptions(key) : {}),
  });
  if (binding === 'redirect') return { binding, url: await saml.getAuthorizeUrlAsync('', undefined, {}) };
  return { binding, url, fields: textOf(await saml.getAuthorizeMessageAsync('', undefined, {})) };
}

/** What the library needs to sign. */
export function signingOptions({ privateKey, certificate }: OwnKey) {
  return { privateKey, publicCert: certificate, signatureAlgorithm: 'sha256', digestAlgorithm: 'sha256' } as const;
}

function textOf(fields: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
}
