/** What an administrator says of a SAML identity provider, and what is kept of it. Pure. */
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { attributeNames, SAML_ATTRIBUTE_NAMES } from '../attributes.ts';
import { certificateBody } from './certificate.ts';
import { type IdpDescription, METADATA_MAX_BYTES } from './metadata.ts';
import { SAML_PRESET_NAMES, samlAttributeNames } from './presets.ts';

const webAddress = z.url({ protocol: /^https?$/ }).max(2000);

/** Options that are kept as they are said. */
export const samlOptions = {
  /** Whose names for attributes it has; null: whichever of the usual ones comes. */
  preset: z.enum(SAML_PRESET_NAMES).nullable().default(null),
  /** How requests travel; null: by redirect where the identity provider takes that. */
  requestBinding: z.enum(['redirect', 'post']).nullable().default(null),
  /** Whether requests are signed; null: as its metadata wishes. */
  signRequests: z.boolean().nullable().default(null),
  /** Whether the person must sign in there anew each time. */
  forceAuthn: z.boolean().default(false),
  /** One of these contexts of authentication must have been used; empty: any. */
  authnContexts: z.array(z.string().min(1).max(300)).max(10).default([]),
  /** What kind of identifier is asked for; null: whatever the identity provider is set to. */
  nameIdFormat: z.enum(['persistent', 'emailAddress', 'unspecified']).nullable().default(null),
  /** `accepted`: assertions may be encrypted to our key; `required`: they must be. */
  encryption: z.enum(['off', 'accepted', 'required']).default('off'),
  /** Whether a signature over the response alone will do. */
  acceptSignedResponse: z.boolean().default(false),
  /** What becomes of an answer that nobody asked for: refused, dropped for a sign-in begun properly, or taken if the person says so. */
  idpInitiated: z.enum(['off', 'bounce', 'consent']).default('off'),
  /** Whether what an expired certificate signs still counts; its key is as good as it was, but nobody vouches for it. */
  expiredCertificates: z.enum(['accept', 'refuse']).default('accept'),
  /** Whether signing out here signs out there too, where the identity provider takes that. */
  endProviderSession: z.boolean().default(true),
  /** Who signs global token revocations (Okta: the address of its organization), as an OpenID provider; null: none are taken. */
  tokenRevocationIssuer: webAddress.nullable().default(null),
};

/** What is said of a SAML connection beside what is common to all. */
export const samlFields = {
  ...samlOptions,
  /** The identity provider's metadata as XML. */
  metadata: z.string().max(METADATA_MAX_BYTES).optional(),
  /** Where it publishes that; it is then read again and again, and new certificates are taken. */
  metadataUrl: webAddress.optional(),
  entityId: z.string().min(1).max(1024).optional(),
  ssoUrl: webAddress.optional(),
  ssoPostUrl: webAddress.optional(),
  logoutUrl: webAddress.optional(),
  certificates: z.array(z.string().min(1).max(20_000)).min(1).max(10).optional(),
  attributes: attributeNames.partial().default({}),
};

const samlSaid = z.object(samlFields);
export type SamlSaid = z.output<typeof samlSaid>;

/** Whether what is said describes the identity provider in exactly one way. */
export function describesOnce(said: SamlSaid): boolean {
  const { metadata, metadataUrl, entityId, ssoUrl, ssoPostUrl, logoutUrl, certificates } = said;
  const byHand = [entityId, ssoUrl, ssoPostUrl, logoutUrl, certificates].some((part) => part !== undefined);
  const complete = entityId !== undefined && (ssoUrl ?? ssoPostUrl) !== undefined && certificates !== undefined;
  const ways = [metadata !== undefined, metadataUrl !== undefined, byHand].filter(Boolean).length;
  return ways === 1 && (!byHand || complete);
}

export const DESCRIBED_ONCE = 'takes one of metadata, metadataUrl, or entityId with ssoUrl and certificates';

/** A SAML connection as it is kept. */
export const samlConfig = z.object({
  ...samlOptions,
  entityId: z.string(),
  ssoUrl: z.string().nullable(),
  ssoPostUrl: z.string().nullable().default(null),
  logoutUrl: z.string().nullable().default(null),
  logoutResponseUrl: z.string().nullable().default(null),
  wantsSignedRequests: z.boolean().default(false),
  certificates: z.array(z.string()).readonly(),
  metadataUrl: z.string().nullable().default(null),
  attributes: attributeNames.default(SAML_ATTRIBUTE_NAMES),
  defaultWorkspace: z.string().nullable().default(null),
});
export type SamlConfig = z.output<typeof samlConfig>;

/** The options of a connection, without what describes its identity provider. */
export function samlOptionsOf(config: SamlConfig) {
  return z.object(samlOptions).parse(config);
}

/** What is kept of what was said, and of the identity provider's description. */
export function samlConfigOf(
  said: SamlSaid & { readonly defaultWorkspace: string | null },
  description: IdpDescription,
): SamlConfig {
  const defined = Object.fromEntries(Object.entries(said.attributes).filter(([, names]) => names !== undefined));
  return samlConfig.parse({
    ...said,
    ...description,
    metadataUrl: said.metadataUrl ?? null,
    attributes: { ...samlAttributeNames(said.preset), ...defined },
  });
}

/** What the separate fields describe. @throws Fault `invalid-input` where a certificate is none */
export function describedByHand({ entityId = '', certificates = [], ...said }: SamlSaid): IdpDescription {
  return {
    entityId,
    ssoUrl: said.ssoUrl ?? null,
    ssoPostUrl: said.ssoPostUrl ?? null,
    logoutUrl: said.logoutUrl ?? null,
    logoutResponseUrl: null,
    wantsSignedRequests: false,
    certificates: certificates.map((each, at) => certificateBody(each, `certificates.${at}`)),
  };
}

/** What is kept describes the identity provider so. */
export function descriptionOf(config: SamlConfig): IdpDescription {
  const { entityId, ssoUrl, ssoPostUrl, logoutUrl, logoutResponseUrl, wantsSignedRequests, certificates } = config;
  return { entityId, ssoUrl, ssoPostUrl, logoutUrl, logoutResponseUrl, wantsSignedRequests, certificates };
}

/** Whether our requests and logout messages at an identity provider are signed. */
export function signsRequests({ signRequests, wantsSignedRequests }: SamlConfig): boolean {
  return signRequests ?? wantsSignedRequests;
}

/** Whether a connection has a use for keys of our own: to sign requests or logout messages, or to be encrypted to. */
export function needsOwnKey(config: SamlConfig): boolean {
  return signsRequests(config) || config.encryption !== 'off' || config.logoutUrl !== null;
}

/** The address of requests, and how they travel to it. @throws Fault `conflict` where the identity provider takes none that way */
export function requestAddress({ requestBinding, ssoUrl, ssoPostUrl }: SamlConfig): {
  readonly binding: 'redirect' | 'post';
  readonly url: string;
} {
  const binding = requestBinding ?? (ssoUrl === null ? 'post' : 'redirect');
  const url = binding === 'post' ? ssoPostUrl : ssoUrl;
  if (url !== null) return { binding, url };
  throw new Fault('conflict', `The identity provider takes no requests by ${binding}.`, {
    where: 'requestBinding',
    remedy: 'Leave requestBinding out, or give the address for it.',
  });
}
