/** Which audited actions are signals, and what a signal says: CAEP 1.0 and RISC 1.0. Pure. */
import type { Json } from '../../store/tables.ts';
import type { ToldEvent } from '../delivery.ts';

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type';
const RISC = 'https://schemas.openid.net/secevent/risc/event-type';

const SSF = 'https://schemas.openid.net/secevent/ssf/event-type';

/** About the stream itself. */
export const VERIFICATION = `${SSF}/verification`;
/** Also in `locate_due_signals`. */
export const STREAM_UPDATED = `${SSF}/stream-updated`;

export const SESSION_REVOKED = `${CAEP}/session-revoked`;
export const CREDENTIAL_CHANGE = `${CAEP}/credential-change`;
export const ACCOUNT_DISABLED = `${RISC}/account-disabled`;
export const ACCOUNT_ENABLED = `${RISC}/account-enabled`;

export const SUPPORTED_EVENTS = [SESSION_REVOKED, CREDENTIAL_CHANGE, ACCOUNT_DISABLED, ACCOUNT_ENABLED];

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

/** What a signal says of an event beside whom it is about. @param userId whom it is about */
export function signalPayload(type: string, event: ToldEvent, userId: string): Json {
  // RISC knows a reason of account-disabled, but none that fits somebody who has left: it is left out.
  if (type === ACCOUNT_DISABLED || type === ACCOUNT_ENABLED) return {};
  return {
    event_timestamp: Math.floor(Date.parse(event.at) / 1000),
    initiating_entity: initiator(event, userId),
    ...(event.reason === '' ? {} : { reason_admin: { en: event.reason.slice(0, 1000) } }),
    ...(type === CREDENTIAL_CHANGE ? credential(event) : {}),
  };
}

function initiator({ actor: { kind, id } }: ToldEvent, userId: string): 'user' | 'admin' | 'policy' | 'system' {
  if (kind === 'user') return id === userId ? 'user' : 'admin';
  if (kind === 'operator' || kind === 'api_key') return 'admin';
  return kind === 'system' ? 'system' : 'policy';
}

function credential({ action, detail }: ToldEvent): Json {
  if (action === 'password.set') return { credential_type: 'password', change_type: 'update' };
  const credential_type = detail['kind'] === 'webauthn' ? 'fido2-roaming' : 'app';
  if (action === 'second_factor.added')
    return { credential_type, change_type: 'create', ...(detail['name'] ? { friendly_name: detail['name'] } : {}) };
  return { credential_type, change_type: action === 'second_factor.removed' ? 'delete' : 'revoke' };
}
