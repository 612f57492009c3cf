/** What an administrator says of an OpenID provider, and what is kept of it. Pure. */
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { attributeNames, OIDC_CLAIM_NAMES } from '../attributes.ts';
import { CLIENT_AUTHENTICATIONS, PRESET_NAMES, presetOf, TENANT } from './presets.ts';

const webAddress = z.url({ protocol: /^https?$/ }).max(2000);
const word = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/);
const words = (most: number) => z.array(word.max(300)).max(most);

/** Options that are kept as they are said. */
export const oidcOptions = {
  /** Whose ways it has; null: the standard's. */
  preset: z.enum(PRESET_NAMES).nullable().default(null),
  /** How we prove at the token endpoint who we are; null: by whichever secret method the provider offers. */
  clientAuthentication: z.enum(CLIENT_AUTHENTICATIONS).nullable().default(null),
  /** Nobody is sent to a provider that takes no pushed authorization requests (RFC 9126); where offered they are always used. */
  requirePushedRequests: z.boolean().default(false),
  /** The authentication may be so old at most, in seconds. */
  maxAge: z.int().min(0).max(31_536_000).nullable().default(null),
  /** One of these contexts of authentication must have been reached; empty: any. */
  acrValues: words(10).default([]),
  prompt: z.enum(['login', 'consent', 'select_account']).nullable().default(null),
  /** Google: the hosted domains whose people come in; empty: any. */
  hostedDomains: z.array(z.string().toLowerCase().min(3).max(253)).max(50).default([]),
  /** Entra: the tenants that may come in where the issuer has `{tenantid}` in it. */
  tenants: z.array(z.uuid().toLowerCase()).max(50).default([]),
  /** Asked for the groups that an ID token had no room for; null: the preset's. */
  groupsEndpoint: webAddress.nullable().default(null),
  /** Whether signing out here signs out there too. */
  endProviderSession: z.boolean().default(true),
};

/** What is said of an OpenID Connect connection beside what is common to all. */
export const oidcFields = {
  ...oidcOptions,
  /** Left out where the preset's is the only one. */
  issuer: webAddress.optional(),
  clientId: z.string().min(1).max(500),
  /** Left out when updating: the one that is kept stays. */
  clientSecret: z.string().min(1).max(2000).optional(),
  /** Left out: the preset's. */
  scopes: words(30).optional(),
  claims: attributeNames.partial().default({}),
};

const oidcSaid = z.object(oidcFields);
type OidcSaid = z.output<typeof oidcSaid> & { readonly defaultWorkspace: string | null };

/** An OpenID Connect connection as it is kept; its client secret is sealed beside it. */
export const oidcConfig = z.object({
  ...oidcOptions,
  issuer: z.string(),
  clientId: z.string(),
  scopes: z.array(z.string()),
  claims: attributeNames.default(OIDC_CLAIM_NAMES),
  defaultWorkspace: z.string().nullable().default(null),
});
export type OidcConfig = z.output<typeof oidcConfig>;

/**
 * What is kept of what was said.
 * @throws Fault `invalid-input` where the parts do not go together
 */
export function oidcConfigOf({ claims, clientSecret: _sealedBeside, ...said }: OidcSaid): OidcConfig {
  const preset = presetOf(said.preset);
  const issuer = said.issuer ?? preset.issuer;
  if (issuer === null) {
    throw wrong('issuer', 'The connection names no issuer.', 'Give the address that the provider calls its issuer.');
  }
  refuseAnyTenant(issuer, said);
  const { clientAuthentication } = said;
  if (clientAuthentication !== null && !preset.clientAuthentication.includes(clientAuthentication)) {
    const reason = `This provider takes no ${clientAuthentication}.`;
    throw wrong('clientAuthentication', reason, `Choose one of ${preset.clientAuthentication.join(', ')}.`);
  }
  if (preset.vouching === 'entra' && claims.email?.some((name) => !preset.claims.email.includes(name))) {
    const remedy = 'Leave claims.email out, and have Entra put xms_edov or verified_primary_email into ID tokens.';
    throw wrong('claims.email', 'Entra vouches for no other claim that holds an address.', remedy);
  }
  const defined = Object.fromEntries(Object.entries(claims).filter(([, names]) => names !== undefined));
  const scopes = [...(preset.protocol === 'openid' ? ['openid'] : []), ...(said.scopes ?? preset.scopes)];
  return oidcConfig.parse({ ...said, issuer, scopes: [...new Set(scopes)], claims: { ...preset.claims, ...defined } });
}

/** An issuer that stands for every tenant of a provider would let everybody in. */
function refuseAnyTenant(issuer: string, { preset, tenants }: Pick<OidcSaid, 'preset' | 'tenants'>): void {
  const template = issuer.includes(TENANT);
  if (template && (presetOf(preset).anyTenant === null || tenants.length === 0)) {
    throw wrong('issuer', 'This issuer stands for many tenants.', 'Use the preset entra, and name the tenants.');
  }
  if (!template && tenants.length > 0) {
    throw wrong(
      'tenants',
      'The issuer is of one tenant already.',
      `Leave tenants out, or put ${TENANT} in the issuer.`,
    );
  }
  const shared = /^https:\/\/login\.microsoftonline\.[a-z]+\/(common|organizations|consumers)(\/|$)/.exec(issuer);
  if (shared !== null) {
    throw wrong('issuer', `${shared[1]} lets in people of every tenant.`, 'Put the id of the tenant there.');
  }
}

function wrong(where: string, reason: string, remedy: string): Fault {
  return new Fault('invalid-input', reason, { where, remedy });
}
