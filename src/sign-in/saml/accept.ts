/**
 * Whether a posted SAML response is to be believed, and what it then says: decode, read, open, check the message, verify the signature,
 * check what was signed. It takes the connection, its own addresses, its keys and the time; there is no database and no clock in it.
 */
import type { Login } from '../attributes.ts';
import { type CheckLog, pass } from '../refusal.ts';
import { ASSERTION_CHECKS, acceptableUntil, nameIdOf, requestAnswered, sessionIndexOf } from './assertion-checks.ts';
import type { SamlConfig } from './config.ts';
import { ENCRYPTION_CHECKS, isEncrypted, openAssertion, tellingAlike } from './encryption.ts';
import { loginOf } from './login.ts';
import { decodeMessage, readMessage } from './message.ts';
import { assertionOf, ENVELOPE_CHECKS, MESSAGE_CHECKS } from './message-checks.ts';
import type { OwnKey } from './own-key.ts';
import type { ServiceProvider } from './service-provider.ts';
import { type SignedMessage, verifiedAssertion } from './signature.ts';
import type { XmlElement } from './xml.ts';

export interface AcceptedAssertion {
  readonly login: Login;
  /** The request that it answers, yet to be consumed; undefined where nobody asked. */
  readonly requestId: string | undefined;
  /** Its own id, yet to be looked for among those seen. */
  readonly assertionId: string;
  /** Until when it could be accepted again, if its id were forgotten. */
  readonly acceptableUntil: Date;
  /** What the identity provider will call this sign-in when it ends. */
  readonly session: IdpSession;
}

export interface IdpSession {
  readonly nameId: string;
  /** Format and qualifiers, as they were written. */
  readonly nameIdAttributes: Readonly<Record<string, string>>;
  readonly sessionIndex: string | undefined;
}

export interface Accepting {
  readonly config: SamlConfig;
  readonly own: ServiceProvider;
  /** Asked only where the assertion is encrypted. */
  readonly keys: () => Promise<readonly Pick<OwnKey, 'privateKey'>[]>;
  readonly now: Date;
  /** Whether it may, and must, answer no request. */
  readonly unsolicited: boolean;
  /** Told of each check. */
  readonly log?: CheckLog;
}

/** A response that was decoded and read; nothing in it is believed yet. */
export interface ReadResponse {
  readonly xml: string;
  readonly root: XmlElement;
}

/** Reads a `SAMLResponse` as it came. @throws SignInRefusal where it is not one that may be read */
export function readResponse(posted: unknown): ReadResponse {
  const xml = decodeMessage(posted);
  return { xml, root: readMessage(xml) };
}

/** Whether a response says, so far unproven, that it answers no request. */
export function isUnsolicited({ root }: ReadResponse): boolean {
  const assertion = assertionOf(root);
  const answered = assertion === undefined ? undefined : requestAnswered(assertion);
  return root.attributes['InResponseTo'] === undefined && answered === undefined;
}

/**
 * Accepts an assertion, up to what only the database knows.
 * @throws SignInRefusal naming the first check that failed
 */
export async function acceptAssertion(accepting: Accepting, response: ReadResponse): Promise<AcceptedAssertion> {
  const { config, own, now, unsolicited, log } = accepting;
  pass(ENVELOPE_CHECKS, response, log);
  pass(ENCRYPTION_CHECKS, { root: response.root, encryption: config.encryption }, log);
  const believe = (message: SignedMessage) => {
    const { acceptSignedResponse } = config;
    pass(MESSAGE_CHECKS, { root: message.root, acsUrl: own.acsUrl, acceptSignedResponse }, log);
    return verifiedAssertion(config, own, message, now, log);
  };
  const assertion = isEncrypted(response.root)
    ? await tellingAlike(async () =>
        believe({ xml: response.xml, ...(await openAssertion(response.xml, response.root, await accepting.keys())) }),
      )
    : await believe({ ...response, decryptionKey: undefined });
  const expected = { issuer: config.entityId, audience: own.entityId, acsUrl: own.acsUrl };
  const { authnContexts, forceAuthn } = config;
  pass(ASSERTION_CHECKS, { assertion, ...expected, authnContexts, forceAuthn, unsolicited, now }, log);
  return accepted(assertion, config);
}

function accepted(assertion: XmlElement, config: SamlConfig): AcceptedAssertion {
  const nameId = nameIdOf(assertion);
  return {
    login: loginOf(assertion, config),
    requestId: requestAnswered(assertion),
    assertionId: assertion.attributes['ID'] ?? '',
    acceptableUntil: acceptableUntil(assertion),
    session: {
      nameId: nameId?.text.trim() ?? '',
      nameIdAttributes: { ...nameId?.attributes },
      sessionIndex: sessionIndexOf(assertion),
    },
  };
}
