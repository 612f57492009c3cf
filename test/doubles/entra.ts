/**
 * Microsoft Entra ID as far as signing in goes, after its documentation: one discovery document for every tenant, issuers by tenant,
 * subjects by app, an `email` that can be anything, groups left out above a limit, and Graph, which lists them page by page.
 */
import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import express, { type Request, type Response } from 'express';
import { SignJWT } from 'jose';
import { serve } from '../../src/demo/idp/serve.ts';

export interface EntraPerson {
  readonly tenant: string;
  readonly oid: string;
  readonly name: string;
  readonly email: string;
  /** Whether the tenant has proven the domain of `email`; left out: the app does not ask for the claim. */
  readonly ownsDomain?: boolean | string;
  readonly verifiedPrimaryEmail?: string;
  readonly groups: readonly string[];
}

export interface EntraBehaviour {
  /** What Graph answers instead of groups. */
  readonly graph?: (response: Response) => unknown;
  /** Where Graph says that the next page is. */
  readonly nextLink?: (good: string) => string;
}

export interface Entra {
  readonly url: string;
  readonly clientId: string;
  readonly secret: string;
  /** How many groups an ID token has room for. */
  readonly mostGroups: number;
  /** Whoever is signed in there from now on. */
  signedIn(person: EntraPerson): void;
  behave(behaviour: EntraBehaviour): void;
  /** How many requests Graph has had. */
  graphRequests(): number;
  close(): Promise<void>;
}

interface Code {
  readonly person: EntraPerson;
  readonly nonce: string;
  readonly challenge: string;
  readonly redirectUri: string;
  readonly scope: string;
}

const MOST_GROUPS = 200;
const PAGE = 100;

export async function startEntra(): Promise<Entra> {
  const { url, server, close } = await serve(0);
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const client = { id: randomUUID(), secret: 'secret~of.the~app' };
  const codes = new Map<string, Code>();
  const tokens = new Map<string, { person: EntraPerson; scope: string }>();
  let present: EntraPerson | undefined;
  let behaviour: EntraBehaviour = {};
  let graphRequests = 0;

  const app = express();
  app.get('/:tenant/v2.0/.well-known/openid-configuration', ({ params: { tenant } }, response) => {
    response.json(discovery(url, tenant));
  });
  app.get('/:tenant/discovery/v2.0/keys', (_request, response) => {
    const key = { ...publicKey.export({ format: 'jwk' }), use: 'sig', kid: 'entra', x5t: 'entra' };
    response.json({ keys: [{ ...key, kid: 'another', n: key.n?.replace(/^./, 'x') }, key] });
  });
  app.get('/:tenant/oauth2/v2.0/authorize', ({ query }, response) => {
    const asked = query as Record<string, string>;
    if (present === undefined || asked['client_id'] !== client.id)
      return void response.status(400).send('AADSTS700016');
    const code = randomUUID();
    const { nonce = '', code_challenge: challenge = '', redirect_uri: redirectUri = '', scope = '' } = asked;
    codes.set(code, { person: present, nonce, challenge, redirectUri, scope });
    const answer = new URLSearchParams({ code, state: asked['state'] ?? '', session_state: randomUUID() });
    response.redirect(`${redirectUri}?${answer}`);
  });
  app.post('/:tenant/oauth2/v2.0/token', express.urlencoded({ extended: false }), async (request, response) => {
    const form = request.body as Record<string, string>;
    if (!knows(request, client))
      return void response.status(401).json({ error: 'invalid_client', error_description: 'AADSTS7000215' });
    const code = codes.get(form['code'] ?? '');
    codes.delete(form['code'] ?? '');
    const verifier = createHash('sha256')
      .update(form['code_verifier'] ?? '')
      .digest('base64url');
    if (code === undefined || code.challenge !== verifier || code.redirectUri !== form['redirect_uri'])
      return void response.status(400).json({ error: 'invalid_grant', error_description: 'AADSTS70008' });
    const accessToken = randomUUID();
    tokens.set(accessToken, { person: code.person, scope: code.scope });
    const idToken = await new SignJWT(claimsOf(code))
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'entra' })
      .setIssuer(`${url}/${code.person.tenant}/v2.0`)
      .setAudience(client.id)
      .setIssuedAt()
      .setNotBefore('0s')
      .setExpirationTime('1h')
      .sign(privateKey);
    response.json({
      ...{ token_type: 'Bearer', scope: code.scope, expires_in: 4000, ext_expires_in: 4000 },
      ...{ access_token: accessToken, id_token: idToken },
    });
  });
  app.all('/v1.0/me/getMemberObjects', express.json(), (request, response) => {
    graphRequests += 1;
    const found = tokens.get(/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '');
    if (found === undefined) return void response.status(401).json({ error: { code: 'InvalidAuthenticationToken' } });
    if (!found.scope.split(' ').includes('User.Read'))
      return void response.status(403).json({ error: { code: 'Authorization_RequestDenied' } });
    if (behaviour.graph !== undefined) return void behaviour.graph(response);
    const from = Number(request.query['$skiptoken'] ?? 0);
    const first = request.method === 'POST' && typeof request.body?.securityEnabledOnly === 'boolean';
    if (!first && from === 0) return void response.status(400).json({ error: { code: 'Request_BadRequest' } });
    const next = `${url}/v1.0/me/getMemberObjects?$skiptoken=${from + PAGE}`;
    const more = from + PAGE < found.person.groups.length;
    response.json({
      '@odata.context': `${url}/v1.0/$metadata#Collection(Edm.String)`,
      ...(more ? { '@odata.nextLink': behaviour.nextLink?.(next) ?? next } : {}),
      value: found.person.groups.slice(from, from + PAGE),
    });
  });
  server.on('request', app);

  return {
    ...{ url, clientId: client.id, secret: client.secret, mostGroups: MOST_GROUPS },
    signedIn: (person) => {
      present = person;
    },
    behave: (next) => {
      behaviour = next;
    },
    graphRequests: () => graphRequests,
    close,
  };
}

