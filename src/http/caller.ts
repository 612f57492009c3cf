/** Who calls the administration API, and into which organization. Who they are is found by `Authenticate`, given at composition. */
import type { Request, RequestHandler } from 'express';
import type { Kysely } from 'kysely';
import { Fault } from '../errors.ts';
import type { Tables } from '../store/tables.ts';
import { type Actor, inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { originOf } from './request-context.ts';

/** What an administrative caller may be allowed to touch; each access model says which permission that takes. */
export const ADMIN_AREAS = [
  'organization',
  'people',
  'connections',
  'directories',
  'mapping',
  'keys',
  'audit',
] as const;
export type AdminArea = (typeof ADMIN_AREAS)[number];

export interface Caller {
  readonly actor: Actor;
  /** The only organization they may act in; null for the operator, who may in any. */
  readonly organizationId: string | null;
  /** The person who calls, where it is one. */
  readonly userId: string | null;
  mayAdminister(area: AdminArea): boolean;
  /** Whether an API key carries this scope; the operator carries all, a person none. */
  hasScope(scope: string): boolean;
}

/** Finds out who calls; undefined where no credential was presented or it is not valid. */
export type Authenticate = (request: Request) => Promise<Caller | undefined>;
/** Finds an organization's id by slug or id. */
export type FindOrganization = (slugOrId: string) => Promise<string | undefined>;

interface Context {
  readonly caller: Caller;
  readonly organizationId: string | null;
}

const contexts = new WeakMap<Request, Context>();

/** Refuses whoever is not known with 401; leaves the caller for `callerOf`. */
export function requireCaller(authenticate: Authenticate): RequestHandler {
  return async (request, response, next) => {
    const caller = await authenticate(request);
    if (caller === undefined) {
      response.set('WWW-Authenticate', 'Bearer realm="drawbridge"');
      throw new Fault('unauthenticated', 'This needs a valid API key, operator token or session.', {
        remedy: 'Send it as "Authorization: Bearer ...", or sign in.',
      });
    }
    contexts.set(request, { caller, organizationId: caller.organizationId });
    next();
  };
}

/** Enters the organization of the path (`:organization`, slug or id). To a caller of another one it does not exist. */
export function enterOrganization(find: FindOrganization): RequestHandler {
  return async (request, _response, next) => {
    const caller = callerOf(request);
    const organizationId = await find(String(request.params['organization']));
    const foreign = caller.organizationId !== null && caller.organizationId !== organizationId;
    if (organizationId === undefined || foreign) {
      throw new Fault('not-found', 'There is no such organization.', { where: 'path' });
    }
    contexts.set(request, { caller, organizationId });
    next();
  };
}

/** The caller of a request that passed `requireCaller`. */
export function callerOf(request: Request): Caller {
  const context = contexts.get(request);
  if (context === undefined) throw new Error('callerOf is used outside requireCaller');
  return context.caller;
}

/** Organization and origin for this request's tenant transactions. */
export function tenantOf(request: Request): { organizationId: string; origin: Origin } {
  const { caller, organizationId } = contexts.get(request) ?? {};
  if (caller === undefined || !organizationId) {
    throw new Fault('forbidden', 'This credential is not of an organization.', {
      remedy: 'Name the organization in the path, or use one of its own keys.',
    });
  }
  return { organizationId, origin: originOf(request, caller.actor) };
}

/** Does `work` in a transaction of the organization and caller of a request. @param mode 'reader' can not write */
export function withinTenant<T>(
  db: Kysely<Tables>,
  request: Request,
  work: (tx: TenantTransaction) => Promise<T>,
  mode?: 'reader',
): Promise<T> {
  const { organizationId, origin } = tenantOf(request);
  return inTenant(db, organizationId, origin, work, mode);
}
