/**
 * A real OAuth server (oidc-provider) as the upstream whose tokens are kept for people: it issues, revokes (RFC 7009) and introspects
 * (RFC 7662). In front of it stands a switch that lets it be down, slow, or lie.
 */
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';

export interface OauthServer {
  readonly url: string;
  readonly client: { readonly id: string; readonly secret: string };
  /** A fresh access token of the server. */
  token(): Promise<string>;
  isActive(token: string): Promise<boolean>;
  /** How many revocation requests have come so far. */
  revocations(): number;
  /** What the next revocation requests meet instead of the server: an answer, or 'hang' for none at all. */
  meet(...answers: (Answer | 'hang')[]): void;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export async function startOauthServer(): Promise<OauthServer> {
  const client = { id: 'platform', secret: 'platform-secret-of-the-double' };
  const http = createServer();
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const provider = new Provider(url, {
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      devInteractions: { enabled: false },
    },
    ttl: { ClientCredentials: 3600 },
  });
  const serve = provider.callback();
  const answers: (Answer | 'hang')[] = [];
  let revocations = 0;
  http.on('request', (request, response) => {
    if (request.url !== '/token/revocation') return void serve(request, response);
    revocations += 1;
    const answer = answers.shift();
    if (answer === undefined) return void serve(request, response);
    if (answer === 'hang') return;
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(JSON.stringify(answer.body ?? {}));
  });

  const call = async (path: string, form: Record<string, string>) => {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}` },
      body: new URLSearchParams(form),
    });
    return (await response.json()) as Record<string, unknown>;
  };
  return {
    url,
    client,
    token: async () => String((await call('/token', { grant_type: 'client_credentials' }))['access_token']),
    isActive: async (token) => (await call('/token/introspection', { token }))['active'] === true,
    revocations: () => revocations,
    meet: (...next) => void answers.push(...next),
    close: async () => {
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
    },
  };
}
