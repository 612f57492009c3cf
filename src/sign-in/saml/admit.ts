/** From a response that was read to a person who is let in. */
import type { Request, Response } from 'express';
import { inTenant, type Origin } from '../../store/tenant.ts';
import { browserHash } from '../attempt.ts';
import type { SamlConnection } from '../connection.ts';
import { type Door, letIn, type SignInDependencies } from '../door.ts';
import { SignInRefusal } from '../refusal.ts';
import { type AcceptedAssertion, type Accepting, acceptAssertion, type ReadResponse } from './accept.ts';
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
  const accept = (connection: SamlConnection) => {
    const ours = ourSide(deps, connection, door.origin);
    return acceptAssertion({ ...ours, now: new Date(), unsolicited, log: door.trace }, read);
  };
  try {
    return await accept(door.connection);
  } catch (error) {
    const renewed = fitsNoKey(error) ? await renewForUnknownKey(deps, door.connection) : undefined;
    if (renewed === undefined) throw error;
    door.trace.startOver();
    return accept(renewed);
  }
}

/** What a connection judges by: its configuration, addresses and keys. */
export function ourSide(
  { store, settings }: Pick<SignInDependencies, 'store' | 'settings'>,
  { id, organizationId, config }: SamlConnection,
  origin: Origin,
): Pick<Accepting, 'config' | 'own' | 'keys'> {
  const { http, secrets } = settings;
  const keys = () =>
    inTenant(
      store.db,
      organizationId,
      origin,
      async (tx) => (await ownKeys(tx, secrets.sealingKeys, id)).decrypting,
      'reader',
    );
  return { config, own: serviceProviderOf(http.baseUrl, id), keys };
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
