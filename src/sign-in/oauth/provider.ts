/** The OpenID provider: oidc-provider with our storage, our sessions, our pages and nothing switched on that the platform does not need. */
import { createHmac } from 'node:crypto';
import Provider, { type Configuration, errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import type { Models } from '../../access/model-file.ts';
import type { Log } from '../../log.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/database.ts';
import { html, sendPage } from '../page.ts';
import { adapterOf } from './adapter.ts';
import { isSecretOf } from './app-registration.ts';
import { ASSERTION_ALGORITHMS, keysOfApps, refuseLongLived } from './assertion.ts';
import { sessionBehind, tenantBehind } from './browser.ts';
import { CLAIMS, claimsOf } from './claims.ts';
import { endSessionToo, sayGoodbye } from './logout.ts';
import { showLater, showPage } from './show.ts';
import { SIGNING_ALGORITHM, type SigningKeys } from './signing-keys.ts';

export interface ProviderDependencies {
  readonly settings: Settings;
  readonly store: Pick<Store, 'db'>;
  readonly models: Models;
  readonly jobs: Parameters<typeof endSessionToo>[0]['jobs'];
  readonly log: Log;
}

const MINUTE = 60;
const DAY = 86_400;

/** Seconds. What ends earlier with the session or the person is decided whenever it is read. */
const LIFETIMES = {
  AccessToken: 5 * MINUTE,
  AuthorizationCode: MINUTE,
  IdToken: 10 * MINUTE,
  RefreshToken: 30 * DAY,
  Grant: 30 * DAY,
  Interaction: 60 * MINUTE,
  Session: DAY,
};

const ROUTES = {
  authorization: '/authorize',
  token: '/token',
  jwks: '/jwks',
  userinfo: '/userinfo',
  end_session: '/end-session',
  introspection: '/introspect',
  revocation: '/revoke',
};

/** What browsers and apps ask the provider itself, below `/oauth`. */
export const PROVIDER_PATH =
  /^\/(\.well-known\/openid-configuration|authorize|token|jwks|userinfo|end-session|introspect|revoke)(\/|$)/;

export function issuerOf(baseUrl: string): string {
  return `${baseUrl}/oauth`;
}

/** Builds the provider for one set of keys. */
export function openProvider(deps: ProviderDependencies, keys: SigningKeys): Provider {
  const { baseUrl } = deps.settings.http;
  const provider = new Provider(issuerOf(baseUrl), configuration(deps, keys));
  // `ownAddress` has settled which host and scheme a request is for.
  provider.proxy = true;
  Object.defineProperty(provider.Client.prototype, 'compareClientSecret', {
    value: async function (this: { clientSecret: string }, presented: string) {
      return isSecretOf(Buffer.from(this.clientSecret, 'hex'), presented);
    },
  });
  // Apps are told by a durable job instead; see backchannel-logout.ts.
  Object.defineProperty(provider.Client.prototype, 'backchannelLogout', { value: async () => undefined });
  provider.use(showPage);
  provider.use(endSessionToo(deps));
  provider.on('server_error', (_context, error) => deps.log.error({ error }, 'the OpenID provider failed'));
  return provider;
}

function configuration(deps: ProviderDependencies, keys: SigningKeys): Configuration {
  const { baseUrl } = deps.settings.http;
  const { sealingKeys } = deps.settings.secrets;
  const secure = baseUrl.startsWith('https:');
  const cookie = { httpOnly: true, sameSite: 'lax', signed: true, secure, overwrite: true } as const;
  return {
    adapter: adapterOf(deps.store, sealingKeys),
    jwks: { keys: keys.jwks as NonNullable<Configuration['jwks']>['keys'] },
    routes: ROUTES,
    scopes: ['openid', 'offline_access'],
    claims: { ...CLAIMS, sid: null, iss: null },
    acrValues: ['urn:drawbridge:acr:federated', 'urn:drawbridge:acr:password', 'urn:drawbridge:acr:mfa'],
    conformIdTokenClaims: false,
    responseTypes: ['code'],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    enabledJWA: { idTokenSigningAlgValues: [SIGNING_ALGORITHM], clientAuthSigningAlgValues: ASSERTION_ALGORITHMS },
    assertJwtClientAuthClaimsAndHeader: refuseLongLived,
    extraClientMetadata: { properties: ['app_id'] },
    fetch: keysOfApps(deps.settings.allowPrivateNetwork),
    fetchResponseBodyLimits: { jwks_uri: 64 * 1024 },
    pkce: { required: () => true },
    cookies: {
      keys: [createHmac('sha256', sealingKeys.current.secret).update('oauth cookies').digest('base64url')],
      long: cookie,
      short: cookie,
      names: {
        session: `${secure ? '__Host-' : ''}drawbridge-oauth`,
        interaction: 'drawbridge-oauth-at',
        resume: 'drawbridge-oauth-on',
      },
    },
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: ofItsOwn },
      revocation: { enabled: true, allowedPolicy: ofItsOwn },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        // `endSessionToo` asks, for the provider would not where only we know of a session.
        logoutSource: () => undefined,
        postLogoutSuccessSource: (context) => sayGoodbye(baseUrl, context),
      },
    },
    findAccount: async (context, id, token) => ({
      accountId: id,
      claims: async (_use, scope) => {
        const whom = { userId: id, grantId: token?.grantId, organizationId: tenantBehind(context.req) };
        const claims = await claimsOf(deps, whom, scope);
        if (claims === undefined) throw new errors.InvalidGrant('the person has left');
        return claims;
      },
    }),
    interactions: { url: (_context, { uid }) => `/oauth/interaction/${uid}`, policy: withoutConsent() },
    loadExistingGrant: grantOf,
    issueRefreshToken: async (_context, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    expiresWithSession: async () => false,
    clientBasedCORS: (_context, origin, client) =>
      (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin),
    ttl: LIFETIMES,
    renderError: (context, out) => showError(baseUrl, context, out),
  };
}

