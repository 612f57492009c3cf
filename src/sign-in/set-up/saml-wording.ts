/** What SAML identity providers call our values on their own screens, and what else has to be set there. Data. */
import type { SamlPresetName } from '../saml/presets.ts';
import type { serviceProviderOf } from '../saml/service-provider.ts';

export interface SamlWording {
  readonly title: string;
  readonly kind: 'saml';
  /** Where to begin, in the provider's own menu words. */
  readonly begin: string;
  readonly preset: SamlPresetName | null;
  /** The provider's name for each of our addresses that it takes, in the order of its form. */
  readonly labels: Readonly<Partial<Record<keyof ReturnType<typeof serviceProviderOf>, string>>>;
  /** What else to set there, as sentences. */
  readonly also: readonly string[];
  /** What it calls the address of its metadata; undefined where it gives a file only. */
  readonly metadataUrl?: string;
}

const EMAIL_AND_GROUPS = 'Send the e-mail address as "email", the name as "displayName", and the groups as "groups".';

export const SAML_WORDINGS: Readonly<Record<string, SamlWording>> = {
  okta: {
    title: 'Okta',
    kind: 'saml',
    begin: 'Applications, Create App Integration, SAML 2.0',
    preset: 'okta',
    labels: { acsUrl: 'Single sign-on URL', entityId: 'Audience URI (SP Entity ID)' },
    also: [
      'Under Attribute Statements, add "email" with user.email and "displayName" with user.displayName.',
      'Under Group Attribute Statements, add "groups" with the filter that matches the groups to be mapped.',
    ],
    metadataUrl: 'Metadata URL (on the Sign On tab)',
  },
  entra: {
    title: 'Microsoft Entra ID',
    kind: 'saml',
    begin: 'Enterprise applications, New application, Single sign-on, SAML',
    preset: 'entra',
    labels: {
      entityId: 'Identifier (Entity ID)',
      acsUrl: 'Reply URL (Assertion Consumer Service URL)',
      loginUrl: 'Sign on URL',
      logoutUrl: 'Logout Url',
    },
    also: ['Under Attributes & Claims, add a group claim: groups assigned to the application.'],
    metadataUrl: 'App Federation Metadata Url',
  },
  google: {
    title: 'Google Workspace',
    kind: 'saml',
    begin: 'Apps, Web and mobile apps, Add custom SAML app',
    preset: 'google',
    labels: { acsUrl: 'ACS URL', entityId: 'Entity ID', loginUrl: 'Start URL' },
    also: ['Under Attributes, map Primary email to "email", and Google groups to "groups".'],
  },
  onelogin: {
    title: 'OneLogin',
    kind: 'saml',
    begin: 'Applications, SAML Custom Connector (Advanced)',
    preset: 'onelogin',
    labels: {
      entityId: 'Audience (EntityID)',
      acsUrl: 'ACS (Consumer) URL',
      logoutUrl: 'Single Logout URL',
      loginUrl: 'Login URL',
    },
    also: ['Under Parameters, add "User.email", "displayName" and "memberOf", each included in the assertion.'],
    metadataUrl: 'Issuer URL (under SSO)',
  },
  jumpcloud: {
    title: 'JumpCloud',
    kind: 'saml',
    begin: 'SSO Applications, Custom Application, SAML',
    preset: 'jumpcloud',
    labels: { entityId: 'SP Entity ID', acsUrl: 'ACS URLs', loginUrl: 'Login URL' },
    also: ['Add the user attributes "email" and "displayname", and include the group attribute "memberOf".'],
    metadataUrl: 'Copy Metadata URL',
  },
  pingone: {
    title: 'PingOne',
    kind: 'saml',
    begin: 'Applications, Add, SAML Application',
    preset: 'pingone',
    labels: { acsUrl: 'ACS URLs', entityId: 'Entity ID', logoutUrl: 'SLO Endpoint' },
    also: ['Under Attribute Mappings, add "email", "displayName" and "memberOfGroupNames".'],
    metadataUrl: 'IDP Metadata URL',
  },
  adfs: {
    title: 'AD FS',
    kind: 'saml',
    begin: 'Relying Party Trusts, Add Relying Party Trust, Import data published online',
    preset: 'adfs',
    labels: { entityId: 'Federation metadata address' },
    also: ['Add claim rules for E-Mail Address, Name, Name ID and Group.'],
    metadataUrl: 'Federation metadata address (https://your-server/FederationMetadata/2007-06/FederationMetadata.xml)',
  },
  keycloak: {
    title: 'Keycloak (SAML)',
    kind: 'saml',
    begin: 'Clients, Create client, SAML',
    preset: 'keycloak',
    labels: {
      entityId: 'Client ID',
      acsUrl: 'Valid redirect URIs',
      logoutUrl: 'Logout Service Redirect Binding URL',
    },
    also: ['Turn Sign assertions on.', EMAIL_AND_GROUPS],
    metadataUrl: 'SAML 2.0 Identity Provider Metadata (Realm settings)',
  },
  shibboleth: {
    title: 'Shibboleth',
    kind: 'saml',
    begin: 'a metadata provider of our metadata, and an attribute filter for it',
    preset: 'shibboleth',
    labels: { entityId: 'Metadata and entityID', acsUrl: 'Assertion consumer service', logoutUrl: 'Single logout' },
    also: ['Release mail, displayName and isMemberOf.'],
    metadataUrl: 'Metadata (its entityID, as a rule)',
  },
  saml: {
    title: 'another SAML 2.0 provider',
    kind: 'saml',
    begin: 'a new SAML 2.0 service provider',
    preset: null,
    labels: {
      entityId: 'SP entity ID, and where our metadata is',
      acsUrl: 'Assertion consumer service URL',
      logoutUrl: 'Single logout service URL',
    },
    also: ['Have it sign assertions.', EMAIL_AND_GROUPS],
    metadataUrl: 'Metadata URL',
  },
};
