/** Names of time zones, as settings give them. */
import { z } from 'zod';

/** An IANA time zone that this machine knows, e.g. Europe/Berlin. */
export const timeZone = z.string().refine(isTimeZone, 'is not a time zone such as Europe/Berlin');

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
