/** Security event tokens (RFC 8417) as the Shared Signals Framework profiles them: one event, `sub_id` on top, neither `sub` nor `exp`. */
import { importJWK, type JWK, SignJWT } from 'jose';
import type { Json } from '../../store/tables.ts';
import type { Delivery } from '../delivery.ts';
import { SESSION_REVOKED, signalPayload } from './events.ts';

export type SubjectFormat = 'iss_sub' | 'email' | 'opaque';

/** Who tells, and whom. */
export interface Correspondents {
  readonly issuer: string;
  /** By whom people's `sub` is given: the issuer of their ID tokens. */
  readonly subjectIssuer: string;
  readonly audience: string;
  readonly streamId: string;
  readonly format: SubjectFormat;
}

/** The claims of a delivery's token; undefined where what it tells is no longer kept. Pure. */
export function tokenClaims(to: Correspondents, delivery: Delivery): Json | undefined {
  const told = delivery.body === null ? signalOf(to, delivery) : ofStream(to.streamId, delivery.type, delivery.body);
  if (told === undefined) return undefined;
  return {
    iss: to.issuer,
    aud: to.audience,
    jti: delivery.id,
    iat: Math.floor(new Date(delivery.createdAt).getTime() / 1000),
    ...told,
  };
}

/** Signs a token. @param key private, with its `kid` */
export async function signToken(claims: Json, key: JWK): Promise<string> {
  const alg = 'RS256';
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg, typ: 'secevent+jwt', ...(key.kid === undefined ? {} : { kid: key.kid }) })
    .sign(await importJWK(key, alg));
}

function ofStream(streamId: string, type: string, body: Json): Json {
  return { sub_id: { format: 'opaque', id: streamId }, events: { [type]: body } };
}

function signalOf(to: Correspondents, { type, event, user }: Delivery): Json | undefined {
  if (event === null || user === null) return undefined;
  const person = personIn(to, user);
  const { resource } = event;
  const ofSession = type === SESSION_REVOKED && resource.type === 'session';
  const sub_id = ofSession
    ? { format: 'complex', user: person, session: { format: 'opaque', id: resource.id } }
    : person;
  const toe = Math.floor(Date.parse(event.at) / 1000);
  return { sub_id, toe, events: { [type]: signalPayload(type, event, user.id) } };
}

function personIn({ format, subjectIssuer }: Correspondents, user: NonNullable<Delivery['user']>): Json {
  if (format === 'email') return { format, email: user.email };
  if (format === 'opaque') return { format, id: user.id };
  return { format, iss: subjectIssuer, sub: user.id };
}
