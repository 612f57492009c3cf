/** Which audited actions are signals, and what a signal says: CAEP 1.0 and RISC 1.0. Pure. */

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type';
const RISC = 'https://schemas.openid.net/secevent/risc/event-type';

const SESSION_REVOKED = `${CAEP}/session-revoked`;
const CREDENTIAL_CHANGE = `${CAEP}/credential-change`;
const ACCOUNT_DISABLED = `${RISC}/account-disabled`;
const ACCOUNT_ENABLED = `${RISC}/account-enabled`;

interface SignalOf {
  readonly action: string;
  readonly type: string;
  /** Reasons with which it is a part of something that is told as a whole. */
  readonly unless: readonly string[];
}

const signal = (action: string, type: string, unless: readonly string[] = []): SignalOf => ({ action, type, unless });

/** One line an audited action and signal; all are about people. */
export const SIGNALS_OF: readonly SignalOf[] = [
  signal('user.deprovisioned', ACCOUNT_DISABLED),
  signal('user.deprovisioned', SESSION_REVOKED),
  signal('user.suspended', ACCOUNT_DISABLED),
  signal('user.suspended', SESSION_REVOKED),
  signal('user.reactivated', ACCOUNT_ENABLED),
  signal('user.rehired', ACCOUNT_ENABLED),
  signal('session.ended', SESSION_REVOKED, ['the person has left', 'the person was suspended']),
  signal('password.set', CREDENTIAL_CHANGE),
  signal('second_factor.added', CREDENTIAL_CHANGE),
  signal('second_factor.removed', CREDENTIAL_CHANGE),
  signal('second_factor.reset', CREDENTIAL_CHANGE),
];