function claimsOf({ person, nonce }: Code): Record<string, unknown> {
  const { tenant, oid, name, email, ownsDomain, verifiedPrimaryEmail, groups } = person;
  const many = groups.length > MOST_GROUPS;
  return {
    ...{ sub: `pairwise-${oid}`, oid, tid: tenant, ver: '2.0', nonce, name, email, preferred_username: email },
    ...{ uti: randomUUID(), rh: '0.', aio: 'opaque' },
    ...(ownsDomain === undefined ? {} : { xms_edov: ownsDomain }),
    ...(verifiedPrimaryEmail === undefined ? {} : { verified_primary_email: [verifiedPrimaryEmail] }),
    ...(many
      ? {
          _claim_names: { groups: 'src1' },
          _claim_sources: { src1: { endpoint: `https://graph.windows.net/${tenant}/users/${oid}/getMemberObjects` } },
        }
      : { groups: [...groups] }),
  };
}

/** Its document for every tenant leaves the place of the tenant in the issuer open. */
function discovery(url: string, tenant: string): Record<string, unknown> {
  const shared = ['common', 'organizations', 'consumers'].includes(tenant);
  const base = `${url}/${tenant}`;
  return {
    issuer: `${url}/${shared ? '{tenantid}' : tenant}/v2.0`,
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    token_endpoint: `${base}/oauth2/v2.0/token`,
    jwks_uri: `${base}/discovery/v2.0/keys`,
    end_session_endpoint: `${base}/oauth2/v2.0/logout`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
  };
}

function knows({ headers, body }: Request, { id, secret }: { id: string; secret: string }): boolean {
  const [, basic] = /^Basic (.+)$/.exec(headers.authorization ?? '') ?? [];
  if (basic === undefined) return body['client_id'] === id && body['client_secret'] === secret;
  const [user = '', password = ''] = Buffer.from(basic, 'base64').toString().split(':');
  return decodeURIComponent(user) === id && decodeURIComponent(password) === secret;
}
