/** The SAML and OpenID Connect rows: logins of people who are known already, one after the other. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { selfSigned } from '../../src/demo/idp/certificate.ts';
import * as saml from '../doubles/hostile-saml.ts';
import { OPERATOR_TOKEN } from '../harness/settings.ts';
import { databaseFor, type TestCluster } from './databases.ts';
import { type MeasuredServer, startMeasured } from './measured.ts';
import { pairs, type Row } from './rounds.ts';

const LOGINS = 60;
const ROUNDS = 7;
const ISSUER = 'https://idp.acme.test/saml';
const here = (file: string) => join(import.meta.dirname, file);

interface Begun {
  readonly location: string;
  readonly cookie: string;
}

/** Measures both protocols; each figure is server CPU for one login. */
export async function measureSignIn(cluster: TestCluster): Promise<Row[]> {
  const key = await selfSigned('bench');
  const provider = await startProvider();
  const ours = await startMeasured(here('ours.ts'), await databaseFor(cluster, cluster.template));
  const samlFloor = await startMeasured(here('floors/saml.ts'), await databaseFor(cluster), key.certificate);
  const oidcFloor = await startMeasured(here('floors/oidc.ts'), await databaseFor(cluster), provider.url);
  try {
    const connections = await arrange(ours, key.certificate, provider.url);
    const samlRows = await measureSaml(ours, samlFloor, connections.saml, key.privateKey);
    const oidcRow = await measureOidc(ours, oidcFloor, connections.oidc);
    return [...samlRows, oidcRow];
  } finally {
    for (const server of [ours, samlFloor, oidcFloor]) await server.close();
    provider.close();
  }
}

async function measureSaml(
  ours: MeasuredServer,
  floor: MeasuredServer,
  id: string,
  privateKey: string,
): Promise<Row[]> {
  const logins = {
    ours: {
      server: ours,
      login: `${ours.url}/saml/${id}/login`,
      acs: `${ours.url}/saml/${id}/acs`,
      audience: `${ours.url}/saml/${id}/metadata`,
    },
    floor: { server: floor, login: `${floor.url}/login`, acs: `${floor.url}/acs`, audience: 'floor' },
  };
  const answer = async ({ login, acs, audience }: (typeof logins)['ours'], at: number) => {
    const begun = await begin(login);
    const requestId = saml.requestIdIn(begun.location);
    const parts = saml.goodParts({
      issuer: ISSUER,
      acsUrl: acs,
      entityId: audience,
      requestId,
      email: `person${at}@acme.test`,
    });
    const xml = saml.sign(saml.response(parts, saml.assertion({ ...parts, nameId: `person${at}` })), { privateKey });
    return { acs, cookie: begun.cookie, body: new URLSearchParams({ SAMLResponse: saml.posted(xml) }) };
  };
  const post = async ({ acs, cookie, body }: Awaited<ReturnType<typeof answer>>) => {
    const response = await fetch(acs, { method: 'POST', body, headers: { cookie }, redirect: 'manual' });
    if (response.status !== 303) throw new Error(`${response.status}: ${await response.text()}`);
  };
  const whole = (side: (typeof logins)['ours']) => () =>
    side.server.cost(LOGINS, async () => {
      for (let at = 0; at < LOGINS; at++) await post(await answer(side, at));
    });
  const acsOnly = (side: (typeof logins)['ours']) => async () => {
    const answers: Awaited<ReturnType<typeof answer>>[] = [];
    for (let at = 0; at < LOGINS; at++) answers.push(await answer(side, at));
    return side.server.cost(LOGINS, async () => {
      for (const each of answers) await post(each);
    });
  };
  return [
    await pairs('SAML login, whole', '7x', ROUNDS, { ours: whole(logins.ours), floor: whole(logins.floor) }),
    await pairs('SAML ACS', '18x', ROUNDS, { ours: acsOnly(logins.ours), floor: acsOnly(logins.floor) }),
  ];
}

async function measureOidc(ours: MeasuredServer, floor: MeasuredServer, id: string): Promise<Row> {
  const side = (server: MeasuredServer, login: string) => () =>
    server.cost(LOGINS, async () => {
      for (let at = 0; at < LOGINS; at++) await logInByOidc(login, at);
    });
  return pairs('OIDC login, whole', '2.4x', ROUNDS, {
    ours: side(ours, `${ours.url}/oidc/${id}/login`),
    floor: side(floor, `${floor.url}/login`),
  });
}

async function logInByOidc(login: string, at: number): Promise<void> {
  const begun = await begin(login);
  const asked = new URL(begun.location).searchParams;
  const back = new URL(asked.get('redirect_uri') ?? '');
  const issuer = new URL(begun.location).origin;
  // The code carries what the provider has to put into the ID token.
  const code = Buffer.from(JSON.stringify({ sub: `person${at}`, nonce: asked.get('nonce') })).toString('base64url');
  back.search = new URLSearchParams({ code, state: asked.get('state') ?? '', iss: issuer }).toString();
  const response = await fetch(back, { headers: { cookie: begun.cookie }, redirect: 'manual' });
  if (response.status !== 303) throw new Error(`${response.status}: ${await response.text()}`);
}

async function begin(login: string): Promise<Begun> {
  const response = await fetch(login, { redirect: 'manual' });
  const cookie = response.headers
    .getSetCookie()
    .map((line) => line.split(';', 1)[0])
    .join('; ');
  return { location: response.headers.get('location') ?? '', cookie };
}

/** An organization whose people sign in both ways. */
async function arrange(
  ours: MeasuredServer,
  certificate: string,
  issuer: string,
): Promise<{ saml: string; oidc: string }> {
  const call = async (method: string, path: string, body: unknown) => {
    const response = await fetch(`${ours.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as { id: string };
  };
  await call('POST', '/organizations', { slug: 'acme', model: 'fastn', defaultRole: 'viewer', justInTime: true });
  await call('PUT', '/organizations/acme/domains/acme.test', { verified: true });
  const ssoUrl = 'https://idp.acme.test/sso';
  const byApi = (slug: string, input: unknown) => call('PUT', `/organizations/acme/connections/${slug}`, input);
  const samlConnection = await byApi('saml', { kind: 'saml', entityId: ISSUER, ssoUrl, certificates: [certificate] });
  const oidcConnection = await byApi('oidc', { kind: 'oidc', issuer, clientId: 'bench', clientSecret: 'bench-secret' });
  return { saml: samlConnection.id, oidc: oidcConnection.id };
}

/** An OpenID provider that signs whatever its codes say; its own cost is not measured. */
async function startProvider(): Promise<{ url: string; close(): void }> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'bench', use: 'sig', alg: 'RS256' }] };
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  const metadata = {
    issuer: url,
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/token`,
    jwks_uri: `${url}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    authorization_response_iss_parameter_supported: true,
  };
  server.on('request', async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const answer = async () => {
      if (request.url === '/jwks') return jwks;
      if (request.url !== '/token') return metadata;
      const code = new URLSearchParams(Buffer.concat(parts).toString()).get('code') ?? '';
      const { sub, nonce } = JSON.parse(Buffer.from(code, 'base64url').toString()) as { sub: string; nonce: string };
      const claims = { nonce, email: `${sub}.oidc@acme.test`, email_verified: true, name: sub };
      const token = new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', kid: 'bench' })
        .setIssuer(url)
        .setSubject(sub);
      const id_token = await token.setAudience('bench').setIssuedAt().setExpirationTime('5m').sign(privateKey);
      return { access_token: 'none', token_type: 'Bearer', id_token };
    };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(await answer()));
  });
  return { url, close: () => server.closeAllConnections() };
}
