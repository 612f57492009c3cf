/**
 * Global Token Revocation (draft-parecki-oauth-global-token-revocation), which Okta calls Universal Logout: the provider has whatever
 * signs a person in end here. The account stays; that somebody has left is for a directory to say.
 */
import express, { type Request, Router } from 'express';
import { decodeProtectedHeader } from 'jose';
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { hashOf } from '../credentials/sealing.ts';
import { Fault } from '../errors.ts';
import { bearerOf } from '../http/operator.ts';
import { receive } from '../offboarding/receive.ts';
import { inTenant } from '../store/tenant.ts';
import { refuseReplay } from './attempt.ts';
import { domainOf } from './attributes.ts';
import type { Connection } from './connection.ts';
import { type Door, openDoor, type SignInDependencies } from './door.ts';
import { CLOCK_TOLERANCE_S } from './oidc/provider.ts';
import type { VerifiedToken } from './oidc/provider-token.ts';
import { auditRefusal, SignInRefusal } from './refusal.ts';
import { serves } from './served-domains.ts';
import { personMeant, type SubjectId, subjectId } from './subject-id.ts';

const TYPE = 'global-token-revocation+jwt';
const MAX_AGE_S = 600;
/** Of any format, known here or not. */
const body = z.object({ sub_id: z.looseObject({ format: z.string().min(1).max(320) }) });

/** What such a token must have beside its issuer. */
export interface RevocationToken {
  readonly audience: string;
  readonly maxTokenAge: number;
  readonly requiredClaims: string[];
}

/** How a provider that asks is known by the protocol of its connection. */
export interface Revoker<K extends Kind> {
  readonly kind: K;
  /** @throws SignInRefusal, Fault `upstream-failed` where its keys can't be read */
  verify(connection: Of<K>, token: string, wanted: RevocationToken): Promise<VerifiedToken>;
  /** In whose name it speaks of its people (`iss_sub`). */
  issuerOf(connection: Of<K>): string;
}
type Kind = Connection['kind'];
type Of<K extends Kind> = Extract<Connection, { kind: K }>;

/** `/{saml,oidc}/:connection/global-token-revocation`: 204, 400, 401, 403, 404, 422. */
export function tokenRevocationRoutes<K extends Kind>(deps: SignInDependencies, by: Revoker<K>): Router {
  const router = Router();
  const parse = express.json({ limit: '16kb', type: ['application/json', 'application/*+json'] });
  router.post(`/${by.kind as Kind}/:connection/global-token-revocation`, async (request, response) => {
    const door = await openDoor(deps, request, by.kind);
    response.set('Cache-Control', 'no-store');
    try {
      const once = await authenticated(deps, by, door, request);
      await new Promise<void>((done, fail) =>
        parse(request, response, (error) => (error === undefined ? done() : fail(error))),
      );
      const status = await revoke(deps, door, by.issuerOf(door.connection), once, request.body);
      response.status(status).end();
    } catch (error) {
      if (!(error instanceof SignInRefusal)) throw error;
      const { connection, origin } = door;
      await inTenant(deps.store.db, connection.organizationId, origin, (tx) =>
        auditRefusal(tx, connection, error, 'sign_out.refused'),
      );
      response.set('WWW-Authenticate', 'Bearer error="invalid_token"').status(401);
      response.json({ error: 'invalid_token', error_description: error.message });
    }
  });
  return router;
}

interface Once {
  readonly id: string;
  readonly until: Date;
}

/** Whether it is the provider that asks. @throws SignInRefusal, Fault `forbidden` where the connection is turned off */
async function authenticated<K extends Kind>(
  { settings }: SignInDependencies,
  by: Revoker<K>,
  { connection }: Door<Of<K>>,
  request: Request,
): Promise<Once> {
  const token = bearerOf(request);
  if (token === undefined) throw new SignInRefusal('token', { reason: 'There is no bearer token.', wanted: TYPE });
  const typ = typeOf(token);
  if (typ !== TYPE)
    throw new SignInRefusal('token', { reason: 'The token is of another type.', wanted: TYPE, got: typ });
  const { claims } = await by.verify(connection, token, {
    audience: `${settings.http.baseUrl}/${connection.kind}/${connection.id}/global-token-revocation`,
    maxTokenAge: MAX_AGE_S,
    requiredClaims: ['iat', 'exp', 'jti'],
  });
  if (!connection.enabled) throw new Fault('forbidden', 'This connection is turned off.');
  const until = new Date(((claims.exp ?? 0) + CLOCK_TOLERANCE_S) * 1000);
  return { id: `revocation:${hashOf(claims.jti ?? '').toString('base64url')}`, until };
}

function typeOf(token: string): string {
  try {
    return decodeProtectedHeader(token).typ?.replace(/^application\//, '') ?? '';
  } catch (error) {
    throw new SignInRefusal('token', { reason: 'The token can not be read.' }, error);
  }
}

/** @returns the status to answer with */
async function revoke(
  deps: SignInDependencies,
  door: Door,
  issuer: string,
  once: Once,
  said: unknown,
): Promise<number> {
  const asked = body.safeParse(said);
  if (!asked.success) throw new Fault('invalid-input', 'The body names no subject.', { where: 'sub_id' });
  const { connection, origin } = door;
  const known = subjectId.safeParse(asked.data.sub_id);
  if (!known.success || !isTheirs(connection, issuer, known.data)) return 422;
  return inTenant(deps.store.db, connection.organizationId, origin, async (tx) => {
    await refuseReplay(tx, connection.id, once.id, once.until);
    const userId = await personMeant(tx, connection.id, known.data);
    const reason = 'the identity provider revoked whatever signs them in';
    const received =
      userId === undefined
        ? 'unknown'
        : await receive(deps, tx, { kind: 'signed-out', userId, trigger: 'global-token-revocation', reason });
    await record(tx, {
      action: 'sign_out.told_by_provider',
      resource: { type: 'connection', id: connection.id },
      outcome: userId === undefined ? 'failure' : 'success',
      detail: { connection: connection.slug, user: userId ?? null, received },
    });
    return userId === undefined ? 404 : 204;
  });
}

/** A provider speaks of its own people, and of those of domains that it may vouch for. */
function isTheirs(connection: Connection, issuer: string, asked: SubjectId): boolean {
  if (asked.format === 'iss_sub') return asked.iss === issuer;
  return asked.format !== 'email' || (asked.email.includes('@') && serves(connection, domainOf(asked.email)));
}
