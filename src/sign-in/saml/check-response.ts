/**
 * Judges a response that an administrator has captured in a browser, as a sign-in with it would be judged, against the connection as it is
 * now. Nobody is let in by it, nothing is used up, and neither the response nor what came of it is kept.
 */
import { sql } from 'kysely';
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { inTenant, type Origin, type TenantTransaction } from '../../store/tenant.ts';
import type { Attributes, Login } from '../attributes.ts';
import type { SamlConnection } from '../connection.ts';
import type { SignInDependencies } from '../door.ts';
import { identify } from '../identify.ts';
import { lookUp } from '../look-up.ts';
import { signIn } from '../provision.ts';
import { SignInRefusal } from '../refusal.ts';
import { readRoles, Trace, type TraceStep } from '../trace.ts';
import { acceptAssertion, isUnsolicited, type ReadResponse, readResponse } from './accept.ts';
import { ourSide } from './admit.ts';
import { nobodyAsked } from './unsolicited.ts';

export const responseToCheck = z.strictObject({
  /** `SAMLResponse` as the browser sent it, or the XML in it. */
  samlResponse: z.string().min(1).max(1_000_000),
  /** When it is to be judged; `issued`: when it says that it was issued. */
  at: z.union([z.literal('issued'), z.iso.datetime({ offset: true })]).optional(),
});
export type ResponseToCheck = z.output<typeof responseToCheck>;

export interface CheckedResponse {
  /** Whether somebody who came with it now would be let in; a sign-in looks besides whether it was asked for here and not used before. */
  readonly accepted: boolean;
  readonly judgedAt: Date;
  /** In order; the last one is what refused it. */
  readonly steps: readonly TraceStep[];
  /** What it says of the person, where it is to be believed. */
  readonly said: Said | null;
  readonly person: Admission | null;
}

interface Said {
  readonly subject: string;
  readonly email: string | null;
  readonly name: string;
  readonly groups: readonly string[] | null;
  readonly attributes: Attributes;
}

/** How the person would be let in, and with which roles. */
interface Admission {
  readonly how: 'known' | 'link' | 'create';
  readonly roles: unknown;
}

/** Undoes what was done to learn what would come of it. */
class Undone extends Error {
  readonly admission: Admission;
  constructor(admission: Admission) {
    super('undone');
    this.admission = admission;
  }
}

/** Judges a response. Whatever is wrong with it is told by its steps. */
export async function checkResponse(
  deps: SignInDependencies,
  connection: SamlConnection,
  origin: Origin,
  { samlResponse, at }: ResponseToCheck,
): Promise<CheckedResponse> {
  const trace = new Trace();
  let judgedAt = at === undefined || at === 'issued' ? new Date() : new Date(at);
  let person: Admission | null = null;
  try {
    const read = readResponse(asPosted(samlResponse));
    if (at === 'issued') judgedAt = issuedAt(read) ?? judgedAt;
    trace.login = await loginIn(deps, connection, origin, read, judgedAt, trace);
    person = await rehearse(deps, connection, origin, trace.login);
    trace.passed('person');
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    trace.ended(error);
  }
  return { accepted: person !== null, judgedAt, steps: trace.steps, said: saidBy(trace.login), person };
}

/** What was captured, as it was posted: browsers show it as XML, as base64, or as the form that was sent. */
function asPosted(captured: string): string {
  const text = captured.trim();
  if (text.startsWith('<')) return Buffer.from(text).toString('base64');
  const value = /(?:^|&)SAMLResponse=([^&]*)/.exec(text)?.[1] ?? text;
  try {
    return value.includes('%') ? decodeURIComponent(value) : value;
  } catch {
    return value;
  }
}

function issuedAt({ root }: ReadResponse): Date | undefined {
  const stated = new Date(root.attributes['IssueInstant'] ?? '');
  return Number.isNaN(stated.getTime()) ? undefined : stated;
}

/** @throws SignInRefusal of the first check that fails */
async function loginIn(
  deps: SignInDependencies,
  connection: SamlConnection,
  origin: Origin,
  read: ReadResponse,
  now: Date,
  log: Trace,
): Promise<Login> {
  const unsolicited = isUnsolicited(read);
  if (unsolicited && connection.config.idpInitiated === 'off') throw nobodyAsked();
  const { login } = await acceptAssertion({ ...ourSide(deps, connection, origin), now, unsolicited, log }, read);
  return login;
}

/** Does everything that a sign-in does in a transaction that is then rolled back. @throws SignInRefusal where nobody would be let in */
async function rehearse(
  deps: SignInDependencies,
  connection: SamlConnection,
  origin: Origin,
  login: Login,
): Promise<Admission> {
  const work = async (tx: TenantTransaction): Promise<never> => {
    const known = await lookUp(tx, connection, login);
    const verdict = identify(login, known);
    if (verdict.kind === 'refuse') throw new SignInRefusal(verdict.check, verdict.finding);
    const { userId } = await signIn(deps, tx, connection, login, known, () => sql``);
    throw new Undone({ how: verdict.kind, roles: await readRoles(tx, userId) });
  };
  try {
    return await inTenant(deps.store.db, connection.organizationId, origin, work);
  } catch (error) {
    if (error instanceof Undone) return error.admission;
    throw error;
  }
}

function saidBy(login: Login | undefined): Said | null {
  if (login === undefined) return null;
  const { subject, email, name, groups, attributes } = login;
  return { subject, email, name, groups: groups ?? null, attributes };
}
