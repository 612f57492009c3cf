/** A receiver of security event tokens (RFC 8935): it verifies each by the transmitter's published keys, as jose does, and keeps its claims. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';

export interface ReceivedToken {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: JWTPayload & {
    readonly sub_id: Readonly<Record<string, unknown>>;
    readonly events: Record<string, Record<string, unknown>>;
  };
  readonly http: Readonly<Record<string, string | string[] | undefined>>;
}

export interface SsfReceiver {
  readonly url: string;
  readonly received: ReceivedToken[];
  /** Whose tokens it takes from now on. */
  trust(issuer: string, audience: string, jwksUri: string): void;
  /** Status codes and bodies that the next pushes are answered with; 202 afterwards. */
  answerWith(...answers: { readonly status: number; readonly body?: string }[]): void;
  close(): Promise<void>;
}

/** Verifies a token as a receiver does. */
export async function verifyToken(token: string, issuer: string, audience: string, jwksUri: string) {
  const keys = createRemoteJWKSet(new URL(jwksUri));
  const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer, audience, typ: 'secevent+jwt' });
  return { claims: payload as ReceivedToken['claims'], header: { ...protectedHeader } };
}

export async function startSsfReceiver(): Promise<SsfReceiver> {
  const received: ReceivedToken[] = [];
  const answers: { readonly status: number; readonly body?: string }[] = [];
  let trusted: [string, string, string] = ['', '', ''];
  const http = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    try {
      const { claims, header } = await verifyToken(Buffer.concat(parts).toString(), ...trusted);
      received.push({ header, claims, http: request.headers });
      const { status, body } = answers.shift() ?? { status: 202 };
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    } catch (error) {
      response.writeHead(400).end(JSON.stringify({ err: 'invalid_request', description: String(error) }));
    }
  });
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/events`,
    received,
    trust: (...whom) => {
      trusted = whom;
    },
    answerWith: (...next) => void answers.push(...next),
    close: async () => {
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
    },
  };
}
