/** A database that can't be reached, or takes nothing more, for now: none of the program's mistakes, and over some time. */
import { Fault } from '../errors.ts';

/** Of PostgreSQL's error codes: connections, resources such as the disk, being shut down or started, the system's own errors. */
const CODES = /^(08...|53...|57P..|58...)$/;
const SOCKET_CODES = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'];
/** What the driver says without a code. */
const MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Cannot use a pool after)/;

const RETRY_AFTER = 5;

/** The fault that such an error is; undefined where it is another. */
export function awayFault(error: unknown): Fault | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code = '', syscall } = error as { code?: string; syscall?: string };
  const isAway =
    CODES.test(code) || (SOCKET_CODES.includes(code) && syscall !== undefined) || MESSAGES.test(error.message);
  if (!isAway) return undefined;
  return new Fault('unavailable', "The database can't be reached, or takes nothing more, at this moment.", {
    remedy: 'Try again; what was under way is done wholly or not at all.',
    cause: error,
    extra: { retryAfter: RETRY_AFTER },
  });
}
