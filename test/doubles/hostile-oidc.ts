/** An OpenID provider that answers whatever a test wants it to: any claims, any algorithm, any failure. */
import { createHash, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, SignJWT, UnsecuredJWT } from 'jose';

export type IdTokenClaims = Record<string, unknown>;

export interface Behaviour {
  /** Changes the claims of the next ID tokens; undefined values are left out. */
  claims?: (good: IdTokenClaims, accessToken: string) => IdTokenClaims;
  /** Makes the ID token instead of signing it with our key. */
  makeIdToken?: (claims: IdTokenClaims) => Promise<string>;
  /** Answers at the token endpoint instead of us. */
  token?: (response: ServerResponse) => void;
  userinfo?: IdTokenClaims;
  /** Answers at the endpoint for pushed requests, where discovery tells of one. */
  par?: (response: ServerResponse) => void;
  /** Answers at userinfo instead of us. */
  answerUserinfo?: (response: ServerResponse) => void;
  /** How long the key set takes, in milliseconds. */
  slowKeys?: number;
  discovery?: Record<string, unknown>;
  /** The key set instead of its own. */
  keys?: readonly Record<string, unknown>[];
  /** Whether the verifier must belong to the challenge that came with the code's request. */
  checksVerifier?: boolean;
}

export interface HostileOidc {
  readonly url: string;
  readonly privateKey: KeyObject;
  readonly publicPem: string;
  /** How it behaves until told otherwise. */
  behave(behaviour: Behaviour): void;
  /** Makes a code that the token endpoint takes for this nonce and person. */
  code(nonce: string, person: { sub: string; email: string }): string;
  /** Remembers the challenge of the request with this nonce. */
  challenge(nonce: string, challenge: string): void;
  /** How often the key set was fetched. */
  keyFetches(): number;
  /** Signs by a new key from now on. @param keep whether the former ones stay in the key set */
  rotate(keep: boolean): void;
  /** Signs by the latest key. */
  sign(claims: IdTokenClaims, header?: Record<string, unknown>): Promise<string>;
  /** Signs by the key that is the latest now, also later. */
  signer(): (claims: IdTokenClaims) => Promise<string>;
  /** The last request at the token endpoint: its Authorization header, and its form. */
  lastTokenRequest(): { readonly authorization: string | undefined; readonly form: URLSearchParams };
  close(): Promise<void>;
}

export async function startHostileOidc(clientId: string): Promise<HostileOidc> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'key', alg: 'RS256', use: 'sig' };
  let latest = { kid: 'key', key: privateKey };
  let published = [jwk];
  let asked = { authorization: undefined as string | undefined, form: new URLSearchParams() };
  const sign: HostileOidc['sign'] = (claims, header = {}) => signed(claims, latest.key, { kid: latest.kid, ...header });
  const codes = new Map<string, IdTokenClaims>();
  const challenges = new Map<unknown, string>();
  let behaviour: Behaviour = {};
  let keyFetches = 0;
  const subjects = new Map<string, unknown>();
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;

  const json = (response: ServerResponse, status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  const token = async (request: IncomingMessage, response: ServerResponse) => {
    if (behaviour.token !== undefined) return behaviour.token(response);
    const form = new URLSearchParams(await bodyOf(request));
    asked = { authorization: request.headers.authorization, form };
    const good = codes.get(form.get('code') ?? '');
    if (good === undefined) return json(response, 400, { error: 'invalid_grant' });
    codes.delete(form.get('code') ?? '');
    const verifier = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (behaviour.checksVerifier && challenges.get(good['nonce']) !== verifier)
      return json(response, 400, { error: 'invalid_grant', error_description: 'PKCE' });
    const accessToken = randomUUID();
    subjects.set(accessToken, good['sub']);
    const claims = JSON.parse(
      JSON.stringify((behaviour.claims ?? ((same) => same))(good, accessToken)),
    ) as IdTokenClaims;
    const id_token = await (behaviour.makeIdToken ?? sign)(claims);
    json(response, 200, { access_token: accessToken, token_type: 'Bearer', expires_in: 60, id_token });
  };
  server.on('request', async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname } = new URL(request.url ?? '/', url);
    if (pathname === '/.well-known/openid-configuration')
      json(response, 200, { ...metadata(url), ...behaviour.discovery });
    else if (pathname === '/jwks') {
      keyFetches += 1;
      const keys = behaviour.keys ?? published;
      await new Promise((done) => setTimeout(done, behaviour.slowKeys ?? 0));
      json(response, 200, { keys });
    } else if (pathname === '/token') await token(request, response);
    else if (pathname === '/userinfo' && behaviour.answerUserinfo !== undefined) behaviour.answerUserinfo(response);
    else if (pathname === '/par' && behaviour.par !== undefined) behaviour.par(response);
    else if (pathname === '/userinfo')
      json(response, 200, behaviour.userinfo ?? { sub: subjects.get(bearerOf(request)) });
    else json(response, 404, {});
  });

  return {
    url,
    privateKey,
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    behave: (next) => {
      behaviour = next;
    },
    code: (nonce, { sub, email }) => {
      const now = Math.floor(Date.now() / 1000);
      const code = `code-${codes.size}-${nonce}`;
      codes.set(code, {
        iss: url,
        aud: clientId,
        sub,
        email,
        email_verified: true,
        name: email,
        nonce,
        iat: now,
        exp: now + 300,
      });
      return code;
    },
    challenge: (nonce, challenge) => void challenges.set(nonce, challenge),
    keyFetches: () => keyFetches,
    rotate: (keep) => {
      const { privateKey: key, publicKey: open } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      latest = { kid: `key-${randomUUID()}`, key };
      const fresh = { ...open.export({ format: 'jwk' }), kid: latest.kid, alg: 'RS256', use: 'sig' };
      published = keep ? [...published, fresh] : [fresh];
    },
    sign,
    signer: () => {
      const { kid, key } = latest;
      return (claims) => signed(claims, key, { kid });
    },
    lastTokenRequest: () => asked,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** A JWT of these claims. */
export function signed(
  claims: IdTokenClaims,
  key: KeyObject | Uint8Array,
  header: Record<string, unknown> = {},
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'key', ...header }).sign(key);
}

/** What an ID token says of the access token beside it. */
export function accessTokenHash(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url');
}

/** A JWT that nobody signed. */
export function unsecured(claims: IdTokenClaims): string {
  return new UnsecuredJWT(claims).encode();
}

function metadata(url: string): Record<string, unknown> {
  return {
    issuer: url,
    authorization_endpoint: `${url}/auth`,
    token_endpoint: `${url}/token`,
    userinfo_endpoint: `${url}/userinfo`,
    jwks_uri: `${url}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    authorization_response_iss_parameter_supported: true,
  };
}

function bearerOf({ headers }: IncomingMessage): string {
  return headers.authorization?.replace(/^Bearer /, '') ?? '';
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}
