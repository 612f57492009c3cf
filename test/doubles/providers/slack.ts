/** Slack's `auth.test` and `auth.revoke`, as they are documented: 200 whatever happens. */
import { randomUUID } from 'node:crypto';
import { type HttpAnswer, type HttpRequest, startHttpDouble } from '../http-double.ts';
import { bearerOf, holdings, NOT_FOUND, type ProviderDouble } from './provider-double.ts';

export interface Slack extends ProviderDouble {
  giveBot(): string;
}

/** @param gone the error by which it says that a token is worth nothing */
export async function startSlack(gone = 'token_revoked'): Promise<Slack> {
  const held = holdings();
  const answer = (request: HttpRequest): HttpAnswer => {
    const token = bearerOf(request);
    if (token === undefined) return { body: { ok: false, error: 'not_authed' } };
    if (!held.isLive(token)) return { body: { ok: false, error: gone } };
    if (request.url.pathname === '/api/auth.test')
      return {
        body: { ok: true, user_id: 'U1', team_id: 'T1', ...(token.startsWith('xoxb-') ? { bot_id: 'B1' } : {}) },
      };
    if (request.url.pathname !== '/api/auth.revoke') return NOT_FOUND;
    held.asked(token);
    return { body: { ok: true, revoked: true } };
  };
  const http = await startHttpDouble(answer, () => true);
  return {
    ...{ ...http, ...held },
    said: { revoker: 'slack', apiUrl: `${http.url}/api` },
    give: (email) => held.give(email, `xoxp-${randomUUID()}`),
    giveBot: () => held.give('bot', `xoxb-${randomUUID()}`),
  };
}
