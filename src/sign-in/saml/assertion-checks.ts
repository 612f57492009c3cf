/** What must hold of an assertion whose signature has been verified. Everything here is read from the verified element alone. */
import type { Finding, NamedCheck } from '../refusal.ts';
import { ASSERTION } from './message.ts';
import { childrenOf, onlyChild, type XmlElement } from './xml.ts';

export interface AssertionFacts {
  /** The verified element. */
  readonly assertion: XmlElement;
  /** The identity provider's entityID, as the connection has it. */
  readonly issuer: string;
  /** This connection's own entityID. */
  readonly audience: string;
  readonly acsUrl: string;
  readonly now: Date;
  /** Whether it may, and must, be one that nobody asked for. */
  readonly unsolicited: boolean;
  /** One of these contexts of authentication must have been used; empty: any. */
  readonly authnContexts: readonly string[];
  /** Whether the person had to sign in anew. */
  readonly forceAuthn: boolean;
}

/** How far the identity provider's clock may be from ours. */
const SKEW_MS = 60_000;
/** A request is answered within fifteen minutes or not at all, so an older sign-in can not be the one that was asked for. */
const ANEW_MS = 15 * 60_000;
const BEARER = 'urn:oasis:names:tc:SAML:2.0:cm:bearer';
const TRANSIENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient';
const CLOCKS = "Check the identity provider's clock.";

/** In this order; the first that finds something names the refusal. */
export const ASSERTION_CHECKS: readonly NamedCheck<AssertionFacts>[] = [
  { name: 'issuer', find: isFromThisIssuer },
  { name: 'audience', find: isForThisAudience },
  { name: 'confirmation', find: isConfirmedByBearing },
  { name: 'recipient', find: isForThisRecipient },
  { name: 'not-before', find: isValidYet },
  { name: 'expired', find: isStillValid },
  { name: 'in-response-to', find: answersARequest },
  { name: 'subject', find: namesASubject },
  { name: 'authn-context', find: wasAuthenticatedAsAsked },
  { name: 'authn-instant', find: wasAuthenticatedAnew },
];

/** The request that an assertion answers. */
export function requestAnswered(assertion: XmlElement): string | undefined {
  return confirmationOf(assertion)?.attributes['InResponseTo'];
}

/** Until when this assertion could be accepted, skew included. */
export function acceptableUntil(assertion: XmlElement): Date {
  return new Date(Math.min(...endsOf(assertion).map((time) => Date.parse(time))) + SKEW_MS);
}

/** The subject's identifier. */
export function nameIdOf(assertion: XmlElement): XmlElement | undefined {
  return onlyChild(onlyChild(assertion, ASSERTION, 'Subject'), ASSERTION, 'NameID');
}

function isFromThisIssuer({ assertion, issuer }: AssertionFacts): Finding | undefined {
  const got = onlyChild(assertion, ASSERTION, 'Issuer')?.text.trim();
  if (got === issuer) return undefined;
  return {
    reason: "The assertion's issuer is not this connection's identity provider.",
    remedy: "Compare the entityID in the identity provider's metadata with the connection's.",
    wanted: issuer,
    got: got ?? 'none',
  };
}

function isForThisAudience({ assertion, audience }: AssertionFacts): Finding | undefined {
  const restrictions = childrenOf(conditionsOf(assertion) ?? assertion, ASSERTION, 'AudienceRestriction');
  const audiences = restrictions.map((each) => childrenOf(each, ASSERTION, 'Audience').map(({ text }) => text.trim()));
  // Each restriction on its own must allow us.
  if (audiences.length > 0 && audiences.every((each) => each.includes(audience))) return undefined;
  return {
    reason: 'The assertion is meant for another audience.',
    remedy: `Set the identity provider's audience (SP entity ID) to ${audience}.`,
    wanted: audience,
    got: audiences.flat().join(', ') || 'none',
  };
}

function isConfirmedByBearing({ assertion }: AssertionFacts): Finding | undefined {
  if (confirmationOf(assertion) !== undefined) return undefined;
  return { reason: 'The assertion has not exactly one bearer confirmation of its subject.' };
}

function isForThisRecipient({ assertion, acsUrl }: AssertionFacts): Finding | undefined {
  const got = confirmationOf(assertion)?.attributes['Recipient'];
  if (got === acsUrl) return undefined;
  return {
    reason: 'The assertion is meant for another recipient.',
    remedy: `Set the identity provider's reply (ACS) URL to ${acsUrl}.`,
    wanted: acsUrl,
    got: got ?? 'none',
  };
}

