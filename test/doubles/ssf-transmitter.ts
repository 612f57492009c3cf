/** Somebody's transmitter of shared signals: it describes itself, publishes its keys, signs whatever it is told to, and keeps tokens to be polled. */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export interface SsfTransmitter {
  readonly issuer: string;
  readonly jwksUri: string;
  readonly pollUrl: string;
  /** Signs a token by the profile; members that are undefined are left out. */
  sign(claims: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Another's signature under the same key id. */
  forge(claims: Readonly<Record<string, unknown>>): Promise<string>;
  /** Tokens that wait to be polled, by jti. */
  readonly waiting: Map<string, string>;
  /** What pollers said. */
  readonly asked: { readonly body: Readonly<Record<string, unknown>>; readonly authorization: string | undefined }[];
  close(): Promise<void>;
}

export async function startSsfTransmitter(audience: string): Promise<SsfTransmitter> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const stranger = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
  const waiting = new Map<string, string>();
  const asked: SsfTransmitter['asked'] = [];
  let issuer = '';
  const http = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const json = (value: unknown) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (request.url === '/jwks') return void json({ keys: [jwk] });
    if (request.url === '/.well-known/ssf-configuration/tenant')
      return void json({ spec_version: '1_0', issuer, jwks_uri: issuer.replace('/tenant', '/jwks') });
    if (request.url !== '/poll') return void response.writeHead(404).end();
    const body = JSON.parse(Buffer.concat(parts).toString()) as { ack?: string[]; setErrs?: object; maxEvents: number };
    asked.push({ body, authorization: request.headers.authorization });
    for (const jti of [...(body.ack ?? []), ...Object.keys(body.setErrs ?? {})]) waiting.delete(jti);
    const sets = Object.fromEntries([...waiting].slice(0, Math.min(body.maxEvents, 2)));
    json({ sets, moreAvailable: waiting.size > Object.keys(sets).length });
  });
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  issuer = `${url}/tenant`;
  const whole = (claims: Readonly<Record<string, unknown>>) => {
    const all = { iss: issuer, aud: audience, jti: randomUUID(), iat: Math.floor(Date.now() / 1000), ...claims };
    return new SignJWT(JSON.parse(JSON.stringify(all)));
  };
  const header = { alg: 'RS256', typ: 'secevent+jwt', kid: 'one' };
  return {
    issuer,
    jwksUri: `${url}/jwks`,
    pollUrl: `${url}/poll`,
    waiting,
    asked,
    sign: (claims, more = {}) =>
      whole(claims)
        .setProtectedHeader({ ...header, ...more })
        .sign(privateKey),
    forge: (claims) => whole(claims).setProtectedHeader(header).sign(stranger.privateKey),
    close: async () => {
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
    },
  };
}
