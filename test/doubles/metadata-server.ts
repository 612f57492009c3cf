/** An address at which an identity provider publishes its metadata, and which can fail in every way that one can. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pemBody } from '../../src/demo/idp/certificate.ts';

export interface MetadataServer {
  readonly url: string;
  /** How often it was asked. */
  asked: number;
  /** What it answers from now on. */
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  close(): Promise<void>;
}

/** Starts one that answers 404 so far. */
export async function startMetadataServer(): Promise<MetadataServer> {
  const self: MetadataServer = {
    url: '',
    asked: 0,
    answer: (_request, response) => response.writeHead(404).end(),
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  const server = createServer((request, response) => {
    self.asked += 1;
    self.answer(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return Object.assign(self, { url: `http://localhost:${(server.address() as AddressInfo).port}/metadata` });
}

export interface Published {
  readonly entityId: string;
  readonly certificates: readonly string[];
  readonly ssoUrl?: string;
  readonly logoutUrl?: string;
  /** Attributes of the EntityDescriptor, as they are written. */
  readonly attributes?: string;
  readonly wantsSignedRequests?: boolean;
}

/** Metadata of an identity provider. */
export function metadata({
  entityId,
  certificates,
  ssoUrl,
  logoutUrl,
  attributes,
  wantsSignedRequests,
}: Published): string {
  const keys = certificates.map(
    (each) =>
      `<KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>${pemBody(each)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>`,
  );
  const redirect = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
  const logout = logoutUrl === undefined ? '' : `<SingleLogoutService Binding="${redirect}" Location="${logoutUrl}"/>`;
  return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${entityId}" ${attributes ?? ''}><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" WantAuthnRequestsSigned="${wantsSignedRequests ?? false}">${keys.join('')}${logout}<SingleSignOnService Binding="${redirect}" Location="${ssoUrl ?? 'https://meta.idp.test/sso'}"/></IDPSSODescriptor></EntityDescriptor>`;
}
