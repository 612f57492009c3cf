/** Reads an identity provider's SAML metadata, strictly, since the text comes from outside (SAML Metadata 2.0). */
import { Fault } from '../../errors.ts';
import { certificateBody } from './certificate.ts';
import { milliseconds } from './duration.ts';
import { SIGNATURE } from './message.ts';
import { childrenOf, readXml, withDescendants, type XmlElement, XmlProblem } from './xml.ts';

/** What a connection needs to know of an identity provider. */
export interface IdpDescription {
  readonly entityId: string;
  /** Where requests go by HTTP-Redirect, and by HTTP-POST; one of the two at least. */
  readonly ssoUrl: string | null;
  readonly ssoPostUrl: string | null;
  /** Where logout messages go by HTTP-Redirect; null: it signs nobody out. */
  readonly logoutUrl: string | null;
  /** Where answers to its own logout requests go, if elsewhere. */
  readonly logoutResponseUrl: string | null;
  readonly wantsSignedRequests: boolean;
  /** Base64 bodies of the certificates whose keys may sign. */
  readonly certificates: readonly string[];
}

/** For how long a description may be relied on. */
export interface Freshness {
  readonly validUntil: Date | null;
  /** Milliseconds. */
  readonly cacheDuration: number | null;
}

const METADATA = 'urn:oasis:names:tc:SAML:2.0:metadata';
const BINDINGS = 'urn:oasis:names:tc:SAML:2.0:bindings';
export const METADATA_MAX_BYTES = 1024 * 1024;
const LIMITS = { maxBytes: METADATA_MAX_BYTES, maxDepth: 60, allowComments: true };

/**
 * Reads metadata of exactly one identity provider.
 * @param now metadata that was valid until an earlier time is refused
 * @throws Fault `invalid-input` saying what is wrong with it
 */
export function readIdpMetadata(xml: string, now: Date): IdpDescription & Freshness {
  const root = readStrictly(xml);
  if (root.namespace !== METADATA || root.name !== 'EntityDescriptor') {
    throw unusable('is not the metadata of one entity', 'Give the EntityDescriptor of the identity provider.');
  }
  const all = withDescendants(root).filter(
    ({ namespace, name }) => namespace === METADATA && name === 'IDPSSODescriptor',
  );
  const [provider] = childrenOf(root, METADATA, 'IDPSSODescriptor');
  if (provider === undefined || all.length !== 1) {
    throw unusable(`describes ${all.length} identity providers instead of one`);
  }
  return { ...describe(root, provider), ...freshnessOf([root, provider], now) };
}

function readStrictly(xml: string): XmlElement {
  try {
    return readXml(xml, LIMITS);
  } catch (error) {
    throw error instanceof XmlProblem ? unusable(error.message) : error;
  }
}

function describe(root: XmlElement, provider: XmlElement): IdpDescription {
  const entityId = root.attributes['entityID'] ?? '';
  if (entityId === '' || entityId.length > 1024) throw unusable('has no entityID');
  const ssoUrl = addressOf(provider, 'SingleSignOnService', 'HTTP-Redirect')?.location ?? null;
  const ssoPostUrl = addressOf(provider, 'SingleSignOnService', 'HTTP-POST')?.location ?? null;
  if (ssoUrl === null && ssoPostUrl === null) throw unusable('has no sign-on address for HTTP-Redirect or HTTP-POST');
  const logout = addressOf(provider, 'SingleLogoutService', 'HTTP-Redirect');
  return {
    entityId,
    ssoUrl,
    ssoPostUrl,
    logoutUrl: logout?.location ?? null,
    logoutResponseUrl: logout?.responseLocation ?? null,
    wantsSignedRequests: ['true', '1'].includes(provider.attributes['WantAuthnRequestsSigned'] ?? ''),
    certificates: certificatesOf(provider),
  };
}

function addressOf(provider: XmlElement, service: string, binding: string) {
  const found = childrenOf(provider, METADATA, service).find(
    ({ attributes }) => attributes['Binding'] === `${BINDINGS}:${binding}`,
  );
  const location = found?.attributes['Location']?.trim();
  if (location === undefined) return undefined;
  return { location, responseLocation: found?.attributes['ResponseLocation']?.trim() ?? null };
}

/** A certificate of unstated use serves signing too. */
function certificatesOf(provider: XmlElement): string[] {
  const keys = childrenOf(provider, METADATA, 'KeyDescriptor').filter(
    ({ attributes }) => attributes['use'] !== 'encryption',
  );
  const given = keys
    .flatMap(withDescendants)
    .filter(({ namespace, name, text }) => namespace === SIGNATURE && name === 'X509Certificate' && text.trim() !== '');
  if (given.length === 0) throw unusable('has no signing certificate');
  if (given.length > 20) throw unusable('has more than 20 signing certificates');
  return [...new Set(given.map(({ text }) => certificateBody(text, 'metadata')))];
}

/** The narrowest of what is stated; what is stated in a way that can't be read is refused, not passed over. */
function freshnessOf(elements: readonly XmlElement[], now: Date): Freshness {
  const stated = (name: string) => elements.flatMap(({ attributes }) => attributes[name] ?? []);
  const ends = stated('validUntil').map((text) => ({ text, at: Date.parse(text) }));
  const past = ends.find(({ at }) => !(at > now.getTime()));
  if (past !== undefined) throw unusable(`was valid until ${past.text}`, 'Export it anew.');
  const durations = stated('cacheDuration').flatMap((text) => milliseconds(text) ?? []);
  return {
    validUntil: ends.length === 0 ? null : new Date(Math.min(...ends.map(({ at }) => at))),
    cacheDuration: durations.length === 0 ? null : Math.min(...durations),
  };
}

function unusable(what: string, remedy = 'Export it anew from the identity provider.'): Fault {
  return new Fault('invalid-input', `The metadata ${what}.`, { where: 'metadata', remedy });
}
