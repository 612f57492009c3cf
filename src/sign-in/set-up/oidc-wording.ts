/** What OpenID providers call our addresses on their own screens, and what else has to be set there. Data. */
import type { relyingPartyOf } from '../oidc/addresses.ts';
import type { PresetName } from '../oidc/presets.ts';

export interface OidcWording {
  readonly title: string;
  readonly kind: 'oidc';
  /** Where to begin, in the provider's own menu words. */
  readonly begin: string;
  readonly preset: PresetName | null;
  /** The provider's name for each of our addresses that it takes. */
  readonly labels: Readonly<Partial<Record<keyof ReturnType<typeof relyingPartyOf>, string>>>;
  /** What else to set there, as sentences. */
  readonly also: readonly string[];
  /** What an issuer there looks like; undefined where it is the same for everybody. */
  readonly issuerLike?: string;
}

export const OIDC_WORDINGS: Readonly<Record<string, OidcWording>> = {
  'okta-oidc': {
    title: 'Okta (OpenID Connect)',
    kind: 'oidc',
    begin: 'Applications, Create App Integration, OIDC, Web Application',
    preset: 'okta',
    labels: {
      redirectUri: 'Sign-in redirect URIs',
      postLogoutRedirectUri: 'Sign-out redirect URIs',
      jwksUri: 'Public keys, Use a URL to fetch keys dynamically (only with a key of ours)',
    },
    also: ['Under Sign On, add a groups claim with the filter that matches the groups to be mapped.'],
    issuerLike: 'https://your-org.okta.com',
  },
  'entra-oidc': {
    title: 'Microsoft Entra ID (OpenID Connect)',
    kind: 'oidc',
    begin: 'App registrations, New registration, accounts in this organizational directory only',
    preset: 'entra',
    labels: { redirectUri: 'Redirect URI (Web)' },
    also: [
      'Under Certificates & secrets, make a client secret.',
      'Under Token configuration, add the optional ID token claims email and xms_edov, or verified_primary_email: an address without one of them is not relied on.',
      'Under Token configuration, add the groups claim. Groups that a token has no room for are read by the permission User.Read.',
    ],
    issuerLike: 'https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0',
  },
  'google-oidc': {
    title: 'Google (OpenID Connect)',
    kind: 'oidc',
    begin: 'Credentials, Create OAuth client ID, Web application',
    preset: 'google',
    labels: { redirectUri: 'Authorized redirect URIs' },
    also: ['Google states no groups at sign-in.'],
  },
  'keycloak-oidc': {
    title: 'Keycloak (OpenID Connect)',
    kind: 'oidc',
    begin: 'Clients, Create client, OpenID Connect, Client authentication on, Standard flow',
    preset: 'keycloak',
    labels: {
      redirectUri: 'Valid redirect URIs',
      postLogoutRedirectUri: 'Valid post logout redirect URIs',
      backchannelLogoutUri: 'Backchannel logout URL',
      jwksUri: 'Keys, JWKS URL (only with a key of ours)',
    },
    also: ['Under Client scopes, add a Group Membership mapper with the token claim name groups.'],
    issuerLike: 'https://keycloak.example.com/realms/your-realm',
  },
  'auth0-oidc': {
    title: 'Auth0 (OpenID Connect)',
    kind: 'oidc',
    begin: 'Applications, Create Application, Regular Web Application',
    preset: 'auth0',
    labels: {
      redirectUri: 'Allowed Callback URLs',
      postLogoutRedirectUri: 'Allowed Logout URLs',
      backchannelLogoutUri: 'Back-Channel Logout URI',
    },
    also: [],
    issuerLike: 'https://your-tenant.eu.auth0.com/',
  },
  github: {
    title: 'GitHub',
    kind: 'oidc',
    begin: 'Settings of the organization, Developer settings, OAuth Apps, New OAuth app',
    preset: 'github',
    labels: { redirectUri: 'Authorization callback URL' },
    also: ['People come in by their verified primary e-mail address.'],
  },
  oidc: {
    title: 'another OpenID provider',
    kind: 'oidc',
    begin: 'a new confidential web client',
    preset: null,
    labels: {
      redirectUri: 'Redirect URI',
      postLogoutRedirectUri: 'Post-logout redirect URI',
      backchannelLogoutUri: 'Back-channel logout URI',
      jwksUri: 'JWKS URI (only with a key of ours)',
    },
    also: [],
    issuerLike: 'https://idp.example.com',
  },
};
