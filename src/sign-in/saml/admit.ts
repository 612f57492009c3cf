/** From a response that was read to a person who is let in. */
import type { Request, Response } from 'express';
import { inTenant } from '../../store/tenant.ts';
import { browserHash } from '../attempt.ts';
import type { SamlConnection } from '../connection.ts';
import { type Door, letIn, type SignInDependencies } from '../door.ts';
import { SignInRefusal } from '../refusal.ts';
import { type AcceptedAssertion, acceptAssertion, type ReadResponse } from './accept.ts';
import { keepIdpSession } from './idp-session.ts';
import { renewForUnknownKey } from './metadata-refresh.ts';
import { ownKeys } from './own-key.ts';
import { serviceProviderOf } from './service-provider.ts';

/**
 * Accepts an assertion; where its signature fits no key that is known, the identity provider's metadata is read once more before it is
 * refused.
 */
export async function acceptFor(
  deps: SignInDependencies,
  door: Door<SamlConnection>,
  read: ReadResponse,
  unsolicited: boolean,
): Promise<AcceptedAssertion> {
  const { id, organizationId } = door.connection;
  const { http, secrets } = deps.settings;
  const own = serviceProviderOf(http.baseUrl, id);
  const keys = () =>
    inTenant(
      deps.store.db,
      organizationId,
      door.origin,
      async (tx) => (await ownKeys(tx, secrets.sealingKey, id)).decrypting,
      'reader',
    );
  const accept = ({ config }: SamlConnection) =>
    acceptAssertion({ config, own, keys, now: new Date(), unsolicited, log: door.trace }, read);
  try {
    return await accept(door.connection);
  } catch (error) {
    const renewed = fitsNoKey(error) ? await renewForUnknownKey(deps, door.connection) : undefined;
    if (renewed === undefined) throw error;
    door.trace.startOver();
    return accept(renewed);
  }
}

/** Lets the person of an accepted assertion in, once. @param attemptId the request that it answers, or the consent given to it */
export async function admit(
  deps: SignInDependencies,
  door: Door<SamlConnection>,
  request: Request,
  response: Response,
  accepted: AcceptedAssertion,
  attemptId: string,
): Promise<void> {
  const { connection } = door;
  const { login, assertionId, acceptableUntil: until, session } = accepted;
  await letIn(
    deps,
    door,
    request,
    response,
    login,
    { attemptId, browser: browserHash(request, deps.settings.http.baseUrl), assertionId, until },
    connection.config.logoutUrl === null
      ? undefined
      : (tx, sessionId) => keepIdpSession(tx, connection.id, sessionId, session),
  );
}

function fitsNoKey(error: unknown): boolean {
  if (!(error instanceof SignInRefusal)) return false;
  return error.check === 'signature' || fitsNoKey(error.cause);
}
