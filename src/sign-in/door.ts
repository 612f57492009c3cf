/** What SAML and OpenID Connect share at the door: finding the connection, and letting somebody in or auditing why not. */
import type { Request, Response } from 'express';
import { sql } from 'kysely';
import type { Models } from '../access/model-file.ts';
import { endSession, findSession } from '../credentials/session.ts';
import { Fault } from '../errors.ts';
import { originOf } from '../http/request-context.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import type { Store } from '../store/database.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { type Attempt, allowed, type Once } from './attempt.ts';
import type { Login } from './attributes.ts';
import type { Connection } from './connection.ts';
import { currentConnection } from './known-connections.ts';
import { type Known, lookUp, takeAndLookUp } from './look-up.ts';
import { wakeLogoutWorker } from './oauth/backchannel-logout.ts';
import { markTested } from './policy.ts';
import { signIn } from './provision.ts';
import { auditRefusal, SignInRefusal } from './refusal.ts';
import { sessionTokenOf, setSessionCookie } from './session-cookie.ts';
import { afterTest, isTest } from './test-sign-in.ts';
import { keepRefusal, keepTest, readRoles, type Trace, traceOf, tracing } from './trace.ts';

export interface SignInDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly settings: Settings;
  readonly models: Models;
  readonly jobs: JobQueue;
  readonly log: Log;
}

export interface Door<C extends Connection = Connection> {
  readonly connection: C;
  readonly origin: Origin;
  /** Each check is noted here, in order. */
  readonly trace: Trace;
  /** False where it begins what can't be a test: then a connection that is turned off stays shut. */
  readonly mayBeTest: boolean;
}

/**
 * Finds the connection of a path, of one kind.
 * @throws Fault `not-found`
 */
export async function openDoor<K extends Connection['kind']>(
  deps: SignInDependencies,
  request: Request,
  kind: K,
): Promise<Door<Extract<Connection, { kind: K }>>> {
  const id = String(request.params['connection']);
  const origin = originOf(request, { kind: 'connection', id, label: id });
  const connection = await currentConnection(deps.store.db, id, origin);
  if (connection?.kind !== kind) throw unknownConnection();
  const found = connection as Extract<Connection, { kind: K }>;
  return {
    connection: found,
    origin: originOf(request, { kind: 'connection', id, label: connection.slug }),
    trace: traceOf(request),
    // Coming back, it is the attempt that knows; `letIn` asks it.
    mayBeTest: !request.path.endsWith('/login') || isTest(request.query['returnTo']),
  };
}

/**
 * Does what may end in a refusal; a refusal is audited and its trace kept before it is passed on, in a transaction of its own: the
 * refused work has been rolled back.
 * @throws whatever `work` throws
 */
export async function guarded<T>(deps: SignInDependencies, door: Door, work: () => Promise<T>): Promise<T> {
  try {
    if (!door.mayBeTest) refuseDisabled(door);
    return await work();
  } catch (error) {
    if (error instanceof Fault) await keepRefused(deps, door, error);
    throw error;
  }
}

function refuseDisabled({ connection }: Door): void {
  if (connection.enabled) return;
  throw new SignInRefusal('connection-disabled', {
    reason: 'This connection is turned off.',
    remedy: 'An administrator can turn it on.',
  });
}

async function keepRefused(deps: SignInDependencies, door: Door, fault: Fault): Promise<void> {
  const { connection, origin, trace } = door;
  trace.ended(fault);
  await inTenant(deps.store.db, connection.organizationId, origin, async (tx) => {
    await auditRefusal(tx, connection, fault);
    await keepRefusal(tx, trace, placeOf(door), fault);
  });
}

/**
 * Lets a person in: consumes what may be used once, provisions, starts the session, sends the browser on. One transaction; who is
 * refused has changed nothing.
 * @param begun the attempt that was consumed already, or what is to be used up now
 * @param keep what is to be kept beside the session that was started
 */
export async function letIn(
  deps: SignInDependencies,
  door: Door,
  request: Request,
  response: Response,
  login: Login,
  begun: Attempt | Once,
  keep?: (tx: TenantTransaction, sessionId: string) => Promise<void>,
): Promise<void> {
  const { connection, origin, trace } = door;
  trace.login = login;
  const { attempt, session } = await inTenant(deps.store.db, connection.organizationId, origin, async (tx) => {
    const { attempt, known } = await take(tx, door, login, begun);
    if (isTest(attempt.returnTo)) return { attempt, session: await rehearse(deps, tx, door, login, known) };
    refuseDisabled(door);
    const session = await signIn(deps, tx, connection, login, known, (userId) => {
      trace.passed('person');
      return tracing(tx, trace, placeOf(door), userId);
    });
    await keep?.(tx, session.sessionId);
    if (!connection.tested) await markTested(tx, connection.id, connection.trust);
    return { attempt, session };
  });
  if (session !== undefined) {
    await endFormerSession(deps, request);
    setSessionCookie(response, deps.settings.http.baseUrl, session);
  }
  response.redirect(303, afterTest(attempt.returnTo));
}

async function take(
  tx: TenantTransaction,
  { connection, trace }: Door,
  login: Login,
  begun: Attempt | Once,
): Promise<{ readonly attempt: Attempt; readonly known: Known }> {
  if (!('assertionId' in begun)) return { attempt: begun, known: await lookUp(tx, connection, login) };
  const { known, taken } = await takeAndLookUp(tx, connection, login, begun);
  return { attempt: allowed(taken, begun, trace), known };
}

/** Does everything that a sign-in does, keeps the trace of it, and undoes the rest. */
async function rehearse(
  deps: SignInDependencies,
  tx: TenantTransaction,
  door: Door,
  login: Login,
  known: Known,
): Promise<undefined> {
  const { connection, trace } = door;
  await sql`SAVEPOINT rehearsal`.execute(tx.db);
  const { userId } = await signIn(deps, tx, connection, login, known, () => sql``);
  trace.passed('person');
  const roles = await readRoles(tx, userId);
  await sql`ROLLBACK TO SAVEPOINT rehearsal`.execute(tx.db);
  await keepTest(tx, trace, placeOf(door), roles);
  if (!connection.tested) await markTested(tx, connection.id, connection.trust);
}

function placeOf({ connection, origin }: Door) {
  return { connectionId: connection.id, requestId: origin.requestId ?? '' };
}

/** The session that this browser had until now is over: its cookie is about to be replaced, and nobody could end it any more. */
export async function endFormerSession({ store, settings, jobs }: SignInDependencies, request: Request): Promise<void> {
  const token = sessionTokenOf(request, settings.http.baseUrl);
  const former = token === undefined ? undefined : await findSession(store.db, token);
  if (former === undefined) return;
  const origin = originOf(request, { kind: 'user', id: former.userId, label: former.email });
  await inTenant(store.db, former.organizationId, origin, async (tx) => {
    await endSession(tx, former.sessionId, 'signed in anew');
    await wakeLogoutWorker(jobs, tx);
  });
}

function unknownConnection(): Fault {
  return new Fault('not-found', 'There is no such connection.', {
    remedy: 'Check the address, or start at the sign-in page.',
  });
}
