/** A SCIM request's surroundings: which directory it is, its transaction, its preconditions. */
import type { Request, RequestHandler } from 'express';
import { Fault } from '../../errors.ts';
import { bearerOf } from '../../http/operator.ts';
import { originOf, requestIdOf } from '../../http/request-context.ts';
import type { Log } from '../../log.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import { inTenant, type TenantTransaction } from '../../store/tenant.ts';
import type { ReconcileDependencies } from '../reconcile/model.ts';
import { reconcilePeople } from '../reconcile/people.ts';
import { takeTurn } from '../reconcile/turns.ts';
import { authenticateDirectory, type KnownDirectory } from '../token.ts';
import { versionOf } from './answer.ts';
import { scimFault } from './scim-fault.ts';

export interface ScimDependencies extends ReconcileDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly settings: { readonly http: Pick<Settings['http'], 'baseUrl'> };
  readonly log: Log;
}

const ATTEMPTS = 3;
/** Serialization failure, deadlock, and an account that somebody else made in the same instant: the second look decides well. */
const PASSING: ReadonlySet<string | undefined> = new Set(['40001', '40P01', '23505']);

const known = new WeakMap<Request, KnownDirectory>();

/** Lets only the directory of the path in, by its own token. To everybody else all directories look alike: 401. */
export function requireDirectory(deps: ScimDependencies): RequestHandler {
  return async (request, response, next) => {
    const id = String(request.params['directory']);
    const origin = { requestId: requestIdOf(request), address: request.ip };
    const directory = await authenticateDirectory(deps.store.db, id, bearerOf(request), origin);
    if (directory === undefined) {
      response.set('WWW-Authenticate', 'Bearer realm="scim"');
      throw new Fault('unauthenticated', 'This needs a valid token of this directory.', {
        remedy: 'Send it as "Authorization: Bearer ...".',
      });
    }
    known.set(request, directory);
    next();
  };
}

/** The directory that this request has proven to be. */
export function directoryOf(request: Request): KnownDirectory {
  const directory = known.get(request);
  if (directory === undefined) throw new Error('directoryOf is used outside requireDirectory');
  return directory;
}

/** The address under which the directory's resources are found. */
export function baseOf(deps: ScimDependencies, request: Request): string {
  return `${deps.settings.http.baseUrl}/scim/v2/${directoryOf(request).directoryId}`;
}

/** Reads in the directory's organization. */
export function reading<T>(
  deps: ScimDependencies,
  request: Request,
  work: (tx: TenantTransaction) => Promise<T>,
): Promise<T> {
  const { organizationId, actor } = directoryOf(request);
  return inTenant(deps.store.db, organizationId, originOf(request, actor), work, 'reader');
}

/** Writes in one transaction of the directory's organization, again where it only met another one. */
export async function writing<T>(
  deps: ScimDependencies,
  request: Request,
  work: (tx: TenantTransaction) => Promise<T>,
): Promise<T> {
  const { organizationId, actor } = directoryOf(request);
  for (let attempt = 1; ; attempt++) {
    try {
      return await inTenant(deps.store.db, organizationId, originOf(request, actor), async (tx) => {
        await takeTurn(tx, 'beside others');
        return work(tx);
      });
    } catch (error) {
      if (attempt === ATTEMPTS || !PASSING.has((error as { code?: string }).code)) throw error;
    }
  }
}

/** Settles the people whose facts were written, in the same transaction: accounts, leaving, memberships. */
export async function settle(
  deps: ScimDependencies,
  tx: TenantTransaction,
  directoryUserIds: readonly string[],
): Promise<void> {
  if (directoryUserIds.length > 0) await reconcilePeople(deps, tx, { directoryUserIds }, 'scim');
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
