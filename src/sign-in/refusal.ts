/** Why somebody is not let in: the name of the check that failed, one sentence for whoever can mend it, and the audit's trace of it. */
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';

/** Every check that can refuse a sign-in; audit events and answers name it. */
export type Check =
  | 'size'
  | 'encoding'
  | 'xml'
  | 'doctype'
  | 'unusual-markup'
  | 'depth'
  | 'response'
  | 'status'
  | 'one-assertion'
  | 'unique-ids'
  | 'signed'
  | 'signature-shape'
  | 'signature-algorithm'
  | 'digest-algorithm'
  | 'signature-transform'
  | 'signature'
  | 'certificate'
  | 'encryption'
  | 'authn-context'
  | 'authn-instant'
  | 'issuer'
  | 'destination'
  | 'recipient'
  | 'audience'
  | 'confirmation'
  | 'not-before'
  | 'expired'
  | 'in-response-to'
  | 'browser'
  | 'replay'
  | 'subject'
  | 'provider-error'
  | 'client'
  | 'state'
  | 'token'
  | 'nonce'
  | 'authorized-party'
  | 'access-token'
  | 'authentication-time'
  | 'authentication-context'
  | 'hosted-domain'
  | 'groups'
  | 'events'
  | 'tenant'
  | 'connection-disabled'
  | 'person'
  | 'email'
  | 'domain'
  | 'just-in-time'
  | 'identity';

/** What a check found. */
export interface Finding {
  /** A sentence that an administrator of the identity provider or of the organization can act on. */
  readonly reason: string;
  readonly remedy?: string;
  readonly wanted?: string;
  readonly got?: string;
}

/** Text from outside as it can be kept and shown: the database takes no NUL and no half of a character. */
export function printable(text: string): string {
  return text.toWellFormed().replace(/\p{Cc}/gu, '\u{FFFD}');
}

/** A check that failed, as a fault. What was wanted and got is for the audit; it is never a secret. */
export class SignInRefusal extends Fault {
  readonly check: Check;
  readonly finding: Finding;

  constructor(check: Check, finding: Finding, cause?: unknown) {
    super('sign-in-refused', printable(finding.reason), {
      ...(finding.remedy === undefined ? {} : { remedy: finding.remedy }),
      ...(cause === undefined ? {} : { cause }),
      extra: { check },
    });
    this.check = check;
    this.finding = {
      ...finding,
      reason: this.message,
      ...(finding.wanted === undefined ? {} : { wanted: printable(finding.wanted) }),
      ...(finding.got === undefined ? {} : { got: printable(finding.got) }),
    };
  }
}

/** One of a list of checks over facts of one kind; gives what it found, or nothing where all is well. */
export interface NamedCheck<T> {
  readonly name: Check;
  readonly find: (facts: T) => Finding | undefined;
}

/** Where the outcome of each check is noted. */
export interface CheckLog {
  passed(check: Check, detail?: Pick<Finding, 'wanted' | 'got'>): void;
  failed(check: Check, finding: Finding): void;
}

/**
 * Runs checks in their order.
 * @param log told of each that holds, and of the one that doesn't
 * @throws SignInRefusal of the first that finds something
 */
export function pass<T>(checks: readonly NamedCheck<T>[], facts: T, log?: CheckLog): void {
  for (const { name, find } of checks) {
    const finding = find(facts);
    if (finding !== undefined) {
      const refusal = new SignInRefusal(name, finding);
      log?.failed(name, refusal.finding);
      throw refusal;
    }
    log?.passed(name);
  }
}

/** Records in the audit that somebody was not let in, or that a message which would have ended sessions was not believed. */
export async function auditRefusal(
  tx: TenantTransaction,
  connection: { readonly id: string; readonly slug: string },
  refusal: Fault,
  action: 'sign_in.refused' | 'sign_out.refused' = 'sign_in.refused',
): Promise<void> {
  const finding = refusal instanceof SignInRefusal ? refusal.finding : undefined;
  const detail = {
    connection: connection.slug,
    sentence: refusal.message,
    ...brief('wanted', finding?.wanted),
    ...brief('got', finding?.got),
  };
  const denied = refusal.code === 'sign-in-refused';
  await record(tx, {
    action,
    resource: { type: 'connection', id: connection.id },
    outcome: denied ? 'denied' : 'failure',
    reason: refusal instanceof SignInRefusal ? refusal.check : denied ? 'person' : refusal.code,
    detail,
  });
}

/** What came from outside is kept short: it is for recognising a value, not for keeping it. */
function brief(name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: value.length > 200 ? `${value.slice(0, 200)}...` : value };
}
