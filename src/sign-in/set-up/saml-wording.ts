/** What SAML identity providers call our values on their own screens, and what else has to be set there. Data. */
import type { SamlPresetName } from '../saml/presets.ts';
import type { Step } from './step.ts';

export interface SamlWording {
  readonly title: string;
  readonly kind: 'saml';
  readonly preset: SamlPresetName | null;
  readonly steps: readonly Step[];
  /** What it calls the address of its metadata; undefined where it gives a file only. */
  readonly metadataUrl?: string;
}

const PUBLISHED_ONCE_SAVED = 'First save its metadata below: ours is published at this address from then on.';

const SHIBBOLETH_PROVIDER = `<MetadataProvider id="drawbridge" xsi:type="FileBackedHTTPMetadataProvider"
  metadataURL="{entityId}" backingFile="%{idp.home}/metadata/drawbridge.xml"/>`;
const SHIBBOLETH_FILTER = `<AttributeFilterPolicy id="drawbridge">
  <PolicyRequirementRule xsi:type="Requester" value="{entityId}"/>
  <AttributeRule attributeID="mail" permitAny="true"/>
  <AttributeRule attributeID="displayName" permitAny="true"/>
  <AttributeRule attributeID="isMemberOf" permitAny="true"/>
</AttributeFilterPolicy>`;
const AUTH0_SETTINGS = `{
  "audience": "{entityId}",
  "recipient": "{acsUrl}",
  "destination": "{acsUrl}",
  "signatureAlgorithm": "rsa-sha256",
  "digestAlgorithm": "sha256",
  "signResponse": false
}`;

