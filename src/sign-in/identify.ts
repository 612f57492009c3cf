/**
 * "Who is this?" - decided from what a login says and what is known here (sign-in, Who is this?). Pure: no database, no clock.
 *
 * 1. A known (connection, subject): that person, with the role they have, whatever has become of their address and its domain.
 * 2. Else the person with that e-mail address, if its domain is proven to be this organization's and one that the connection serves.
 * 3. Else a new person, if the domain is and newcomers are let in or this one is invited.
 *
 * Whoever has been let go stays out, whatever the identity provider says; only a directory or an administrator brings them back.
 */
import type { Login } from './attributes.ts';
import { domainOf } from './attributes.ts';
import type { Check, Finding } from './refusal.ts';

export type PersonStatus = 'active' | 'suspended' | 'deprovisioned';

export interface KnownPerson {
  readonly userId: string;
  readonly status: PersonStatus;
}

/** What is known here of whoever signs in. */
export interface KnownFacts {
  /** Whose identity the connection's subject is. */
  readonly identity: KnownPerson | null;
  /** Who has the login's e-mail address: somebody present first, else somebody who has left. */
  readonly holderOfEmail: KnownPerson | null;
  /** Whether that person already signs in through this connection as another subject. */
  readonly holderHasIdentity: boolean;
  readonly domainVerified: boolean;
  /** Whether the connection may vouch for people of that domain. */
  readonly domainServed: boolean;
  readonly justInTime: boolean;
  /** Whether somebody here has invited this address. */
  readonly invited: boolean;
}

export type Verdict =
  | { readonly kind: 'known'; readonly userId: string }
  | { readonly kind: 'link'; readonly userId: string }
  | { readonly kind: 'create'; readonly email: string }
  | { readonly kind: 'refuse'; readonly check: Check; readonly finding: Finding };

/** Decides who signs in, or why nobody does. */
export function identify(login: Pick<Login, 'email'>, known: KnownFacts): Verdict {
  if (known.identity !== null) return admit('known', known.identity);
  const { email } = login;
  if (email === null) {
    return refuse(
      'email',
      'The login states no e-mail address that can be relied on.',
      'Have the identity provider send a verified one.',
    );
  }
  const domain = domainOf(email);
  if (!known.domainVerified) {
    const reason = `The domain ${domain} of this e-mail address is not verified for the organization.`;
    return refuse('domain', reason, 'An administrator can verify it under Domains.', domain);
  }
  if (!known.domainServed) {
    const reason = `This connection does not vouch for people of the domain ${domain}.`;
    return refuse('domain', reason, "An administrator can add it to the connection's domains.", domain);
  }
  const { holderOfEmail } = known;
  if (holderOfEmail === null) return create(email, known);
  if (holderOfEmail.status === 'deprovisioned') return admit('link', holderOfEmail);
  if (known.holderHasIdentity) {
    const reason = 'The e-mail address belongs to somebody who signs in here under another subject.';
    return refuse(
      'identity',
      reason,
      'If the identity provider gave the person a new subject, remove the old identity first.',
    );
  }
  return admit('link', holderOfEmail);
}

function admit(kind: 'known' | 'link', { userId, status }: KnownPerson): Verdict {
  if (status === 'active') return { kind, userId };
  const reason = `This person's account is ${status}.`;
  return refuse('person', reason, 'Only the directory or an administrator can bring them back.', status);
}

function create(email: string, known: KnownFacts): Verdict {
  if (known.justInTime || known.invited) return { kind: 'create', email };
  return refuse(
    'just-in-time',
    'This person has no account, and newcomers are not let in.',
    'An administrator can invite them, or turn on just-in-time provisioning.',
  );
}

function refuse(check: Check, reason: string, remedy: string, got?: string): Verdict {
  return { kind: 'refuse', check, finding: { reason, remedy, ...(got === undefined ? {} : { got }) } };
}
