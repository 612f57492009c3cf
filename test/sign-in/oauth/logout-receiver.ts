/** An app that hears of logouts (OpenID Connect Back-Channel Logout) and believes only what it can verify. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import type { TestServer } from '../../harness/server.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

export interface LogoutReceiver {
  readonly url: string;
  /** What was verified, in order. */
  readonly heard: readonly JWTPayload[];
  /** Answers the next so many with 500. */
  refuse(times: number): void;
  close(): Promise<void>;
}

/** Starts one for an app of this server. */
export async function startLogoutReceiver(drawbridge: TestServer, clientId: string): Promise<LogoutReceiver> {
  const heard: JWTPayload[] = [];
  let refusals = 0;
  const keys = createRemoteJWKSet(new URL(`${drawbridge.url}/oauth/jwks`));
  const options = { issuer: `${drawbridge.url}/oauth`, audience: clientId, typ: 'logout+jwt', algorithms: ['RS256'] };
  const server = createServer(async (request, response) => {
    const token = new URLSearchParams(await text(request)).get('logout_token') ?? '';
    if (refusals > 0) {
      refusals -= 1;
      return void response.writeHead(500).end();
    }
    const { payload } = await jwtVerify(token, keys, { ...options, requiredClaims: ['iat', 'exp', 'jti', 'events'] });
    const genuine = 'nonce' in payload === false && EVENT in (payload['events'] as object);
    if (genuine) heard.push(payload);
    response.writeHead(genuine ? 200 : 400).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/backchannel-logout`,
    heard,
    refuse: (times) => {
      refusals = times;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
