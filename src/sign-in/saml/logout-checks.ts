/** What must hold of a logout request whose signature has been verified (SAML Core 3.7.1). Pure. */
import type { Finding, NamedCheck } from '../refusal.ts';
import { ASSERTION, PROTOCOL } from './message.ts';
import { childrenOf, onlyChild, type XmlElement } from './xml.ts';

export interface LogoutFacts {
  readonly root: XmlElement;
  /** The identity provider's entityID, as the connection has it. */
  readonly issuer: string;
  /** Where this connection takes logout messages. */
  readonly logoutUrl: string;
  readonly now: Date;
}

/** Whom a logout request means. */
export interface LogoutRequest {
  readonly id: string;
  readonly nameId: string;
  /** Empty: every session of that person. */
  readonly sessionIndexes: readonly string[];
  /** Until when it could be accepted again, if its id were forgotten. */
  readonly acceptableUntil: Date;
}

const SKEW_MS = 60_000;
const MAX_AGE_MS = 5 * 60_000;
const SUCCESS = 'urn:oasis:names:tc:SAML:2.0:status:Success';

/** In this order; the first that finds something names the refusal. */
export const LOGOUT_CHECKS: readonly NamedCheck<LogoutFacts>[] = [
  { name: 'response', find: isLogoutRequest },
  { name: 'issuer', find: isFromThisIssuer },
  { name: 'destination', find: isMeantForThisAddress },
  { name: 'not-before', find: isValidYet },
  { name: 'expired', find: isStillValid },
  { name: 'subject', find: namesASubject },
];

/** Reads a request that passed the checks. */
export function logoutRequestOf(root: XmlElement): LogoutRequest {
  return {
    id: root.attributes['ID'] ?? '',
    nameId: onlyChild(root, ASSERTION, 'NameID')?.text.trim() ?? '',
    sessionIndexes: childrenOf(root, PROTOCOL, 'SessionIndex').map(({ text }) => text.trim()),
    acceptableUntil: new Date(endOf(root)),
  };
}

/** Whether an answer to our own request says that the person is signed out there. */
export function isLogoutConfirmed({ root, issuer }: Pick<LogoutFacts, 'root' | 'issuer'>): boolean {
  const status = onlyChild(onlyChild(root, PROTOCOL, 'Status'), PROTOCOL, 'StatusCode');
  const from = onlyChild(root, ASSERTION, 'Issuer')?.text.trim();
  return root.name === 'LogoutResponse' && from === issuer && status?.attributes['Value'] === SUCCESS;
}

function isLogoutRequest({ root }: LogoutFacts): Finding | undefined {
  const is = root.namespace === PROTOCOL && root.name === 'LogoutRequest' && root.attributes['Version'] === '2.0';
  if (is && root.attributes['ID']) return undefined;
  return { reason: 'The message is not a SAML 2.0 logout request.', got: root.name };
}

function isFromThisIssuer({ root, issuer }: LogoutFacts): Finding | undefined {
  const got = onlyChild(root, ASSERTION, 'Issuer')?.text.trim();
  if (got === issuer) return undefined;
  return {
    reason: "The logout request's issuer is not this connection's identity provider.",
    wanted: issuer,
    got: got ?? 'none',
  };
}

function isMeantForThisAddress({ root, logoutUrl }: LogoutFacts): Finding | undefined {
  const got = root.attributes['Destination'];
  if (got === logoutUrl) return undefined;
  return {
    reason: 'The logout request is addressed to another destination.',
    remedy: `Set the identity provider's single logout URL to ${logoutUrl}.`,
    wanted: logoutUrl,
    got: got ?? 'none',
  };
}

function isValidYet({ root, now }: LogoutFacts): Finding | undefined {
  const got = root.attributes['IssueInstant'] ?? 'none';
  if (Date.parse(got) - SKEW_MS <= now.getTime()) return undefined;
  return { reason: 'The logout request is not valid yet.', wanted: now.toISOString(), got };
}

function isStillValid({ root, now }: LogoutFacts): Finding | undefined {
  const end = endOf(root);
  if (now.getTime() < end) return undefined;
  return { reason: 'The logout request has expired.', wanted: now.toISOString(), got: new Date(end).toISOString() };
}

/** NaN where the end can not be read: then nothing is before it. */
function endOf(root: XmlElement): number {
  const stated = root.attributes['NotOnOrAfter'];
  const byAge = Date.parse(root.attributes['IssueInstant'] ?? '') + MAX_AGE_MS;
  return (stated === undefined ? byAge : Math.min(byAge, Date.parse(stated))) + SKEW_MS;
}

function namesASubject({ root }: LogoutFacts): Finding | undefined {
  const nameId = onlyChild(root, ASSERTION, 'NameID')?.text.trim() ?? '';
  if (nameId !== '' && nameId.length <= 1024) return undefined;
  return {
    reason: 'The logout request names nobody.',
    remedy: 'Have the identity provider send the NameID, not encrypted.',
  };
}