function isValidYet({ assertion, now }: AssertionFacts): Finding | undefined {
  const stated = [conditionsOf(assertion), confirmationOf(assertion)].map((each) => each?.attributes['NotBefore']);
  const early = stated.find((time) => time !== undefined && !(Date.parse(time) - SKEW_MS <= now.getTime()));
  if (early === undefined) return undefined;
  return { reason: 'The assertion is not valid yet.', remedy: CLOCKS, wanted: now.toISOString(), got: early };
}

function isStillValid({ assertion, now }: AssertionFacts): Finding | undefined {
  const confirmed = confirmationOf(assertion)?.attributes['NotOnOrAfter'];
  const late = endsOf(assertion).find((time) => !(now.getTime() < Date.parse(time) + SKEW_MS));
  if (confirmed !== undefined && late === undefined) return undefined;
  return {
    reason: 'The assertion has expired.',
    remedy: CLOCKS,
    wanted: now.toISOString(),
    got: late ?? 'no end stated',
  };
}

function answersARequest({ assertion, unsolicited }: AssertionFacts): Finding | undefined {
  if (unsolicited === (requestAnswered(assertion) === undefined)) return undefined;
  return {
    reason: 'The assertion answers no request; a sign-in has to start here.',
    remedy: "Start at the sign-in page, or point the tile at the identity provider to the connection's login address.",
  };
}

/** What the identity provider calls its own session. */
export function sessionIndexOf(assertion: XmlElement): string | undefined {
  return statementsOf(assertion)
    .map(({ attributes }) => attributes['SessionIndex'])
    .find((index) => index !== undefined);
}

function namesASubject({ assertion }: AssertionFacts): Finding | undefined {
  const nameId = nameIdOf(assertion);
  const subject = nameId?.text.trim() ?? '';
  if (subject === '' || subject.length > 1024) {
    return {
      reason: 'The assertion names no subject that can be kept.',
      remedy: 'Have the identity provider send a NameID.',
    };
  }
  if (nameId?.attributes['Format'] !== TRANSIENT) return undefined;
  return {
    reason: "The subject's identifier is a passing one.",
    remedy: 'Set the NameID format to persistent or emailAddress.',
  };
}

function wasAuthenticatedAsAsked({ assertion, authnContexts }: AssertionFacts): Finding | undefined {
  if (authnContexts.length === 0) return undefined;
  const got = statementsOf(assertion).map(
    (each) =>
      onlyChild(onlyChild(each, ASSERTION, 'AuthnContext'), ASSERTION, 'AuthnContextClassRef')?.text.trim() ?? '',
  );
  if (got.length > 0 && got.every((each) => authnContexts.includes(each))) return undefined;
  return {
    reason: 'The person did not sign in there in a way that this connection asks for.',
    remedy: "Allow one of the connection's authentication contexts at the identity provider, or ask for less.",
    wanted: authnContexts.join(', '),
    got: got.join(', ') || 'none',
  };
}

function wasAuthenticatedAnew({ assertion, forceAuthn, now }: AssertionFacts): Finding | undefined {
  if (!forceAuthn) return undefined;
  const instants = statementsOf(assertion).map(({ attributes }) => attributes['AuthnInstant'] ?? '');
  const earliest = now.getTime() - ANEW_MS - SKEW_MS;
  if (instants.length > 0 && instants.every((each) => Date.parse(each) >= earliest)) return undefined;
  return {
    reason: 'The person did not sign in there anew, as this connection asks for.',
    remedy: 'Have the identity provider heed ForceAuthn.',
    wanted: `after ${new Date(earliest).toISOString()}`,
    got: instants.join(', ') || 'none',
  };
}

function statementsOf(assertion: XmlElement): XmlElement[] {
  return childrenOf(assertion, ASSERTION, 'AuthnStatement');
}

function conditionsOf(assertion: XmlElement): XmlElement | undefined {
  return onlyChild(assertion, ASSERTION, 'Conditions');
}

function confirmationOf(assertion: XmlElement): XmlElement | undefined {
  const confirmation = onlyChild(onlyChild(assertion, ASSERTION, 'Subject'), ASSERTION, 'SubjectConfirmation');
  if (confirmation?.attributes['Method'] !== BEARER) return undefined;
  return onlyChild(confirmation, ASSERTION, 'SubjectConfirmationData');
}

function endsOf(assertion: XmlElement): string[] {
  const stated = [conditionsOf(assertion), confirmationOf(assertion)].map((each) => each?.attributes['NotOnOrAfter']);
  return stated.filter((time) => time !== undefined);
}