/**
 * The apps are the platform's own, so nobody is asked whether they may. What is asked notes with which session of ours the browser came:
 * who must sign in anew comes back with another.
 */
function withoutConsent() {
  const policy = interactionPolicy.base();
  const begunWith = ({ req }: KoaContextWithOIDC) => ({ begunWith: sessionBehind(req)?.sessionId });
  policy.remove('consent');
  policy.add(new interactionPolicy.Prompt({ name: 'consent', requestable: true }, begunWith));
  const login = policy.get('login');
  if (login !== undefined) login.details = begunWith;
  return policy;
}

/**
 * The grant of this app in this session; a new one where there is none.
 * @throws LoginRequired where the browser's session is not (any more) the one that the provider's belongs to
 */
async function grantOf(context: KoaContextWithOIDC) {
  const { client, session, params, provider } = context.oidc;
  const live = sessionBehind(context.req);
  if (client === undefined || session?.accountId === undefined || live?.userId !== session.accountId) {
    throw new errors.LoginRequired();
  }
  const known = session.grantIdFor(client.clientId);
  const found = known === undefined ? undefined : await provider.Grant.find(known);
  const grant = found ?? new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  const held = grant.getOIDCScope();
  grant.addOIDCScope(String(params?.['scope'] ?? 'openid'));
  if (found === undefined || grant.getOIDCScope() !== held) await grant.save();
  return grant;
}

/** An app may ask about and end only what was issued to it; whoever may ask about all is answered before the provider is. */
function ofItsOwn(
  _context: unknown,
  client: { readonly clientId: string },
  token: { readonly clientId?: string | undefined },
) {
  return token.clientId === client.clientId;
}

function showError(
  baseUrl: string,
  context: KoaContextWithOIDC,
  out: { readonly error: string; readonly error_description?: string | undefined },
): void {
  const { status } = context;
  const body = html`<p class="bad">The app asked for this sign-in in a way that can't be answered.</p>
<dl><dt>For whoever built the app</dt><dd><code>${out.error}</code> ${out.error_description}</dd></dl>
<p>Go back to the app and start again.</p>`;
  showLater(context, (response) => sendPage(response, baseUrl, status, 'This did not work', body));
}
