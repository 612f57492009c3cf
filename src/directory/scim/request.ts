/** A SCIM request's surroundings: which directory it is, its transaction, its preconditions. */
import type { ErrorRequestHandler, Request, RequestHandler } from 'express';
import type { RawBuilder } from 'kysely';
import { Fault } from '../../errors.ts';
import { bearerOf } from '../../http/operator.ts';
import { requestIdOf } from '../../http/request-context.ts';
import type { Log } from '../../log.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import { Statistics } from '../../store/statistics.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import {
  askDirectory,
  type Caller,
  type EnteredDirectory,
  type EntryRole,
  inDirectory,
  type Presented,
  presented,
  recordRefusal,
  unauthenticated,
} from '../enter.ts';
import { type ReconcileDependencies, reconcileModelNamed } from '../reconcile/model.ts';
import { reconcileRecords } from '../reconcile/people.ts';
import { versionOf } from './answer.ts';
import { remember } from './logged.ts';
import { notesOf } from './notes.ts';
import { Permits } from './permits.ts';
import { Refusals } from './refusals.ts';
import { scimFault } from './scim-fault.ts';

export interface ScimDependencies extends ReconcileDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly settings: {
    readonly http: Pick<Settings['http'], 'baseUrl'>;
    readonly scim: Settings['scim'];
  };
  readonly log: Log;
}

const ATTEMPTS = 3;
/** Serialization failure, deadlock, and an account that somebody else made in the same instant: the second look decides well. */
const PASSING: ReadonlySet<string | undefined> = new Set(['40001', '40P01', '23505']);

const tokens = new WeakMap<Request, Presented>();
const statistics = new WeakMap<object, Statistics>();

/**
 * The way in: lets pass who presents a token of the directory in the path, as often as it may ask, and slows down who guesses. Each
 * transaction proves the token again; what is refused there comes back to `refused`.
 */
export function entrance({ store: { db }, settings, log }: ScimDependencies): {
  readonly enter: RequestHandler;
  readonly refused: ErrorRequestHandler;
} {
  statistics.set(db, new Statistics(db, log));
  const permits = new Permits(db, settings.scim.requestsPerMinute);
  const refusals = new Refusals();
  return {
    enter: async (request, _response, next) => {
      const token = presented(directoryIn(request), bearerOf(request));
      if (token === undefined || !permits.knows(token)) refusals.requireFew(request.ip ?? '', Date.now());
      if (token === undefined) throw unauthenticated();
      remember(request, await permits.spend(token, callerOf(request)));
      tokens.set(request, token);
      next();
    },
    refused: async (error: unknown, request, response, next) => {
      if (error instanceof Fault && error.code === 'unauthenticated') {
        refusals.count(request.ip ?? '', Date.now());
        response.set('WWW-Authenticate', 'Bearer realm="scim"');
        const token = tokens.get(request);
        if (token !== undefined) permits.forget(token);
        const reason = bearerOf(request) === undefined ? 'no token' : 'token not valid for this directory';
        await recordRefusal(db, directoryIn(request), reason, callerOf(request));
      }
      next(error);
    },
  };
}

function directoryIn(request: Request): string {
  return /^\/([^/]+)/.exec(request.path)?.[1] ?? '';
}

/** The address under which the directory's resources are found. */
export function baseOf(deps: ScimDependencies, request: Request): string {
  return `${deps.settings.http.baseUrl}/scim/v2/${request.params['directory']}`;
}

type Work<T> = (tx: TenantTransaction, directory: EnteredDirectory) => Promise<T>;

/** Asks one question of the directory, in one statement. */
export async function asking<Row extends object>(
  deps: ScimDependencies,
  request: Request,
  question: RawBuilder<Row>,
  usual = true,
): Promise<Row[]> {
  const rows = await askDirectory(deps.store.db, tokenOf(request), question, usual);
  return rows.filter((row): row is Row => !('id' in row) || row.id !== null || 'total' in row);
}

/** Reads in the directory's organization. */
export function reading<T>(deps: ScimDependencies, request: Request, work: Work<T>): Promise<T> {
  return entering(deps, request, 'reader', work);
}

/** Writes in one transaction of the directory's organization, again where it only met another one. */
export async function writing<T>(deps: ScimDependencies, request: Request, work: Work<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await entering(deps, request, 'directory', work);
    } catch (error) {
      if (attempt === ATTEMPTS || !PASSING.has((error as { code?: string }).code)) throw error;
      notesOf(request).forget();
    }
  }
}

function entering<T>(deps: ScimDependencies, request: Request, role: EntryRole, work: Work<T>): Promise<T> {
  return inDirectory(deps.store.db, tokenOf(request), callerOf(request), role, work);
}

function tokenOf(request: Request): Presented {
  const token = tokens.get(request);
  if (token === undefined) throw new Error('a directory is entered by another way than its entrance');
  return token;
}

function callerOf(request: Request): Caller {
  return { requestId: requestIdOf(request), address: request.ip };
}

/** Settles the people whose facts were written, in the same transaction: accounts, leaving, memberships. */
export async function settle(
  deps: ScimDependencies,
  request: Request,
  tx: TenantTransaction,
  { directoryId, model }: EnteredDirectory,
  { touched: ids, presenceStands }: { readonly touched: readonly string[]; readonly presenceStands: boolean },
): Promise<void> {
  if (ids.length === 0) return;
  statistics.get(deps.store.db)?.wrote(ids.length);
  const known = await reconcileModelNamed(deps, tx, model);
  notesOf(request).followed(await reconcileRecords(deps, tx, known, { directoryId, ids, presenceStands }, 'scim'));
}

/**
 * Holds a change to the version that its sender has seen, if it says which (RFC 7644, 3.14).
 * @throws Fault `precondition-failed`
 */
export function requireMatch(request: Request, row: { readonly version: number }): void {
  const wanted = request.get('if-match');
  if (wanted === undefined || namesVersion(wanted, row)) return;
  throw new Fault('precondition-failed', `The resource is at version ${versionOf(row)}, not ${wanted.slice(0, 100)}.`, {
    remedy: 'Read it again and repeat the change on what it is now.',
  });
}

/** Whether the sender has this very version already. */
export function hasSeen(request: Request, row: { readonly version: number }): boolean {
  const seen = request.get('if-none-match');
  return seen !== undefined && namesVersion(seen, row);
}

function namesVersion(list: string, row: { readonly version: number }): boolean {
  const bare = (tag: string) => tag.trim().replace(/^W\//, '');
  return list.trim() === '*' || list.split(',').some((tag) => bare(tag) === bare(versionOf(row)));
}

/** A query parameter that may be given once. @throws Fault with scimType `invalidValue` */
export function asked(request: Request, name: string): string | undefined {
  const value = request.query[name];
  if (value === undefined || typeof value === 'string') return value;
  throw scimFault('invalidValue', `${name} is given more than once.`, name);
}
