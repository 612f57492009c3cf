/** Under which names the usual identity providers state what we need, as data. */
import { type AttributeNames, SAML_ATTRIBUTE_NAMES } from '../attributes.ts';

const SOAP = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';
const MICROSOFT = 'http://schemas.microsoft.com';
const OID = {
  mail: 'urn:oid:0.9.2342.19200300.100.1.3',
  emailAddress: 'urn:oid:1.2.840.113549.1.9.1',
  displayName: 'urn:oid:2.16.840.1.113730.3.1.241',
  commonName: 'urn:oid:2.5.4.3',
  isMemberOf: 'urn:oid:1.3.6.1.4.1.5923.1.5.1.1',
};

const PRESETS = {
  okta: { email: ['email', 'Email'], name: ['displayName', 'name'], groups: ['groups'] },
  entra: {
    email: [`${SOAP}/emailaddress`],
    name: [`${MICROSOFT}/identity/claims/displayname`, `${SOAP}/name`],
    groups: [`${MICROSOFT}/ws/2008/06/identity/claims/groups`],
  },
  google: { email: ['email', 'Email'], name: ['name', 'displayName'], groups: ['groups', 'Groups'] },
  onelogin: { email: ['User.email', 'email'], name: ['name', 'displayName'], groups: ['memberOf', 'groups'] },
  jumpcloud: { email: ['email'], name: ['displayname', 'fullname'], groups: ['memberOf', 'groups'] },
  pingone: { email: ['email', 'mail'], name: ['displayName', 'name'], groups: ['memberOfGroupNames', 'groups'] },
  adfs: {
    email: [`${SOAP}/emailaddress`],
    name: [`${SOAP}/name`, `${MICROSOFT}/identity/claims/displayname`],
    groups: ['http://schemas.xmlsoap.org/claims/Group', `${MICROSOFT}/ws/2008/06/identity/claims/groups`],
  },
  keycloak: { email: ['email', OID.emailAddress], name: ['name', 'displayName'], groups: ['groups', 'memberOf'] },
  shibboleth: {
    email: [OID.mail, 'mail'],
    name: [OID.displayName, OID.commonName, 'displayName'],
    groups: [OID.isMemberOf, 'isMemberOf'],
  },
} as const satisfies Record<string, AttributeNames>;

export type SamlPresetName = keyof typeof PRESETS;
export const SAML_PRESET_NAMES = Object.keys(PRESETS) as [SamlPresetName, ...SamlPresetName[]];

/** An identity provider's names; where none is chosen, whatever any of the usual ones sends. */
export function samlAttributeNames(preset: SamlPresetName | null): AttributeNames {
  return preset === null ? SAML_ATTRIBUTE_NAMES : PRESETS[preset];
}
