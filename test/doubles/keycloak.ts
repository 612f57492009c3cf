/** A realm of Keycloak by its admin API, after its documentation (version 26, or one from before 23). It serves a world as it stands. */
import type { Group, Person, World } from '../directory/sources/world.ts';
import { type HttpAnswer, type HttpDouble, type HttpRequest, startHttpDouble } from './http-double.ts';

export interface Keycloak extends HttpDouble {
  readonly client: { readonly id: string; readonly secret: string };
  /** What else is said of somebody, by id. */
  readonly profiles: Map<string, Record<string, string[]>>;
  /** In which group a group is, by id. */
  readonly within: Map<string, string>;
}

const ADMIN = '/admin/realms/acme';
const TOKEN = 'token-of-the-double';

export async function startKeycloak(world: World, { before23 = false } = {}): Promise<Keycloak> {
  const client = { id: 'drawbridge', secret: 'secret-of-the-double' };
  const [profiles, within] = [new Map<string, Record<string, string[]>>(), new Map<string, string>()];
  const answer = (request: HttpRequest): HttpAnswer => {
    const { url, headers, body } = request;
    if (url.pathname === '/realms/acme/protocol/openid-connect/token') return grant(new URLSearchParams(body), client);
    if (headers.authorization !== `Bearer ${TOKEN}`) return { status: 401, body: { error: 'HTTP 401 Unauthorized' } };
    const [, what = '', id = '', of = ''] = url.pathname.slice(ADMIN.length).split('/');
    const list = (all: readonly unknown[]) => ({ body: page(all, url.searchParams) });
    const shown = (inner: readonly Group[]) => inner.map((group) => shownGroup(group, world, within, before23));
    const childrenOf = (around: string | undefined) => world.groups.filter((group) => within.get(group.id) === around);
    if (what === 'users' && id !== '') {
      const person = world.people.find((each) => each.id === id);
      if (person === undefined) return { status: 404, body: { error: 'User not found' } };
      // One alone is always told whole.
      const whole = new URL(`${url.origin}?briefRepresentation=false`);
      return { body: shownUser(person, profiles, whole) };
    }
    if (what === 'users') return list(byName(world.people).map((person) => shownUser(person, profiles, url)));
    if (what === 'groups' && id === '') return list(shown(childrenOf(undefined)));
    if (of === 'children' && !before23) return list(shown(childrenOf(id)));
    const group = world.groups.find((each) => each.id === id);
    if (group === undefined || of !== 'members') return { status: 404, body: { error: 'Could not find group by id' } };
    const members = world.people.filter((person) => group.members.includes(person.id));
    return list(byName(members).map((person) => shownUser(person, profiles, url)));
  };
  const double = await startHttpDouble(answer, ({ url }) => url.pathname === `${ADMIN}/users`);
  return { ...double, client, profiles, within };
}

function grant(form: URLSearchParams, client: { id: string; secret: string }): HttpAnswer {
  const known =
    form.get('grant_type') === 'client_credentials' &&
    form.get('client_id') === client.id &&
    form.get('client_secret') === client.secret;
  return known
    ? { body: { access_token: TOKEN, expires_in: 300, token_type: 'Bearer' } }
    : { status: 401, body: { error: 'unauthorized_client' } };
}

function page(all: readonly unknown[], query: URLSearchParams): readonly unknown[] {
  const first = Number(query.get('first') ?? 0);
  return all.slice(first, first + Number(query.get('max') ?? 100));
}

/** As Keycloak orders people: by user name. */
function byName(people: readonly Person[]): Person[] {
  return [...people].sort((one, other) => (one.id < other.id ? -1 : 1));
}

function shownUser(person: Person, profiles: ReadonlyMap<string, Record<string, string[]>>, { searchParams }: URL) {
  const { id, email, given, family, active } = person;
  return {
    id,
    username: email.toLowerCase(),
    firstName: given,
    lastName: family,
    email,
    emailVerified: true,
    enabled: active,
    createdTimestamp: 1_700_000_000_000,
    ...(searchParams.get('briefRepresentation') === 'false'
      ? { attributes: profiles.get(id) ?? {}, notBefore: 0 }
      : {}),
    access: { manage: false },
  };
}

function shownGroup(group: Group, world: World, within: ReadonlyMap<string, string>, before23: boolean): object {
  const { id, name } = group;
  const children = world.groups.filter((each) => within.get(each.id) === id);
  const shown = { id, name, path: pathOf(group, world, within) };
  if (before23) return { ...shown, subGroups: children.map((child) => shownGroup(child, world, within, true)) };
  return { ...shown, subGroupCount: children.length, subGroups: [] };
}

function pathOf({ id, name }: Group, world: World, within: ReadonlyMap<string, string>): string {
  const around = world.groups.find((each) => each.id === within.get(id));
  return `${around === undefined ? '' : pathOf(around, world, within)}/${name}`;
}
