/** Calls of the administration API that were forbidden: told, but a flood of them fills no table. */
import type { ErrorRequestHandler, Request } from 'express';
import type { Kysely } from 'kysely';
import { Fault } from '../errors.ts';
import { tenantOf } from '../http/caller.ts';
import type { Log } from '../log.ts';
import type { Tables } from '../store/tables.ts';
import { inTenant, type Origin } from '../store/tenant.ts';
import { wasTold } from './attempt.ts';
import { record } from './record.ts';

/** Of one caller, each instance tells so many one by one; what comes beyond in the same minute is counted, and told as one event. */
const TOLD_A_MINUTE = 10;
const MINUTE_MS = 60_000;

interface Denied {
  readonly organizationId: string;
  readonly origin: Origin;
  readonly endpoint: string;
  readonly reason: string;
}

interface Minute {
  told: number;
  untold: number;
}

/** Audits what ends in a Fault `forbidden`, unless whoever refused it has told already; then lets it be answered as it is. */
export function auditDenied({ db, log }: { readonly db: Kysely<Tables>; readonly log: Log }): ErrorRequestHandler {
  const minutes = new Map<string, Minute>();

  const tell = (denied: Denied, detail: Readonly<Record<string, unknown>> = {}) =>
    inTenant(db, denied.organizationId, denied.origin, (tx) =>
      record(tx, {
        action: 'administration.denied',
        resource: { type: 'endpoint', id: denied.endpoint },
        outcome: 'denied',
        reason: denied.reason,
        detail,
      }),
    ).catch((failure: unknown) => log.error({ error: failure }, 'a denied call could not be audited'));

  const minuteOf = (denied: Denied): Minute => {
    const name = `${denied.organizationId} ${denied.origin.actor.kind} ${denied.origin.actor.id}`;
    const known = minutes.get(name);
    if (known !== undefined) return known;
    const minute = { told: 0, untold: 0 };
    minutes.set(name, minute);
    const over = () => {
      minutes.delete(name);
      if (minute.untold > 0) void tell(denied, { andAlso: minute.untold });
    };
    setTimeout(over, MINUTE_MS).unref();
    return minute;
  };

  return async (error: unknown, request, _response, next) => {
    const denied = error instanceof Fault && !wasTold(error) ? deniedOf(error, request) : undefined;
    if (denied !== undefined) {
      const minute = minuteOf(denied);
      if (minute.told < TOLD_A_MINUTE) {
        minute.told += 1;
        await tell(denied);
      } else minute.untold += 1;
    }
    next(error);
  };
}

function deniedOf(fault: Fault, request: Request): Denied | undefined {
  if (fault.code !== 'forbidden') return undefined;
  const endpoint = `${request.method} ${request.originalUrl.split('?', 1)[0]}`.slice(0, 300);
  try {
    return { ...tenantOf(request), endpoint, reason: fault.message };
  } catch {
    // Of no organization: there is no audit that it could stand in.
    return undefined;
  }
}
