/**
 * An Okta org as a directory, after its documentation: lists by Link header, people who are deprovisioned only where a filter asks for them,
 * what changed since a time but not what was deleted, limits a minute (here: a second) told in each answer.
 */
import { type KeyObject, randomUUID } from 'node:crypto';
import { jwtVerify } from 'jose';
import type { Group, Person, World } from '../directory/sources/world.ts';
import { type HttpAnswer, type HttpDouble, type HttpRequest, startHttpDouble } from './http-double.ts';

export interface Okta extends HttpDouble {
  readonly token: string;
  readonly clientId: string;
  /** Further attributes of people's profiles, by id. */
  readonly profiles: Map<string, Readonly<Record<string, unknown>>>;
  /** Statuses of people who are not simply ACTIVE or DEPROVISIONED, by id. */
  readonly statuses: Map<string, string>;
  /** The paths and filters that were asked for, in order. */
  readonly asked: string[];
  /** Lets so many requests be made within each second. */
  limit(most: number): void;
  /** How many were refused for being too many. */
  refused(): number;
  /** Says that the next pages are there. */
  lead(next: (good: string) => string): void;
}

type Item = Readonly<Record<string, unknown>> & { readonly id: string };

const PAGE = 10;
const BEFORE_ALL = '2020-01-01T00:00:00.000Z';

/** @param appKey the public key of a service app */
export async function startOkta(world: World, appKey?: KeyObject): Promise<Okta> {
  const token = '00api-token-of-the-double';
  const clientId = '0oa-service-app';
  const accessTokens = new Set<string>();
  const profiles: Okta['profiles'] = new Map();
  const statuses: Okta['statuses'] = new Map();
  const asked: string[] = [];
  const changed = changeTimes();
  const counted = countedBySecond();
  let lead = (good: string) => good;

  const users = (): Item[] =>
    world.people.map((person) => {
      const item = userOf(person, statuses.get(person.id), profiles.get(person.id));
      return { ...item, lastUpdated: changed(`user ${person.id}`, item) };
    });
  const groups = (): Item[] =>
    world.groups.map((group) => {
      const item = groupOf(group);
      const membershipsAt = changed(`members ${group.id}`, group.members);
      return { ...item, lastUpdated: changed(`group ${group.id}`, item), lastMembershipUpdated: membershipsAt };
    });
  // Whoever was there when the org began has not changed.
  users();
  groups();
  changed.begin();

  const listed = (path: string, filter: string | null): Item[] | undefined => {
    if (path === '/api/v1/users') return filtered(users(), filter ?? 'status ne "DEPROVISIONED"');
    if (path === '/api/v1/groups') return filtered(groups(), filter);
    const id = /^\/api\/v1\/groups\/([^/]+)\/users$/.exec(path)?.[1];
    const members = world.groups.find((group) => group.id === id)?.members;
    return members && users().filter((user) => members.includes(user.id));
  };

  const answer = async (request: HttpRequest): Promise<HttpAnswer> => {
    const { method, url, headers } = request;
    if (method === 'POST') return grant(request);
    const [scheme = '', given = ''] = (headers.authorization ?? '').split(' ');
    if (!(scheme === 'SSWS' ? given === token : accessTokens.has(given))) {
      return { status: 401, body: { errorCode: 'E0000011', errorSummary: 'Invalid token provided' } };
    }
    const { over, ...limits } = counted();
    if (over) return { status: 429, headers: limits, body: { errorCode: 'E0000047' } };
    const filter = url.searchParams.get('filter');
    asked.push(`${url.pathname}${filter === null ? '' : ` ${filter}`}`);
    const one = /^\/api\/v1\/users\/([^/]+)$/.exec(url.pathname)?.[1];
    const found = users().find(({ id }) => id === one);
    if (one !== undefined && found !== undefined) return { headers: limits, body: found };
    const items = listed(url.pathname, filter);
    if (items === undefined) return { status: 404, body: { errorCode: 'E0000007' } };
    return page(items, url, limits, lead);
  };

  const grant = async ({ body, url }: HttpRequest): Promise<HttpAnswer> => {
    const form = new URLSearchParams(body);
    const assertion = form.get('client_assertion') ?? '';
    const expected = { issuer: clientId, subject: clientId, audience: `${double.url}${url.pathname}` };
    const proven =
      appKey !== undefined &&
      (await jwtVerify(assertion, appKey, { ...expected, algorithms: ['RS256', 'ES256'] }).then(
        ({ protectedHeader }) => protectedHeader.kid === 'key-1',
        () => false,
      ));
    const scopes = form.get('scope')?.split(' ') ?? [];
    if (!proven || form.get('grant_type') !== 'client_credentials') {
      return { status: 401, body: { error: 'invalid_client', error_description: 'The client_assertion is wrong.' } };
    }
    if (!scopes.every((scope) => ['okta.users.read', 'okta.groups.read'].includes(scope))) {
      return { status: 400, body: { error: 'invalid_scope' } };
    }
    const access = randomUUID();
    accessTokens.add(access);
    return { body: { token_type: 'Bearer', expires_in: 3600, access_token: access, scope: scopes.join(' ') } };
  };

  const double = await startHttpDouble(answer, ({ url }) => url.pathname.startsWith('/api/'));
  return Object.assign(double, {
    ...{ token, clientId, profiles, statuses, asked },
    limit: counted.limit,
    refused: counted.refused,
    lead: (next: (good: string) => string) => {
      lead = next;
    },
  });
}

