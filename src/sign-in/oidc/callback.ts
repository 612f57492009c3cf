/** The way back with a code: state, browser and issuer; the code for tokens; what they and the provider's own endpoints say of the person. */
import type { Request, Response } from 'express';
import * as client from 'openid-client';
import { Fault } from '../../errors.ts';
import { inTenant } from '../../store/tenant.ts';
import { type Attempt, browserHash, consumeAttempt } from '../attempt.ts';
import type { OidcConnection } from '../connection.ts';
import { type Door, letIn, type SignInDependencies } from '../door.ts';
import { SignInRefusal } from '../refusal.ts';
import { relyingPartyOf } from './addresses.ts';
import { redeemCode, type Tokens } from './exchange.ts';
import { readGitHubUser } from './github.ts';
import { groupsElsewhere, leavesGroupsOut } from './groups-overage.ts';
import { readIdToken } from './id-token.ts';
import { type Claims, lacks, loginOf, together } from './login.ts';
import { presetOf } from './presets.ts';
import type { FindProvider, Provider } from './provider.ts';
import { keepProviderSession, type ProviderSession, providerSessionOf } from './provider-session.ts';
import { isName } from './provider-token.ts';
import { refusalOf } from './refused.ts';
import { issuersOf } from './tenant.ts';

/** Takes the provider's answer and lets the person in. @throws SignInRefusal, Fault `upstream-failed` */
export async function comeBack(
  deps: SignInDependencies,
  find: FindProvider,
  door: Door<OidcConnection>,
  request: Request,
  response: Response,
): Promise<void> {
  const { connection, trace } = door;
  const { baseUrl } = deps.settings.http;
  const attempt = await attemptOf(deps, door, request);
  const provider = await find(connection);
  checkIssuer(provider, connection, request.query['iss']);
  trace.passed('issuer');
  const url = new URL(relyingPartyOf(baseUrl, connection.id).redirectUri);
  url.search = new URL(request.originalUrl, baseUrl).search;
  const { claims, session } = await personBehind(deps, provider, door, attempt, url);
  const login = loginOf(claims, connection.config);
  await letIn(deps, door, request, response, login, attempt, async (tx, sessionId) => {
    if (session !== undefined)
      await keepProviderSession(tx, deps.settings.secrets.sealingKeys, connection.id, sessionId, session);
  });
}

/** Consumed before the provider is asked: no transaction waits for somebody else's server, and a state is good for one try only. */
async function attemptOf(deps: SignInDependencies, door: Door<OidcConnection>, request: Request): Promise<Attempt> {
  const { connection, origin, trace } = door;
  const state = request.query['state'];
  if (!isName(state))
    throw new SignInRefusal('state', {
      reason: 'The answer names no sign-in that was begun here.',
      remedy: 'Start it anew.',
    });
  const attempt = await inTenant(deps.store.db, connection.organizationId, origin, (tx) =>
    consumeAttempt(tx, connection.id, state, browserHash(request, deps.settings.http.baseUrl), 'state'),
  );
  trace.passed('state');
  trace.passed('browser');
  return attempt;
}

/** RFC 9207: an answer of one provider is never taken to another's token endpoint. */
function checkIssuer({ metadata }: Provider, { config }: OidcConnection, stated: unknown): void {
  const { issuer, authorization_response_iss_parameter_supported: announced } = metadata;
  const possible = issuersOf(config, issuer);
  if (stated === undefined ? announced !== true : possible.includes(String(stated))) return;
  throw new SignInRefusal('issuer', {
    reason: 'The answer is from another issuer than the one that was asked.',
    wanted: possible.join(', '),
    got: typeof stated === 'string' ? stated : 'none',
  });
}

interface Person {
  readonly claims: Claims;
  /** Where the provider has a session that it can tell us of, or be told of. */
  readonly session: ProviderSession | undefined;
}

async function personBehind(
  deps: SignInDependencies,
  provider: Provider,
  { connection: { config }, trace }: Door<OidcConnection>,
  attempt: Attempt,
  url: URL,
): Promise<Person> {
  try {
    const tokens = await redeemCode(provider, url, attempt);
    trace.passed('client');
    if (presetOf(config.preset).protocol === 'oauth2')
      return { claims: await readGitHubUser(provider, config, tokens), session: undefined };
    const asked = { nonce: attempt.nonce ?? '', accessToken: tokens.accessToken };
    const idToken = await readIdToken(provider, config, tokens.idToken, asked, trace);
    const more = await userinfo(provider, config, tokens, idToken);
    const groups = await groupsOf(deps, provider, config, tokens, idToken, trace);
    const session = providerSessionOf(provider, config, idToken, tokens.idToken ?? null);
    return { claims: together({ ...idToken, ...groups }, more, config), session };
  } catch (error) {
    throw refusalOf(error);
  }
}

/** Asked only where the ID token leaves something out; it must be of the same subject. */
async function userinfo(
  provider: Provider,
  config: OidcConnection['config'],
  { accessToken }: Tokens,
  idToken: Claims,
): Promise<Claims> {
  if (provider.metadata.userinfo_endpoint === undefined || !lacks(idToken, config)) return {};
  try {
    return await client.fetchUserInfo(provider.client(), accessToken, String(idToken['sub']));
  } catch (error) {
    if (!(error instanceof client.WWWAuthenticateChallengeError)) throw error;
    throw new Fault('upstream-failed', "The identity provider's userinfo takes none of its own access tokens.", {
      cause: error,
      remedy: 'Have the ID token state e-mail address, name and groups, or mend it there.',
    });
  }
}

/** Groups that can't be read are not none: the sign-in goes on, and what came of former ones stays. */
async function groupsOf(
  { log }: SignInDependencies,
  provider: Provider,
  config: OidcConnection['config'],
  { accessToken }: Tokens,
  idToken: Claims,
  trace: Door['trace'],
): Promise<Claims> {
  if (!leavesGroupsOut(idToken, config)) return {};
  try {
    const groups = await groupsElsewhere(provider, config, accessToken);
    trace.passed('groups', { got: `${groups.length}, of the groups endpoint` });
    return { [config.claims.groups[0] ?? 'groups']: groups };
  } catch (error) {
    log.warn({ error }, 'the groups of somebody who signs in could not be read');
    const said = error instanceof Error ? error.message : '';
    trace.passed('groups', { wanted: 'all of them', got: `unknown, so former ones stay: ${said}` });
    return {};
  }
}
