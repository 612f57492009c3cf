/** Whether a password lets somebody in. Decided from what is known of whom it names and of their organization. Pure. */

/** What is known of whoever an e-mail address names; all false where it names nobody. */
export interface LocalFacts {
  readonly person: { readonly userId: string; readonly status: 'active' | 'suspended' | 'deprovisioned' } | null;
  /** Whether the password is theirs. */
  readonly passwordRight: boolean;
  readonly hasSecondFactor: boolean;
  /** Named to get in when the identity provider can't be reached. */
  readonly breakGlass: boolean;
  /** Whether their organization has people of this e-mail domain sign in by SSO only. */
  readonly ssoEnforced: boolean;
}

/** Why not; for the audit alone, the answer never tells. */
export type Refused =
  | 'unknown person'
  | 'wrong password'
  | 'suspended'
  | 'deprovisioned'
  | 'sso enforced'
  | 'second factor missing';

export type LocalVerdict =
  | { readonly kind: 'in'; readonly userId: string }
  | { readonly kind: 'second-factor'; readonly userId: string }
  | { readonly kind: 'refuse'; readonly why: Refused };

/** Decides. Under enforced SSO only a break-glass person gets further, and only towards their second factor. */
export function judge(facts: LocalFacts): LocalVerdict {
  const { person, passwordRight, hasSecondFactor, breakGlass, ssoEnforced } = facts;
  if (person === null) return refuse('unknown person');
  if (!passwordRight) return refuse('wrong password');
  if (person.status !== 'active') return refuse(person.status);
  if (ssoEnforced && !breakGlass) return refuse('sso enforced');
  if (hasSecondFactor) return { kind: 'second-factor', userId: person.userId };
  return ssoEnforced ? refuse('second factor missing') : { kind: 'in', userId: person.userId };
}

function refuse(why: Refused): LocalVerdict {
  return { kind: 'refuse', why };
}
