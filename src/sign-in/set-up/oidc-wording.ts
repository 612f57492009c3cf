/** What OpenID providers call our addresses on their own screens, and what else has to be set there. Data. */
import type { PresetName } from '../oidc/presets.ts';
import type { Step } from './step.ts';

export interface OidcWording {
  readonly title: string;
  readonly kind: 'oidc';
  readonly preset: PresetName | null;
  readonly steps: readonly Step[];
  /** What an issuer there looks like; undefined where it is the same for everybody. */
  readonly issuerLike?: string;
}

export const OIDC_WORDINGS: Readonly<Record<string, OidcWording>> = {
  'okta-oidc': {
    title: 'Okta',
    kind: 'oidc',
    preset: 'okta',
    steps: [
      {
        text: 'In the Admin Console, open *Applications > Applications*, choose *Create App Integration*, then *OIDC - OpenID Connect* and *Web Application*.',
        copy: { 'Sign-in redirect URIs': '{redirectUri}', 'Sign-out redirect URIs': '{postLogoutRedirectUri}' },
      },
      { text: 'Under *Assignments*, choose who may sign in.' },
      {
        text: 'On the *Sign On* tab, edit the ID token: a groups claim of the type *Filter*, named *groups*, that matches the groups to be mapped.',
      },
      {
        text: 'On *General*, copy *Client ID* and the secret. In place of a secret you may choose *Public key / Private key* and *Use a URL to fetch keys dynamically*.',
        copy: { 'Public keys, URL': '{jwksUri}' },
      },
    ],
    issuerLike: 'https://your-org.okta.com',
  },
  'entra-oidc': {
    title: 'Microsoft Entra ID',
    kind: 'oidc',
    preset: 'entra',
    steps: [
      {
        text: 'In the Entra admin center, open *App registrations > New registration*, choose *Accounts in this organizational directory only*, and the platform *Web*.',
        copy: { 'Redirect URI (Web)': '{redirectUri}' },
      },
      { text: 'Under *Certificates & secrets*, choose *New client secret*, and copy its *Value*: it is shown once.' },
      {
        text: 'Under *Token configuration*, add the optional ID token claims *email* and *xms_edov*, or *verified_primary_email*: an address without one of them is not relied on.',
      },
      {
        text: 'Under *Token configuration*, choose *Add groups claim*. Groups that a token has no room for are read by the permission *User.Read*.',
      },
      { text: 'The *Overview* has *Application (client) ID*, and *Directory (tenant) ID* for the issuer.' },
    ],
    issuerLike: 'https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0',
  },
  'google-oidc': {
    title: 'Google Workspace',
    kind: 'oidc',
    preset: 'google',
    steps: [
      {
        text: 'In the Google Cloud console, set the app up under *Google Auth Platform*, with the audience *Internal*.',
      },
      {
        text: 'Under *Clients*, choose *Create client*, *Web application*.',
        copy: { 'Authorized redirect URIs': '{redirectUri}' },
      },
      { text: 'Google states no groups at sign-in: connect a directory for them, or choose SAML.' },
    ],
  },
  'jumpcloud-oidc': {
    title: 'JumpCloud',
    kind: 'oidc',
    preset: null,
    steps: [
      {
        text: 'In the Admin Portal, open *SSO Applications > Add New Application > Custom Application*, then *Manage Single Sign-On* and *Configure SSO with OIDC*.',
      },
      {
        text: 'On the *SSO* tab, fill in these, and set *Client Authentication Type* to *Client Secret Basic*.',
        copy: { 'Redirect URIs': '{redirectUri}', 'Login URL': '{loginUrl}' },
      },
      {
        text: 'Under *Attribute Mapping*, tick the standard scopes *Email* and *Profile*, add *name* as *fullname*, and tick *include group attribute* with the name *groups*.',
      },
      {
        text: 'On *User Groups*, choose who may sign in. *Activate* shows *Client ID* and *Client Secret*, the secret once.',
      },
    ],
    issuerLike: 'https://oauth.id.jumpcloud.com/',
  },
  'pingone-oidc': {
    title: 'PingOne',
    kind: 'oidc',
    preset: null,
    steps: [
      {
        text: 'In the admin console, open *Applications > Applications*, and add an *OIDC Web App*. Edit its *Configuration*.',
        copy: { 'Redirect URIs': '{redirectUri}', 'Signoff URLs': '{postLogoutRedirectUri}' },
      },
      { text: 'On *Resources*, allow the scopes *email* and *profile*.' },
      { text: 'On *Attribute Mappings*, add *groups* as *Group Names*.' },
      {
        text: 'Turn the application on by the switch beside its name. *Overview* has the values that are asked for below.',
      },
    ],
    issuerLike: 'https://auth.pingone.com/00000000-0000-0000-0000-000000000000/as',
  },
  'keycloak-oidc': {
    title: 'Keycloak',
    kind: 'oidc',
    preset: 'keycloak',
    steps: [
      {
        text: 'Open *Clients > Create client*, *OpenID Connect*, with *Client authentication* and *Standard flow* on.',
        copy: {
          'Valid redirect URIs': '{redirectUri}',
          'Valid post logout redirect URIs': '{postLogoutRedirectUri}',
        },
      },
      {
        text: 'In *Settings* of the client, under *Logout settings*, fill in where its sessions are ended.',
        copy: { 'Backchannel logout URL': '{backchannelLogoutUri}' },
      },
      {
        text: 'Under *Client scopes*, in its dedicated scope, add a *Group Membership* mapper with the token claim name *groups*.',
      },
      {
        text: '*Credentials* has the secret. In place of it, choose *Signed JWT* there, and give our keys on the *Keys* tab by *Use JWKS URL*.',
        copy: { 'JWKS URL': '{jwksUri}' },
      },
    ],
    issuerLike: 'https://keycloak.example.com/realms/your-realm',
  },
  'auth0-oidc': {
    title: 'Auth0',
    kind: 'oidc',
    preset: 'auth0',
    steps: [
      {
        text: 'Open *Applications > Applications > Create Application*, choose *Regular Web Applications*, and fill in its *Settings*.',
        copy: {
          'Allowed Callback URLs': '{redirectUri}',
          'Allowed Logout URLs': '{postLogoutRedirectUri}',
          'Back-Channel Logout URI': '{backchannelLogoutUri}',
        },
      },
      { text: 'Groups come where an *Action* of the login flow puts them into the ID token, as the claim *groups*.' },
    ],
    issuerLike: 'https://your-tenant.eu.auth0.com/',
  },
  github: {
    title: 'GitHub',
    kind: 'oidc',
    preset: 'github',
    steps: [
      {
        text: 'In *Settings* of the organization, open *Developer settings > OAuth Apps > New OAuth app*.',
        copy: { 'Authorization callback URL': '{redirectUri}' },
      },
      { text: 'Choose *Generate a new client secret*. People come in by their verified primary e-mail address.' },
    ],
  },
  oidc: {
    title: 'your OpenID provider',
    kind: 'oidc',
    preset: null,
    steps: [
      {
        text: 'Make a new confidential web client there, for the authorization code flow.',
        copy: {
          'Redirect URI': '{redirectUri}',
          'Post-logout redirect URI': '{postLogoutRedirectUri}',
          'Back-channel logout URI': '{backchannelLogoutUri}',
          'JWKS URI (only with a key of ours)': '{jwksUri}',
        },
      },
      { text: 'Allow the scopes *openid*, *email* and *profile*, and have it state *email_verified*.' },
    ],
    issuerLike: 'https://idp.example.com',
  },
};
