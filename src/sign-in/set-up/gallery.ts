/** The identity providers to choose from, in the order of the gallery. Data. */

export interface GalleryCard {
  readonly title: string;
  /** Two letters; vendors' logos are not ours to show. */
  readonly glyph: string;
  /** Names of the wordings by which it can be connected. */
  readonly ways: readonly [string, ...string[]];
  /** Other names by which people look for it. */
  readonly alias?: string;
  /** Any provider that speaks the protocol; found by every search. */
  readonly any?: true;
}

export const GALLERY: readonly GalleryCard[] = [
  { title: 'Okta', glyph: 'Ok', ways: ['okta', 'okta-oidc'], alias: 'workforce identity' },
  {
    title: 'Microsoft Entra ID',
    glyph: 'En',
    ways: ['entra', 'entra-oidc'],
    alias: 'azure ad active directory office microsoft 365',
  },
  { title: 'Google Workspace', glyph: 'Go', ways: ['google', 'google-oidc'], alias: 'g suite gsuite gmail' },
  { title: 'OneLogin', glyph: '1L', ways: ['onelogin'], alias: 'one identity' },
  { title: 'JumpCloud', glyph: 'JC', ways: ['jumpcloud', 'jumpcloud-oidc'] },
  { title: 'PingOne', glyph: 'Pi', ways: ['pingone', 'pingone-oidc'], alias: 'ping identity' },
  { title: 'Auth0', glyph: 'A0', ways: ['auth0', 'auth0-oidc'] },
  { title: 'Keycloak', glyph: 'Kc', ways: ['keycloak', 'keycloak-oidc'], alias: 'red hat build rhbk sso' },
  { title: 'AD FS', glyph: 'FS', ways: ['adfs'], alias: 'adfs active directory federation services windows' },
  { title: 'Duo Single Sign-On', glyph: 'Du', ways: ['duo'], alias: 'cisco' },
  { title: 'Shibboleth', glyph: 'Sh', ways: ['shibboleth'], alias: 'eduperson university' },
  { title: 'SimpleSAMLphp', glyph: 'Ss', ways: ['simplesamlphp'], alias: 'simple saml php' },
  { title: 'GitHub', glyph: 'GH', ways: ['github'] },
  { title: 'Any SAML 2.0 provider', glyph: 'S2', ways: ['saml'], any: true },
  { title: 'Any OpenID provider', glyph: 'OI', ways: ['oidc'], any: true },
];

/** The card that a wording is chosen by. */
export function cardOf(wording: string): GalleryCard | undefined {
  return GALLERY.find(({ ways }) => ways.includes(wording));
}
