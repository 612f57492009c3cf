/** The log: JSON lines on standard error, with whatever could be a secret left out. */
import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'token',
  'secret',
  'password',
  'key',
  'code',
  'assertion',
  'SAMLResponse',
  'samlResponse',
];

/** Makes the process's log at a level ('silent' for none). */
export function openLog(level: string, destination: DestinationStream = pino.destination(2)): Log {
  const paths = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);
  return pino({ level, redact: { paths, censor: '[secret]' }, base: null }, destination);
}
