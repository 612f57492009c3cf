/** GitHub signs people in by plain OAuth 2.0: there is no ID token, and who somebody is is read from its API. */
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import type { OidcConfig } from './config.ts';
import type { Tokens } from './exchange.ts';
import type { Claims } from './login.ts';
import type { Provider } from './provider.ts';

const MOST_PAGES = 10;
const PAGE = 'per_page=100';

const user = z.object({ id: z.int().positive(), login: z.string(), name: z.string().nullish() });
const emails = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));
const organizations = z.array(z.object({ login: z.string() }));
const teams = z.array(z.object({ slug: z.string(), organization: z.object({ login: z.string() }) }));

/**
 * Who the access token was given for. Somebody's login can be taken by another person once it is given up; the number can't.
 * @throws Fault `upstream-failed` where the API does not say
 */
export async function readGitHubUser(provider: Provider, { issuer }: OidcConfig, tokens: Tokens): Promise<Claims> {
  const api = apiOf(issuer);
  const read = <T>(path: string, shape: z.ZodType<T[]>) => readAll(provider, tokens, `${api}${path}?${PAGE}`, shape);
  const [[who], addresses] = await Promise.all([
    read(
      '/user',
      user.transform((one) => [one]),
    ),
    read('/user/emails', emails),
  ]);
  if (who === undefined) throw unread('/user', 'nobody');
  const email = addresses.find(({ primary, verified }) => primary && verified)?.email;
  const belongs = tokens.scopes?.includes('read:org')
    ? await Promise.all([read('/user/orgs', organizations), read('/user/teams', teams)])
    : undefined;
  return {
    sub: String(who.id),
    login: who.login,
    name: who.name ?? who.login,
    ...(email === undefined ? {} : { email }),
    ...(belongs === undefined ? {} : { groups: groupsOf(...belongs) }),
  };
}

/** Organizations by their login, teams as `organization/team`. */
function groupsOf(all: z.output<typeof organizations>, among: z.output<typeof teams>): string[] {
  return [...all.map(({ login }) => login), ...among.map(({ slug, organization }) => `${organization.login}/${slug}`)];
}

/** The API of github.com has a host of its own; an Enterprise Server's is below its address. */
function apiOf(issuer: string): string {
  const base = issuer.replace(/\/$/, '');
  return base === 'https://github.com' ? 'https://api.github.com' : `${base}/api/v3`;
}

/** Reads every page of a list. */
async function readAll<T>({ send }: Provider, tokens: Tokens, address: string, shape: z.ZodType<T[]>): Promise<T[]> {
  const headers = {
    authorization: `Bearer ${tokens.accessToken}`,
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
    'user-agent': 'drawbridge',
  };
  const { origin, pathname } = new URL(address);
  const all: T[] = [];
  let next: string | undefined = address;
  for (let turn = 0; next !== undefined; turn += 1) {
    if (turn === MOST_PAGES || new URL(next).origin !== origin)
      throw unread(pathname, 'pages without end, or elsewhere');
    const response: Response = await send(next, { method: 'GET', headers, body: undefined, redirect: 'manual' });
    if (response.status !== 200) throw unread(pathname, `status ${response.status}`);
    const read = shape.safeParse(await response.json().catch(() => undefined));
    if (!read.success) throw unread(pathname, 'something else');
    all.push(...read.data);
    next = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
  }
  return all;
}

function unread(path: string, got: string): Fault {
  return new Fault('upstream-failed', `The identity provider's API did not answer ${path} as it should: ${got}.`, {
    remedy: "Check that the connection's scopes include read:user and user:email.",
  });
}
