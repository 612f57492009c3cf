/** The library's errors in the house's words. What comes from outside is quoted, never trusted. */
import * as client from 'openid-client';
import { Fault } from '../../errors.ts';
import { SignInRefusal } from '../refusal.ts';

const UNKNOWN_CLIENT = ['invalid_client', 'incorrect_client_credentials'];

/** Turns whatever the library throws into a refusal with its check, or into the fault of a provider that can't be reached. */
export function refusalOf(error: unknown): Fault {
  if (error instanceof Fault) return error;
  if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError) {
    const got = [error.error, error.error_description].filter(Boolean).join(': ');
    if (UNKNOWN_CLIENT.includes(error.error)) return unknownClient(error, got);
    const reason = `The identity provider did not sign the person in; it says ${error.error}.`;
    const remedy = 'Whether the person may use this application is decided there.';
    return new SignInRefusal('provider-error', { reason, remedy, got }, error);
  }
  if (error instanceof client.WWWAuthenticateChallengeError) return unknownClient(error, String(error.status));
  const { code = '', cause } = error as { code?: string; cause?: unknown };
  if (cause instanceof Fault) return cause;
  if (code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED') return otherPerson(error as Error);
  if (/JWT|KEY|COMPARISON|INVALID_RESPONSE|UNSUPPORTED/.test(code)) return untrusted(error as Error, cause);
  return new Fault('upstream-failed', 'The identity provider gave no answer that can be read.', {
    cause: error,
    remedy: 'Try again later.',
  });
}

/** A claim's value as findings show it. */
export function quoted(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'none');
}

function unknownClient(error: Error, got: string): SignInRefusal {
  const reason = 'The identity provider does not accept our client id and secret or key.';
  return new SignInRefusal('client', { reason, remedy: 'Compare both with what the provider shows.', got }, error);
}

function otherPerson(error: Error): SignInRefusal {
  const reason = "The provider's userinfo is about another person than its ID token.";
  return new SignInRefusal('subject', { reason }, error);
}

function untrusted(error: Error, cause: unknown): SignInRefusal {
  const got = [error.message, cause instanceof Error ? cause.message : ''].filter(Boolean).join(': ');
  const reason = "The identity provider's answer does not hold.";
  return new SignInRefusal(
    'token',
    { reason, remedy: 'Compare issuer, client id and clocks on both sides.', got },
    error,
  );
}
