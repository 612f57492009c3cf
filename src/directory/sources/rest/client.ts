/** Asks a JSON API as whom the settings say; a token that is no good any more midway is fetched anew once. */
import { Fault } from '../../../errors.ts';
import { type AccessTokens, accessTokens } from '../access-token.ts';
import type { Answer } from '../http.ts';
import type { SourceContext } from '../source.ts';
import { valueAt } from './paths.ts';
import type { Definition } from './settings.ts';

export interface RestSecrets {
  readonly token?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  readonly refreshToken?: string | undefined;
}

export interface RestClient {
  /** An address of the API. */
  readonly address: (path: string, query: Readonly<Record<string, string>>) => URL;
  readonly ask: (url: URL, init: RequestInit) => Promise<Answer>;
  /** The same, for one long answer. */
  readonly stream: (url: URL, init: RequestInit) => Promise<AsyncIterable<Uint8Array>>;
}

type Context = SourceContext<RestSecrets>;

/** Makes a client. @throws Fault `conflict` where a secret is missing */
export function restClient(given: Pick<Definition, 'baseUrl' | 'auth' | 'headers'>, context: Context): RestClient {
  const { send, download } = context;
  const base = given.baseUrl.replace(/\/$/, '');
  const { authorization, renew } = authorizing(given, base, context);
  const told = async (init: RequestInit, refused = false): Promise<RequestInit> => {
    const headers = new Headers({ accept: 'application/json', ...given.headers, ...(init.headers as object) });
    for (const [name, value] of Object.entries(refused ? await renew() : await authorization()))
      headers.set(name, value);
    return { ...init, headers };
  };
  return {
    address: (path, query) => {
      const url = new URL(`${base}${path}`);
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
      return url;
    },
    ask: async (url, init) => {
      const answer = await send(url, await told(init));
      return answer.status === 401 && given.auth.kind === 'oauth' ? send(url, await told(init, true)) : answer;
    },
    stream: async (url, init) => download(url, await told(init)),
  };
}

type AuthHeaders = Readonly<Record<string, string>>;

interface Authorizing {
  readonly authorization: () => Promise<AuthHeaders>;
  /** After a refusal. */
  readonly renew: () => Promise<AuthHeaders>;
}

function authorizing({ auth }: Pick<Definition, 'auth'>, base: string, context: Context): Authorizing {
  if (auth.kind === 'oauth') {
    const tokens = oauth(auth, base, context);
    let last = '';
    const with_ = async (refused?: string) => {
      last = await tokens(refused);
      return { authorization: `Bearer ${last}` };
    };
    return { authorization: () => with_(), renew: () => with_(last) };
  }
  const headers = staticHeaders(auth, context.secrets);
  return { authorization: async () => headers, renew: async () => headers };
}

function staticHeaders(auth: Exclude<Definition['auth'], { kind: 'oauth' }>, secrets: RestSecrets): AuthHeaders {
  if (auth.kind === 'none') return {};
  if (auth.kind === 'bearer') return { authorization: `Bearer ${needed(secrets, 'token')}` };
  if (auth.kind === 'header') return { [auth.name]: needed(secrets, 'token') };
  return { authorization: basic(needed(secrets, 'username'), secrets.password ?? 'x') };
}

function oauth(
  auth: Extract<Definition['auth'], { kind: 'oauth' }>,
  base: string,
  { send, now, secrets }: Context,
): AccessTokens {
  const { client = 'form', token = 'access_token', expiresIn = 'expires_in', scope } = auth;
  const client_id = needed(secrets, 'clientId');
  const client_secret = needed(secrets, 'clientSecret');
  const form = {
    ...(secrets.refreshToken === undefined
      ? { grant_type: 'client_credentials' }
      : { grant_type: 'refresh_token', refresh_token: secrets.refreshToken }),
    ...(scope === undefined ? {} : { scope }),
    ...(client === 'basic' ? {} : { client_id, client_secret }),
  };
  const url = auth.tokenUrl.startsWith('/') ? `${base}${auth.tokenUrl}` : auth.tokenUrl;
  return accessTokens(send, now, url, async () => form, {
    json: client === 'json',
    headers: client === 'basic' ? { authorization: basic(client_id, client_secret) } : {},
    grantOf: (said) => ({ access_token: valueAt(said, token), expires_in: valueAt(said, expiresIn) }),
  });
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function needed(secrets: RestSecrets, name: keyof RestSecrets): string {
  const value = secrets[name];
  if (value !== undefined) return value;
  throw new Fault('conflict', `The directory lacks the secret ${name}.`, {
    where: 'secrets',
    remedy: 'Put the directory with its secrets.',
  });
}
