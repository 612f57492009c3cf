/** An OAuth server that gives another refresh token at each use, and ends the whole family where one is used twice. */
import { randomUUID } from 'node:crypto';
import { type HttpAnswer, type HttpRequest, startHttpDouble } from '../http-double.ts';
import { formOf, isBasic } from './provider-double.ts';

const client = { id: 'platform', secret: 'secret-of-the-platform' };

export interface RotatingServer {
  readonly said: Readonly<Record<string, unknown>>;
  /** A refresh token of a new family. */
  give(): string;
  isLive(token: string): boolean;
  live(): number;
  refreshes(): number;
  /** Holds answers to refreshes back until `release`. */
  hold(): { asked: Promise<void>; release(): void };
  close(): Promise<void>;
}

export async function startRotatingServer(): Promise<RotatingServer> {
  /** Live tokens by family. */
  const families = new Map<string, string>();
  const used = new Map<string, string>();
  let refreshes = 0;
  let held: { told: () => void; until: Promise<void> } | undefined;
  const fresh = (kind: string, family: string) => {
    const token = `${kind}-${randomUUID()}`;
    families.set(token, family);
    return token;
  };
  const endFamily = (family: string | undefined) => {
    for (const [token, of] of families) if (of === family) families.delete(token);
  };
  const refresh = async (token: string): Promise<HttpAnswer> => {
    refreshes += 1;
    const family = families.get(token);
    if (family === undefined) {
      endFamily(used.get(token));
      return { status: 400, body: { error: 'invalid_grant' } };
    }
    families.delete(token);
    used.set(token, family);
    const given = { access_token: fresh('access', family), refresh_token: fresh('refresh', family) };
    held?.told();
    await held?.until;
    return { body: { ...given, token_type: 'Bearer', expires_in: 3600 } };
  };
  const answer = (request: HttpRequest): HttpAnswer | Promise<HttpAnswer> => {
    const { token = '', refresh_token: presented = '' } = formOf(request);
    if (!isBasic(request, client.id, client.secret)) return { status: 401, body: { error: 'invalid_client' } };
    if (request.url.pathname === '/token') return refresh(presented);
    if (request.url.pathname === '/introspect') return { body: { active: families.has(token) } };
    // A refresh token takes its family along; an access token goes alone.
    if (token.startsWith('refresh')) endFamily(families.get(token) ?? used.get(token));
    families.delete(token);
    return { body: {} };
  };
  const http = await startHttpDouble(answer, () => false);
  return {
    said: {
      ...{ revocationEndpoint: `${http.url}/revoke`, introspectionEndpoint: `${http.url}/introspect` },
      ...{ clientId: client.id, clientSecret: client.secret },
      refresh: { tokenEndpoint: `${http.url}/token`, clientId: client.id },
    },
    give: () => fresh('refresh', randomUUID()),
    isLive: (token) => families.has(token),
    live: () => families.size,
    refreshes: () => refreshes,
    hold: () => {
      let [told, release] = [() => {}, () => {}];
      const asked = new Promise<void>((done) => {
        told = done;
      });
      const until = new Promise<void>((done) => {
        release = done;
      });
      held = { told, until };
      return { asked, release };
    },
    close: () => http.close(),
  };
}
