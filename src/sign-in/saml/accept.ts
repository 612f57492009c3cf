/**
 * Whether a posted SAML response is to be believed, and what it then says: decode, read, check the message, verify the signature,
 * check what was signed. It takes the connection, its own addresses and the time; there is no database and no clock in it.
 */
import type { Login } from '../attributes.ts';
import type { SamlConnection } from '../connection.ts';
import { type CheckLog, pass } from '../refusal.ts';
import { ASSERTION_CHECKS, acceptableUntil, requestAnswered } from './assertion-checks.ts';
import { loginOf } from './login.ts';
import { decodeResponse, readMessage } from './message.ts';
import { MESSAGE_CHECKS } from './message-checks.ts';
import { type ServiceProvider, verifiedAssertion } from './service-provider.ts';

export interface AcceptedAssertion {
  readonly login: Login;
  /** The request that it answers, yet to be consumed. */
  readonly requestId: string;
  /** Its own id, yet to be looked for among those seen. */
  readonly assertionId: string;
  /** Until when it could be accepted again, if its id were forgotten. */
  readonly acceptableUntil: Date;
}

/**
 * Accepts an assertion, up to what only the database knows.
 * @param posted the `SAMLResponse` as it came
 * @param log told of each check
 * @throws SignInRefusal naming the first check that failed
 */
export async function acceptAssertion(
  connection: SamlConnection,
  own: ServiceProvider,
  posted: unknown,
  now: Date,
  log?: CheckLog,
): Promise<AcceptedAssertion> {
  const xml = decodeResponse(posted);
  const root = readMessage(xml);
  pass(MESSAGE_CHECKS, { root, acsUrl: own.acsUrl }, log);
  const assertion = await verifiedAssertion(connection, own, { xml, root });
  log?.passed('signature');
  const expected = { issuer: connection.config.entityId, audience: own.entityId, acsUrl: own.acsUrl };
  pass(ASSERTION_CHECKS, { assertion, ...expected, now }, log);
  return {
    login: loginOf(assertion, connection.config),
    requestId: requestAnswered(assertion) ?? '',
    assertionId: assertion.attributes['ID'] ?? '',
    acceptableUntil: acceptableUntil(assertion),
  };
}
