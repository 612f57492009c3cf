/** Groups that are too many for an ID token: it says that there are some, and they are asked for (Entra: 200 at most). */
import { z } from 'zod';
import type { OidcConfig } from './config.ts';
import type { Claims } from './login.ts';
import { presetOf } from './presets.ts';
import type { Provider } from './provider.ts';

const TIMEOUT_MS = 10_000;
const MOST_PAGES = 20;
const MOST_GROUPS = 10_000;

const page = z.object({
  value: z.array(z.string().max(300)),
  '@odata.nextLink': z.string().optional(),
});

/** Whether the token leaves groups out that the person has. */
export function leavesGroupsOut(claims: Claims, { claims: names }: OidcConfig): boolean {
  if (names.groups.some((name) => Object.hasOwn(claims, name))) return false;
  const elsewhere = z.record(z.string(), z.unknown()).safeParse(claims['_claim_names']).data ?? {};
  const said = [claims['hasgroups'], claims['hasGroups']].some((has) => has === true || has === 'true');
  return said || names.groups.some((name) => Object.hasOwn(elsewhere, name));
}

/**
 * Asks for the ids of all groups of the person. The address that the token names is of an API that is no more; it is not followed.
 * @throws Error where they can't be read whole
 */
export async function groupsElsewhere(
  { send }: Provider,
  { preset, groupsEndpoint }: OidcConfig,
  accessToken: string,
): Promise<readonly string[]> {
  const endpoint = groupsEndpoint ?? presetOf(preset).groupsEndpoint;
  if (endpoint === null) throw new Error('this connection has no groupsEndpoint');
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const headers = {
    authorization: `Bearer ${accessToken}`,
    accept: 'application/json',
    'content-type': 'application/json',
  };
  const groups: string[] = [];
  let next: string | undefined = endpoint;
  for (let turn = 0; next !== undefined; turn += 1) {
    if (turn === MOST_PAGES || groups.length > MOST_GROUPS) throw new Error('there are too many to read');
    const asked: { method: string; body: string | undefined } =
      turn === 0 ? { method: 'POST', body: '{"securityEnabledOnly":false}' } : { method: 'GET', body: undefined };
    const response = await send(next, { ...asked, headers, redirect: 'manual', signal });
    if (response.status !== 200) throw new Error(`the groups endpoint answered ${response.status}`);
    const read = page.parse(await response.json());
    groups.push(...read.value);
    next = sameHost(endpoint, read['@odata.nextLink']);
  }
  return groups;
}

/** The access token goes to no other host than the one that was configured. */
function sameHost(endpoint: string, link: string | undefined): string | undefined {
  if (link === undefined) return undefined;
  const next = new URL(link, endpoint);
  if (next.origin !== new URL(endpoint).origin) throw new Error('the next page is at another host');
  return next.toString();
}
