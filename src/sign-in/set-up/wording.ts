/** What identity providers call our values on their own screens, so that nobody has to guess. Data. */
import { OIDC_WORDINGS, type OidcWording } from './oidc-wording.ts';

interface SamlWording {
  readonly title: string;
  readonly kind: 'saml';
  /** Where to begin, in the provider's own menu words. */
  readonly begin: string;
  readonly entityId: string;
  readonly acsUrl: string;
  /** What else to set there, as sentences. */
  readonly also: readonly string[];
}
export type Wording = SamlWording | OidcWording;

const saml = (title: string, begin: string, entityId: string, acsUrl: string): SamlWording => {
  return { title, kind: 'saml', begin, entityId, acsUrl, also: [] };
};

/** By the name that forms send. */
export const WORDINGS: Readonly<Record<string, Wording>> = {
  okta: saml(
    'Okta',
    'Applications, Create App Integration, SAML 2.0',
    'Audience URI (SP Entity ID)',
    'Single sign-on URL',
  ),
  entra: saml(
    'Microsoft Entra ID',
    'Enterprise applications, New application, Single sign-on, SAML',
    'Identifier (Entity ID)',
    'Reply URL (Assertion Consumer Service URL)',
  ),
  google: saml('Google Workspace', 'Apps, Web and mobile apps, Add custom SAML app', 'Entity ID', 'ACS URL'),
  onelogin: saml(
    'OneLogin',
    'Applications, SAML Custom Connector (Advanced)',
    'Audience (EntityID)',
    'ACS (Consumer) URL',
  ),
  jumpcloud: saml('JumpCloud', 'SSO Applications, Custom Application, SAML', 'SP Entity ID', 'ACS URL'),
  pingone: saml('PingOne', 'Applications, Add, SAML Application', 'Entity ID', 'ACS URLs'),
  adfs: saml(
    'AD FS',
    'Relying Party Trusts, Add Relying Party Trust',
    'Relying party trust identifier',
    'Assertion consumer endpoint',
  ),
  keycloak: saml('Keycloak (SAML)', 'Clients, Create client, SAML', 'Client ID', 'Valid redirect URIs'),
  saml: saml(
    'another SAML 2.0 provider',
    'a new SAML 2.0 service provider',
    'SP entity ID',
    'Assertion consumer service URL',
  ),
  ...OIDC_WORDINGS,
};