export const SAML_WORDINGS: Readonly<Record<string, SamlWording>> = {
  okta: {
    title: 'Okta',
    kind: 'saml',
    preset: 'okta',
    steps: [
      {
        text: 'In the Admin Console, open *Applications > Applications*, choose *Create App Integration*, then *SAML 2.0*, and name it.',
      },
      {
        text: 'Under *SAML Settings*, fill in these two. Leave *Use this for Recipient URL and Destination URL* ticked.',
        copy: { 'Single sign-on URL': '{acsUrl}', 'Audience URI (SP Entity ID)': '{entityId}' },
      },
      {
        text: 'Under *Attribute Statements* (in some consoles on the *Sign On* tab, once the app is there), add *email* with *user.email* and *displayName* with *user.displayName*.',
      },
      {
        text: 'Under *Group Attribute Statements*, add *groups* with the filter that matches the groups to be mapped.',
      },
      { text: 'Under *Assignments*, assign the people or groups who may sign in.' },
    ],
    metadataUrl: 'Metadata URL (on the Sign On tab)',
  },
  entra: {
    title: 'Microsoft Entra ID',
    kind: 'saml',
    preset: 'entra',
    steps: [
      {
        text: 'In the Entra admin center, open *Enterprise apps > New application > Create your own application*, name it, and choose the one that is not in the gallery (*Non-gallery*).',
      },
      {
        text: 'Open *Single sign-on*, choose *SAML*, and edit *Basic SAML Configuration*.',
        copy: {
          'Identifier (Entity ID)': '{entityId}',
          'Reply URL (Assertion Consumer Service URL)': '{acsUrl}',
          'Sign on URL': '{loginUrl}',
          'Logout Url': '{logoutUrl}',
        },
      },
      {
        text: 'Under *Attributes & Claims*, choose *Add a group claim*, *Groups assigned to the application*. Address and name are sent already; where people have no mailbox, set *emailaddress* to *user.userprincipalname*.',
      },
      { text: 'Under *Users and groups*, assign who may sign in.' },
    ],
    metadataUrl: 'App Federation Metadata Url (under SAML Certificates)',
  },
  google: {
    title: 'Google Workspace',
    kind: 'saml',
    preset: 'google',
    steps: [
      {
        text: 'In the Admin console, open *Apps > Web and mobile apps > Add app > Add custom SAML app*, and name it.',
      },
      { text: 'On *Google Identity Provider details*, choose *Download metadata*: the file is asked for below.' },
      {
        text: 'On *Service provider details*, fill in these. Set *Name ID* to *Basic Information > Primary email*.',
        copy: { 'ACS URL': '{acsUrl}', 'Entity ID': '{entityId}', 'Start URL': '{loginUrl}' },
      },
      {
        text: 'On *Attribute mapping*, map *Primary email* to *email*; under *Group membership*, choose the groups and call them *groups*.',
      },
      { text: 'Under *User access*, turn the app on for who may sign in. Google may take a while.' },
    ],
  },
  onelogin: {
    title: 'OneLogin',
    kind: 'saml',
    preset: 'onelogin',
    steps: [
      {
        text: 'In the administration, open *Applications > Add App*, find *SAML Custom Connector (Advanced)*, and save it.',
      },
      {
        text: 'On *Configuration*, fill in these, and set *SAML signature element* to *Both*.',
        copy: {
          'Audience (EntityID)': '{entityId}',
          Recipient: '{acsUrl}',
          'ACS (Consumer) URL Validator': '{acsUrl}',
          'ACS (Consumer) URL': '{acsUrl}',
          'Single Logout URL': '{logoutUrl}',
          'Login URL': '{loginUrl}',
        },
      },
      {
        text: 'On *Parameters*, add *User.email*, *displayName* and *memberOf*, each with *Include in SAML assertion*; *memberOf* with *Multi-value parameter*.',
      },
      { text: 'On *SSO*, set *SAML Signature Algorithm* to *SHA-256*.' },
      { text: 'On *Access* or *Users*, give the app to who may sign in.' },
    ],
    metadataUrl: 'Issuer URL (on the SSO tab)',
  },
  jumpcloud: {
    title: 'JumpCloud',
    kind: 'saml',
    preset: 'jumpcloud',
    steps: [
      {
        text: 'In the Admin Portal, open *SSO Applications > Add New Application > Custom Application*, then *Manage Single Sign-On* and *Configure SSO with SAML*.',
      },
      {
        text: 'On the *SSO* tab, fill in these, give *IdP Entity ID* a name of your own, and tick *Sign Assertion*.',
        copy: { 'SP Entity ID': '{entityId}', 'ACS URLs': '{acsUrl}', 'Login URL': '{loginUrl}' },
      },
      {
        text: 'Under *Attributes*, add *email* and *displayname*, and tick *include group attribute* with the name *memberOf*.',
      },
      { text: 'On *User Groups*, choose who may sign in.' },
    ],
    metadataUrl: 'Copy Metadata URL (on the SSO tab)',
  },
  pingone: {
    title: 'PingOne',
    kind: 'saml',
    preset: 'pingone',
    steps: [
      {
        text: 'In the admin console, open *Applications > Applications*, add a *SAML Application*, and choose *Manually Enter*.',
        copy: { 'ACS URLs': '{acsUrl}', 'Entity ID': '{entityId}' },
      },
      {
        text: 'On *Configuration*, choose *Sign Assertion*, and fill in where people are signed out.',
        copy: { 'SLO Endpoint': '{logoutUrl}' },
      },
      {
        text: 'On *Attribute Mappings*, add *email* as *Email Address*, *displayName* as *Formatted* and *memberOfGroupNames* as *Group Names*.',
      },
      { text: 'Turn the application on by the switch beside its name.' },
    ],
    metadataUrl: 'IDP Metadata URL (on the Configuration tab)',
  },
  auth0: {
    title: 'Auth0',
    kind: 'saml',
    preset: null,
    steps: [
      { text: 'Open *Applications > Applications > Create Application*, and choose *Regular Web Applications*.' },
      {
        text: 'On *Addons*, turn *SAML2 Web App* on, and fill in its *Settings*.',
        copy: { 'Application Callback URL': '{acsUrl}', Settings: AUTH0_SETTINGS },
      },
      { text: 'Its *Usage* tab has the metadata that is asked for below.' },
    ],
    metadataUrl: 'Identity Provider Metadata (the address of its download)',
  },
  adfs: {
    title: 'AD FS',
    kind: 'saml',
    preset: 'adfs',
    steps: [
      {
        text: `${PUBLISHED_ONCE_SAVED} Then, in AD FS Management, open *Relying Party Trusts > Add Relying Party Trust*, choose *Claims aware* and *Import data about the relying party published online*.`,
        copy: { 'Federation metadata address': '{entityId}' },
      },
      {
        text: 'Open *Edit Claim Issuance Policy > Add Rule > Send LDAP Attributes as Claims* of *Active Directory*: *E-Mail-Addresses* as *E-Mail Address*, *Display-Name* as *Name*, *User-Principal-Name* as *Name ID*, *Token-Groups - Unqualified Names* as *Group*.',
      },
    ],
    metadataUrl: 'Federation metadata address (https://your-server/FederationMetadata/2007-06/FederationMetadata.xml)',
  },
  keycloak: {
    title: 'Keycloak',
    kind: 'saml',
    preset: 'keycloak',
    steps: [
      {
        text: `${PUBLISHED_ONCE_SAVED} Download it, and give it to *Clients > Import client* as the *Resource file*. Our certificate comes with it.`,
        copy: { 'Our metadata, and Client ID': '{entityId}' },
      },
      {
        text: 'In *Settings* of the client, see that these are there, and turn *Sign assertions* on.',
        copy: { 'Valid redirect URIs': '{acsUrl}', 'Logout Service Redirect Binding URL': '{logoutUrl}' },
      },
      {
        text: 'Under *Client scopes*, in its dedicated scope, add a *User Property* mapper of *email* with the SAML attribute name *email*, and a *Group list* mapper with the name *groups*.',
      },
    ],
    metadataUrl: 'SAML 2.0 Identity Provider Metadata (under Realm settings)',
  },
  shibboleth: {
    title: 'Shibboleth',
    kind: 'saml',
    preset: 'shibboleth',
    steps: [
      { text: PUBLISHED_ONCE_SAVED, copy: { 'Our metadata, and entityID': '{entityId}' } },
      {
        text: 'Have it read, by a line in *metadata-providers.xml*.',
        copy: { 'Metadata provider': SHIBBOLETH_PROVIDER },
      },
      {
        text: 'Release *mail*, *displayName* and *isMemberOf* to it, in *attribute-filter.xml*.',
        copy: { 'Attribute filter': SHIBBOLETH_FILTER },
      },
      { text: 'Have both files read again, or start the identity provider anew.' },
    ],
    metadataUrl: 'Metadata (its entityID, as a rule)',
  },
  simplesamlphp: {
    title: 'SimpleSAMLphp',
    kind: 'saml',
    preset: null,
    steps: [
      { text: PUBLISHED_ONCE_SAVED, copy: { 'Our metadata, and entity ID': '{entityId}' } },
      {
        text: 'Paste it into the metadata converter of the admin pages, under *Federation*, and add what comes out to *metadata/saml20-sp-remote.php*; or have the module *metarefresh* read the address.',
      },
      { text: 'Release *mail*, *displayName* and, for groups, *groups* or *memberOf*.' },
    ],
    metadataUrl: 'Metadata URL (on the admin pages, under Federation)',
  },
  duo: {
    title: 'Duo Single Sign-On',
    kind: 'saml',
    preset: null,
    steps: [
      {
        text: 'In the Admin Panel, open *Applications*, add one, and choose *Generic SAML Service Provider*. Fill in *Service Provider*.',
        copy: {
          'Entity ID': '{entityId}',
          'Assertion Consumer Service (ACS) URL': '{acsUrl}',
          'Single Logout URL': '{logoutUrl}',
          'Service Provider Login URL': '{loginUrl}',
        },
      },
      {
        text: 'Under *SAML Response*, leave *Sign assertion* ticked and *Signature algorithm* at *SHA256*. Map *<Email Address>* to *email* and *<Display Name>* to *displayName*.',
      },
      { text: 'Under *Role attributes*, call the attribute *groups*, and add a role for each group to be mapped.' },
      { text: 'Under *User access*, choose who may sign in.' },
    ],
    metadataUrl: 'Metadata URL (under Metadata)',
  },
  saml: {
    title: 'your SAML 2.0 provider',
    kind: 'saml',
    preset: null,
    steps: [
      {
        text: 'Make a new service provider (also called application or relying party) there. Once its metadata is saved below, ours is found at the first of these addresses, for providers that read it.',
        copy: {
          'SP entity ID, and where our metadata is': '{entityId}',
          'Assertion consumer service URL': '{acsUrl}',
          'Single logout service URL': '{logoutUrl}',
        },
      },
      { text: 'Have it sign assertions, with SHA-256.' },
      { text: 'Have it send the e-mail address as *email*, the name as *displayName* and the groups as *groups*.' },
    ],
    metadataUrl: 'Metadata URL',
  },
};
