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

const tenants = new WeakMap<IncomingMessage, string>();

/** Notes of which organization what this request brings is, so that it is looked up once. */
export function rememberTenant(request: IncomingMessage | undefined, organizationId: string): void {
  if (request !== undefined) tenants.set(request, organizationId);
}

/** The organization that this request has to do with, as far as that is known. */
export function tenantBehind(request: IncomingMessage | undefined): string | undefined {
  return request && (tenants.get(request) ?? sessions.get(request)?.organizationId);
}