function userOf({ id, email, given, family, active }: Person, status: string | undefined, more: object = {}): Item {
  return {
    ...{ id, status: status ?? (active ? 'ACTIVE' : 'DEPROVISIONED'), created: BEFORE_ALL, type: { id: 'oty1' } },
    profile: { login: email, email, firstName: given, lastName: family, ...more },
    credentials: { provider: { type: 'OKTA', name: 'OKTA' } },
    _links: { self: { href: `https://acme.okta.test/api/v1/users/${id}` } },
  };
}

function groupOf({ id, name }: Group): Item {
  return { id, type: 'OKTA_GROUP', objectClass: ['okta:user_group'], profile: { name, description: null } };
}

function filtered(items: Item[], filter: string | null): Item[] | undefined {
  if (filter === null) return items;
  const terms = filter.split(' or ').map((term) => /^(\w+) (eq|ne|gt) "([^"]+)"$/.exec(term));
  if (terms.includes(null)) return undefined;
  return items.filter((item) =>
    terms.some((term) => {
      const [, name = '', operator, value = ''] = term ?? [];
      const held = String(item[name]);
      return operator === 'gt' ? held > value : (held === value) === (operator === 'eq');
    }),
  );
}

/** The cursor is the last one told, so that nobody who leaves moves the others. */
function page(
  items: readonly Item[],
  url: URL,
  limits: Record<string, string>,
  lead: (good: string) => string,
): HttpAnswer {
  const after = url.searchParams.get('after');
  const size = Math.min(PAGE, Number(url.searchParams.get('limit') ?? PAGE));
  const sorted = [...items].sort((a, b) => (a.id < b.id ? -1 : 1)).filter(({ id }) => after === null || id > after);
  const body = sorted.slice(0, size);
  const next = new URL(url);
  next.searchParams.set('after', body.at(-1)?.id ?? '');
  const links = [`<${url.href}>; rel="self"`, ...(sorted.length > size ? [`<${lead(next.href)}>; rel="next"`] : [])];
  return { headers: { ...limits, link: links.join(', ') }, body };
}

/** When something was last seen to be different, or new. */
function changeTimes() {
  const known = new Map<string, { content: string; at: string }>();
  let begun = false;
  const timeOf = (key: string, thing: unknown): string => {
    const content = JSON.stringify(thing);
    const before = known.get(key);
    if (before?.content === content) return before.at;
    const at = begun ? new Date().toISOString() : BEFORE_ALL;
    known.set(key, { content, at });
    return at;
  };
  return Object.assign(timeOf, {
    begin: () => {
      begun = true;
    },
  });
}

/** Counts requests second by second, and tells what is left. */
function countedBySecond() {
  let most = Number.POSITIVE_INFINITY;
  let second = 0;
  let made = 0;
  let refused = 0;
  const count = () => {
    if (most === Number.POSITIVE_INFINITY) return { over: false };
    const now = Math.floor(Date.now() / 1000);
    if (now !== second) [second, made] = [now, 0];
    made += 1;
    const over = made > most;
    if (over) refused += 1;
    return {
      over,
      'x-rate-limit-limit': String(most),
      'x-rate-limit-remaining': String(Math.max(0, most - made)),
      'x-rate-limit-reset': String(second + 1),
    };
  };
  return Object.assign(count, {
    limit: (asMany: number) => {
      most = asMany;
    },
    refused: () => refused,
  });
}
