/** Some company's SCIM 2.0 server (RFC 7643, 7644, 9865), with the freedoms that servers take. It serves a world as it stands. */
import type { Group, Person, World } from '../directory/sources/world.ts';
import { type HttpAnswer, type HttpDouble, type HttpRequest, startHttpDouble } from './http-double.ts';

export interface ScimManners {
  /** Whether it pages by cursor too, and says so. */
  cursors: boolean;
  /** How many it gives at once, whatever is asked for. */
  most: number;
  /** What it says there is, where there are so many. */
  total: (count: number) => number;
  /** Whether groups in lists have their members. */
  membersInLists: boolean;
  /** How a member's kind is told. */
  kinds: 'type' | '$ref' | 'not at all';
  /** Whether cursors lead back to the beginning. */
  circle: boolean;
  /** Whether each page is in another order. */
  shuffled: boolean;
}

export interface ScimServer extends HttpDouble {
  readonly token: string;
  readonly manners: ScimManners;
  /** What else is said of somebody, by id. */
  readonly more: Map<string, Record<string, unknown>>;
}

/** Also the password of its user, and the secret of its client. */
export const TOKEN = 'token-of-the-double';
const USER_PASSWORD = `Basic ${Buffer.from(`reader:${TOKEN}`).toString('base64')}`;
const GRANTED = 'granted-by-the-double';

export async function startScimServer(world: World, given: Partial<ScimManners> = {}): Promise<ScimServer> {
  const manners: ScimManners = {
    ...{ cursors: false, most: 5, total: (count) => count, membersInLists: true, kinds: 'type' },
    ...{ circle: false, shuffled: false },
    ...given,
  };
  const more = new Map<string, Record<string, unknown>>();
  const answer = ({ url, headers, body }: HttpRequest): HttpAnswer => {
    const { pathname, searchParams } = url;
    if (pathname === '/token') return grant(new URLSearchParams(body), headers.authorization);
    if (![`Bearer ${TOKEN}`, `Bearer ${GRANTED}`, USER_PASSWORD].includes(headers.authorization ?? ''))
      return refusal(401);
    const [, what, id] = pathname.replace('/scim/v2', '').split('/');
    if (what === 'ServiceProviderConfig') {
      return manners.cursors ? { body: { pagination: { cursor: true, index: true } } } : { body: { patch: {} } };
    }
    const filter = /^userName eq "([^"]*)"$/.exec(searchParams.get('filter') ?? '')?.[1];
    const people = world.people.filter(({ email }) => filter === undefined || email === filter);
    if (what === 'Users' && id !== undefined) {
      const person = world.people.find((each) => each.id === id);
      return person === undefined ? refusal(404) : { body: shownUser(person, more) };
    }
    if (what === 'Users')
      return listed(
        people.map((person) => shownUser(person, more)),
        searchParams,
        manners,
      );
    const inList = manners.membersInLists && !searchParams.has('attributes');
    const groups = world.groups.map((group) => shownGroup(group, world, manners, inList || id !== undefined));
    if (id === undefined) return listed(groups, searchParams, manners);
    const group = groups.find((each) => each.id === id);
    return group === undefined ? refusal(404) : { body: group };
  };
  const double = await startHttpDouble(
    answer,
    ({ url }) => url.pathname === '/scim/v2/Users' && url.searchParams.get('count') !== '0',
  );
  return { ...double, token: TOKEN, manners, more };
}

function grant(form: URLSearchParams, header: string | undefined): HttpAnswer {
  const byForm = form.get('client_id') === 'drawbridge' && form.get('client_secret') === TOKEN;
  const known = byForm || header === `Basic ${Buffer.from(`drawbridge:${TOKEN}`).toString('base64')}`;
  return known
    ? { body: { access_token: GRANTED, expires_in: 60 } }
    : { status: 400, body: { error: 'invalid_client' } };
}

function refusal(status: number): HttpAnswer {
  return { status, body: { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: String(status) } };
}

interface Resource {
  readonly id: string;
}

/** Cursors stand after an id, so that they stay true while resources come and go. */
function listed(all: readonly Resource[], query: URLSearchParams, manners: ScimManners): HttpAnswer {
  const { total, shuffled, circle } = manners;
  const count = Math.min(Number(query.get('count') ?? 100), manners.most);
  const cursor = query.get('cursor');
  const body = { schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'], totalResults: total(all.length) };
  if (cursor === null) {
    const start = Number(query.get('startIndex') ?? 1) - 1;
    const ordered = shuffled && start > 0 ? [...all].reverse() : all;
    return { body: { ...body, startIndex: start + 1, Resources: ordered.slice(start, start + count) } };
  }
  if (!manners.cursors) return refusal(400);
  const after = Buffer.from(cursor, 'base64url').toString();
  const rest = after === '' ? [...all] : all.slice(all.findIndex(({ id }) => rank(id) > rank(after)));
  const some = rank(after) >= rank(all.at(-1)?.id ?? '') ? [] : rest.slice(0, count);
  const last = some.at(-1);
  const ends = rest.length <= count || last === undefined;
  const next = ends ? (circle ? '' : undefined) : last.id;
  const nextCursor = next === undefined ? undefined : Buffer.from(next).toString('base64url') || 'AA';
  return { body: { ...body, Resources: some, nextCursor } };
}

function rank(id: string): number {
  return id === '' ? -1 : id === 'new' ? Number.POSITIVE_INFINITY : Number(id.replace(/\D/g, ''));
}

function shownUser({ id, email, given, family, active }: Person, more: ScimServer['more']) {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    id,
    externalId: id,
    userName: email,
    name: { givenName: given, familyName: family },
    emails: [
      { value: 'home@other.example', type: 'home' },
      { value: email, type: 'work', primary: true },
    ],
    active,
    groups: [{ value: 'stale' }],
    meta: { resourceType: 'User', lastModified: new Date().toISOString() },
    ...more.get(id),
  };
}

function shownGroup({ id, name, members }: Group, world: World, { kinds }: ScimManners, withMembers: boolean) {
  const isGroup = (member: string) => world.groups.some((group) => group.id === member);
  const shown = members.map((value) => {
    const type = isGroup(value) ? 'Group' : 'User';
    if (kinds === 'type') return { value, type };
    return kinds === '$ref' ? { value, $ref: `https://scim.test/scim/v2/${type}s/${value}` } : { value };
  });
  return { id, displayName: name, ...(withMembers && members.length > 0 ? { members: shown } : {}) };
}
