/** From what an identity provider calls things to what a login means here. Pure. */
import { z } from 'zod';

/** Values by attribute or claim name, as the identity provider sent them. */
export type Attributes = Readonly<Record<string, readonly string[]>>;

const names = z.array(z.string().min(1).max(300)).min(1).max(20);

/** Under which names a connection's identity provider states what we need; the first one that is there counts. */
export const attributeNames = z.strictObject({ email: names, name: names, groups: names });
export type AttributeNames = z.output<typeof attributeNames>;

const CLAIMS = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';
const MICROSOFT = 'http://schemas.microsoft.com/ws/2008/06/identity/claims';

/** What Okta, Entra ID, ADFS, Google, OneLogin, JumpCloud, PingOne, Keycloak and Shibboleth send without further set-up. */
export const SAML_ATTRIBUTE_NAMES: AttributeNames = {
  email: [
    'email',
    'mail',
    'Email',
    'emailAddress',
    'User.email',
    `${CLAIMS}/emailaddress`,
    'urn:oid:0.9.2342.19200300.100.1.3',
    'urn:oid:1.2.840.113549.1.9.1',
  ],
  name: [
    'displayName',
    'name',
    'cn',
    'http://schemas.microsoft.com/identity/claims/displayname',
    'urn:oid:2.16.840.1.113730.3.1.241',
    'urn:oid:2.5.4.3',
    `${CLAIMS}/name`,
  ],
  groups: [
    'groups',
    'Groups',
    'memberOf',
    `${MICROSOFT}/groups`,
    `${MICROSOFT}/role`,
    'http://schemas.xmlsoap.org/claims/Group',
    'urn:oid:1.3.6.1.4.1.5923.1.5.1.1',
  ],
};

/** The standard claims of OpenID Connect, and the usual one for groups. */
export const OIDC_CLAIM_NAMES: AttributeNames = { email: ['email'], name: ['name'], groups: ['groups'] };

/** What somebody presents at the door: who the identity provider says they are. */
export interface Login {
  /** Stable and unique at the connection. */
  readonly subject: string;
  /** Lower case; null where none was stated that may be relied on. */
  readonly email: string | null;
  readonly name: string;
  /** Undefined where the login says nothing of groups, which is not the same as having none. */
  readonly groups: readonly string[] | undefined;
  readonly attributes: Attributes;
  /** Names of attributes that may be there though the login says nothing of them; what is kept of them stays. */
  readonly silentOn?: readonly string[];
}

/** The values under the first of these names that is there; undefined where none is. */
export function valuesOf(attributes: Attributes, among: readonly string[]): readonly string[] | undefined {
  const name = among.find((each) => Object.hasOwn(attributes, each));
  return name === undefined ? undefined : attributes[name];
}

/** One spelling of an address: trimmed and lower case; null where it does not look like one. */
export function emailAddress(text: string | undefined): string | null {
  const email = text?.normalize('NFC').trim().toLowerCase() ?? '';
  return email.length <= 254 && /^[^\s@<>"(),:;\\]+@[^\s@<>"(),:;\\]+\.[^\s@<>"(),:;\\]+$/.test(email) ? email : null;
}

/** Distinct, trimmed, without empty ones. */
export function groupNames(values: readonly string[] | undefined): readonly string[] | undefined {
  return values && [...new Set(values.map((each) => each.trim()).filter((each) => each !== ''))];
}

/** The domain of an address. */
export function domainOf(email: string): string {
  return email.slice(email.lastIndexOf('@') + 1);
}
