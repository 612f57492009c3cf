/**
 * A real OpenID provider, made of oidc-provider: authorization code with PKCE, refresh tokens, userinfo, revocation (RFC 7009) and
 * introspection (RFC 7662). Its login page lets one choose a person; whoever signs in has consented.
 */
import { generateKeyPairSync } from 'node:crypto';
import express, { type Express, type Router } from 'express';
import Provider, { type Account, type ClientMetadata, type Configuration } from 'oidc-provider';
import { oidcAdministration } from './administration.ts';
import { adapterOf } from './memory.ts';
import { choicePage, messagePage } from './page.ts';
import type { DemoPerson } from './people.ts';
import { serve } from './serve.ts';

export interface OidcIdpClient {
  readonly id: string;
  /** Left out where it proves itself by a key of `jwksUri`. */
  readonly secret?: string;
  readonly jwksUri?: string;
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris?: readonly string[];
  /** Told when somebody signs out. */
  readonly backchannelLogoutUri?: string;
  /** Whether it must push what it asks (RFC 9126). */
  readonly pushesRequests?: boolean;
  /** Left out: authorization code and refresh token. */
  readonly grantTypes?: readonly ('authorization_code' | 'refresh_token' | 'client_credentials')[];
}

export interface OidcIdpOptions {
  /** 0: any free one. */
  readonly port?: number;
  readonly name?: string;
  readonly people: readonly DemoPerson[];
  readonly clients?: readonly OidcIdpClient[];
  /** Whether ID tokens and userinfo carry `groups`. */
  readonly statesGroups?: boolean;
}

export interface OidcIdp {
  /** Also the issuer. */
  readonly url: string;
  /** Makes a client known; one of the same id is replaced. */
  addClient(client: OidcIdpClient): void;
  /** Replaces the people. */
  setPeople(people: readonly DemoPerson[]): void;
  close(): Promise<void>;
}

interface State {
  readonly name: string;
  readonly statesGroups: boolean;
  readonly clients: Map<string, ClientMetadata>;
  people: readonly DemoPerson[];
}

/** Starts it with fresh keys. */
export async function startOidcIdp(options: OidcIdpOptions): Promise<OidcIdp> {
  const { url, server, close } = await serve(options.port ?? 0);
  const state: State = {
    name: options.name ?? 'Demo OpenID sign-in',
    statesGroups: options.statesGroups ?? true,
    clients: new Map(),
    people: options.people,
  };
  const addClient = (client: OidcIdpClient) => void state.clients.set(client.id, metadataOf(client));
  for (const client of options.clients ?? []) addClient(client);
  const provider = new Provider(url, configuration(state));
  const administration = oidcAdministration({ name: state.name, issuer: url, addClient });
  server.on('request', application(state, provider, administration));
  return {
    url,
    addClient,
    setPeople: (people) => {
      state.people = people;
    },
    close,
  };
}

function metadataOf({
  id,
  secret,
  jwksUri,
  redirectUris,
  postLogoutRedirectUris = [],
  backchannelLogoutUri,
  pushesRequests = false,
  grantTypes = ['authorization_code', 'refresh_token'],
}: OidcIdpClient): ClientMetadata {
  return {
    client_id: id,
    ...(secret === undefined ? {} : { client_secret: secret }),
    ...(jwksUri === undefined ? {} : { jwks_uri: jwksUri, token_endpoint_auth_method: 'private_key_jwt' }),
    ...(backchannelLogoutUri === undefined
      ? {}
      : { backchannel_logout_uri: backchannelLogoutUri, backchannel_logout_session_required: true }),
    redirect_uris: [...redirectUris],
    post_logout_redirect_uris: [...postLogoutRedirectUris],
    require_pushed_authorization_requests: pushesRequests,
    grant_types: [...grantTypes],
    response_types: grantTypes.includes('authorization_code') ? ['code'] : [],
  };
}

function configuration(state: State): Configuration {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    adapter: adapterOf(state),
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'demo' }] },
    cookies: {
      keys: ['demo cookies are signed with this'],
      names: { session: 'demo-idp', interaction: 'demo-idp-at', resume: 'demo-idp-on' },
    },
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', ...(state.statesGroups ? ['groups'] : [])],
    },
    conformIdTokenClaims: false,
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      clientCredentials: { enabled: true },
      pushedAuthorizationRequests: { enabled: true },
      introspection: { enabled: true, allowedPolicy: ownTokens },
      revocation: { enabled: true, allowedPolicy: ownTokens },
    },
    findAccount: async (_context, id): Promise<Account | undefined> => {
      const person = state.people.find((each) => each.id === id);
      return person && { accountId: id, claims: async () => claimsOf(person, state.statesGroups) };
    },
    // Its own guard against addresses inside would keep it from everybody who is on this machine, which is where demos run.
    fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined } as RequestInit),
    interactions: { url: (_context, { uid }) => `/choose/${uid}` },
    issueRefreshToken: async (_context, client) => client.grantTypeAllowed('refresh_token'),
    loadExistingGrant: async (context) => {
      const { client, session, result, params } = context.oidc;
      if (client === undefined || session?.accountId === undefined) return undefined;
      const known = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
      const grant =
        (known && (await context.oidc.provider.Grant.find(known))) ||
        new context.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope(String(params?.['scope'] ?? 'openid'));
      await grant.save();
      return grant;
    },
    pkce: { required: () => false },
    ttl: {
      AccessToken: 3600,
      RefreshToken: 14 * 86_400,
      ClientCredentials: 3600,
      Session: 3600,
      Grant: 14 * 86_400,
      Interaction: 600,
      IdToken: 600,
    },
  };
}

/** A client may ask about and end only what was issued to it. */
function ownTokens(
  _context: unknown,
  client: { readonly clientId: string },
  token: { readonly clientId?: string | undefined },
) {
  return token.clientId === client.clientId;
}

function claimsOf({ id, email, name, groups, emailVerified = true }: DemoPerson, statesGroups: boolean) {
  return { sub: id, email, email_verified: emailVerified, name, ...(statesGroups ? { groups: [...groups] } : {}) };
}

function application(state: State, provider: Provider, administration: Router): Express {
  const app = express();
  app.use(administration);
  app.get('/choose/:uid', async (request, response) => {
    await provider.interactionDetails(request, response);
    response.send(choicePage(state.name, `/choose/${request.params.uid}`, state.people, {}));
  });
  app.post('/choose/:uid', express.urlencoded({ extended: false }), async (request, response) => {
    const { person: chosen } = request.body as Record<string, string>;
    if (!state.people.some(({ id }) => id === chosen)) {
      response.status(400).send(messagePage(state.name, 'Nobody was chosen.'));
      return;
    }
    await provider.interactionFinished(
      request,
      response,
      { login: { accountId: chosen ?? '', remember: false } },
      { mergeWithLastSubmission: false },
    );
  });
  app.use(provider.callback());
  return app;
}
