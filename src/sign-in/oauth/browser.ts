/** Whose browser it is that asks: the provider's own cookie counts only together with a live session of ours. */
import type { IncomingMessage } from 'node:http';
import type { LiveSession } from '../../credentials/session.ts';

const sessions = new WeakMap<IncomingMessage, LiveSession>();

/** Notes whose request this is. */
export function rememberSession(request: IncomingMessage, session: LiveSession | undefined): void {
  if (session !== undefined) sessions.set(request, session);
}

/** The live session that a request came with. */
export function sessionBehind(request: IncomingMessage | undefined): LiveSession | undefined {
  return request && sessions.get(request);
}
