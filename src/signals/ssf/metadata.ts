/** What an organization says of itself as a transmitter: the configuration document of the Shared Signals Framework 1.0. */

export const PUSH = 'urn:ietf:rfc:8935';
export const POLL = 'urn:ietf:rfc:8936';

/** The issuer of an organization's signals. */
export function issuerOf(baseUrl: string, organizationId: string): string {
  return `${baseUrl}/ssf/${organizationId}`;
}

/** Each address in it is served by `management-routes.ts`. */
export function transmitterMetadata(baseUrl: string, organizationId: string) {
  const issuer = issuerOf(baseUrl, organizationId);
  return {
    spec_version: '1_0',
    issuer,
    jwks_uri: `${baseUrl}/oauth/jwks`,
    delivery_methods_supported: [PUSH, POLL],
    configuration_endpoint: `${issuer}/streams`,
    status_endpoint: `${issuer}/status`,
    add_subject_endpoint: `${issuer}/subjects/add`,
    remove_subject_endpoint: `${issuer}/subjects/remove`,
    verification_endpoint: `${issuer}/verification`,
    authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6750' }],
    default_subjects: 'ALL',
  };
}
