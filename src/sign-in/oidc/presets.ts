/** How the usual providers differ from the standard, as data. */
import { type AttributeNames, OIDC_CLAIM_NAMES } from '../attributes.ts';

export const CLIENT_AUTHENTICATIONS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;
export type ClientAuthentication = (typeof CLIENT_AUTHENTICATIONS)[number];

export interface Preset {
  /** Where it is the same for everybody. */
  readonly issuer: string | null;
  /** The discovery document of a template issuer stands where this is put for the tenant. */
  readonly anyTenant: string | null;
  readonly scopes: readonly string[];
  readonly claims: AttributeNames;
  /**
   * What makes an e-mail address one that may be relied on: `email_verified` of the same document (OpenID Connect Core 5.1); Entra's
   * `xms_edov` or `verified_primary_email`, because its `email` can be anything; Google's `email_verified` where it hosts the address;
   * or the provider's own API, asked for verified ones.
   */
  readonly vouching: 'email_verified' | 'entra' | 'google' | 'api';
  readonly clientAuthentication: readonly ClientAuthentication[];
  /** Asked where the token says that the groups are too many for it. */
  readonly groupsEndpoint: string | null;
  /** `oauth2`: no ID token and no discovery; the person is read from an API. */
  readonly protocol: 'openid' | 'oauth2';
}

const STANDARD: Preset = {
  issuer: null,
  anyTenant: null,
  scopes: ['openid', 'email', 'profile'],
  claims: OIDC_CLAIM_NAMES,
  vouching: 'email_verified',
  clientAuthentication: CLIENT_AUTHENTICATIONS,
  groupsEndpoint: null,
  protocol: 'openid',
};

const SECRETS: readonly ClientAuthentication[] = ['client_secret_basic', 'client_secret_post'];

const PRESETS = {
  google: {
    ...STANDARD,
    issuer: 'https://accounts.google.com',
    vouching: 'google',
    clientAuthentication: SECRETS,
  },
  entra: {
    ...STANDARD,
    anyTenant: 'organizations',
    scopes: [...STANDARD.scopes, 'User.Read'],
    claims: { email: ['verified_primary_email', 'email'], name: ['name'], groups: ['groups'] },
    vouching: 'entra',
    // Its private_key_jwt wants a certificate that was uploaded; it reads no key set.
    clientAuthentication: SECRETS,
    groupsEndpoint: 'https://graph.microsoft.com/v1.0/me/getMemberObjects',
  },
  okta: { ...STANDARD, scopes: [...STANDARD.scopes, 'groups'] },
  keycloak: { ...STANDARD, claims: { email: ['email'], name: ['name', 'preferred_username'], groups: ['groups'] } },
  auth0: { ...STANDARD, claims: { email: ['email'], name: ['name', 'nickname'], groups: ['groups', 'roles'] } },
  github: {
    ...STANDARD,
    issuer: 'https://github.com',
    // `read:org` beside it has teams taken as groups.
    scopes: ['read:user', 'user:email'],
    vouching: 'api',
    clientAuthentication: ['client_secret_post'],
    protocol: 'oauth2',
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof PRESETS;
export const PRESET_NAMES = Object.keys(PRESETS) as [PresetName, ...PresetName[]];

/** A provider's ways; those of the standard where none is named. */
export function presetOf(name: PresetName | null): Preset {
  return name === null ? STANDARD : PRESETS[name];
}

/** The place of the tenant in an issuer that stands for many. */
export const TENANT = '{tenantid}';
