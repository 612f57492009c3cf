/**
 * A realm of Keycloak, by its admin API: people, and groups with the groups in them, whose members belong to the groups around them as they
 * do there. All of it is read each time, for Keycloak keeps no record of who was deleted unless its events are turned on.
 */
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { accessTokens } from './access-token.ts';
import { atOnce } from './at-once.ts';
import { jsonIfThere, jsonOf } from './http.ts';
import { overlapping } from './overlapping.ts';
import { optionalText, personRecord } from './person.ts';
import { fullReading, onlyOf, type SourceContext, type SourceRecord, sourceKind } from './source.ts';
import { isText } from './text.ts';

const settings = z.strictObject({
  /** The server, such as `https://sso.acme.example`; an older one's ends with `/auth`. */
  url: z.url({ protocol: /^https?$/ }),
  realm: z.string().min(1).max(200),
  /** A client with a service account that has the role `view-users` of `realm-management`. */
  clientId: z.string().min(1).max(200),
  groups: z.boolean().default(true),
  /** By what rules call a group: names may come again in other groups, paths such as `/engineering/compilers` may not. */
  groupNames: z.enum(['path', 'name']).default('path'),
  pageSize: z.int().min(2).max(1000).default(100),
  /** How many groups' members are read at once. */
  atOnce: z.int().min(1).max(20).default(4),
});
type Settings = z.output<typeof settings>;

const secrets = z.strictObject({ clientSecret: z.string().min(1).max(1000) });

/** A realm of Keycloak. */
export const keycloak = sourceKind({
  settings,
  secrets,
  open: (given, context) => ({
    read: async () => fullReading(everything(adminApi(given, context), given)),
    readPerson: async (key) => {
      const item = await adminApi(given, context).one(`/users/${encodeURIComponent(key)}`);
      return item === null ? null : onlyOf(person(item), key);
    },
  }),
});

interface AdminApi {
  /** A list page by page. */
  list(path: string, query: Readonly<Record<string, string>>): AsyncGenerator<unknown>;
  /** One thing, or null where there is none. */
  one(path: string): Promise<unknown>;
}

const notFound = z.looseObject({ error: z.string().regex(/not found/i) });

function adminApi(given: Settings, { send, now, secrets: kept }: SourceContext<z.output<typeof secrets>>): AdminApi {
  const { url: base, realm, clientId, pageSize } = given;
  const at = (path: string) => `${base.replace(/\/+$/, '')}${path}`;
  const name = encodeURIComponent(realm);
  const token = accessTokens(send, now, at(`/realms/${name}/protocol/openid-connect/token`), async () => ({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: kept.clientSecret,
  }));
  const ask = async (url: string) =>
    send(url, { headers: { accept: 'application/json', authorization: `Bearer ${await token()}` } });
  return {
    one: async (path) => {
      const url = at(`/admin/realms/${name}${path}`);
      return jsonIfThere(url, await ask(url), notFound);
    },
    list: (path, query) => {
      const address = at(`/admin/realms/${name}${path}`);
      const read = async (from: number) => {
        const url = `${address}?${new URLSearchParams({ ...query, first: `${from}`, max: `${pageSize}` })}`;
        const items = z.array(z.unknown()).safeParse(jsonOf(url, await ask(url)));
        if (!items.success) throw strange('something that is no list', path);
        return items.data;
      };
      return overlapping(read, idOf, address);
    },
  };
}

const identified = z.looseObject({ id: z.string().min(1) });

function idOf(item: unknown): string | undefined {
  return identified.safeParse(item).data?.id;
}

async function* everything(api: AdminApi, given: Settings): AsyncGenerator<SourceRecord> {
  for await (const item of api.list('/users', { briefRepresentation: 'false' })) yield person(item);
  if (given.groups) yield* groupsWithin(api, given, api.list('/groups', BRIEF), null);
}

const BRIEF = { briefRepresentation: 'true' };

const group = z.looseObject({
  id: z.string().min(1),
  name: z.string().min(1),
  path: z.string().min(1),
  /** Since version 23; before, the groups within are there at once. */
  subGroupCount: z.int().optional(),
  subGroups: z.array(z.unknown()).optional(),
});
type Group = z.output<typeof group>;

/** As many as are remembered until their members are read. */
const GROUPS_TOGETHER = 50;

async function* groupsWithin(
  api: AdminApi,
  given: Settings,
  items: AsyncIterable<unknown> | Iterable<unknown>,
  around: string | null,
): AsyncGenerator<SourceRecord> {
  const some: Group[] = [];
  for await (const item of items) {
    const known = readGroup(item);
    const { id } = known;
    yield { kind: 'group', groupKey: id, name: known[given.groupNames] };
    if (around !== null) yield { kind: 'member', groupKey: around, memberKey: id, memberIs: 'group' };
    if (known.subGroupCount === undefined) yield* groupsWithin(api, given, known.subGroups ?? [], id);
    else if (known.subGroupCount > 0) yield* groupsWithin(api, given, api.list(`/groups/${id}/children`, BRIEF), id);
    some.push(known);
    if (some.length >= GROUPS_TOGETHER) yield* membersOf(api, some.splice(0), given);
  }
  yield* membersOf(api, some, given);
}

function membersOf(api: AdminApi, groups: readonly Group[], given: Settings): AsyncGenerator<SourceRecord> {
  const ofOne = async function* ({ id: groupKey }: Group): AsyncGenerator<SourceRecord> {
    for await (const item of api.list(`/groups/${groupKey}/members`, BRIEF)) {
      const memberKey = idOf(item);
      if (memberKey === undefined) throw strange('a member without an id', `group ${groupKey}`);
      yield { kind: 'member', groupKey, memberKey, memberIs: 'user' };
    }
  };
  return atOnce(groups.map(ofOne), given.atOnce);
}

function readGroup(item: unknown): Group {
  const parsed = group.safeParse(item);
  if (!parsed.success) throw strange('a group without an id, a name or a path', '/groups');
  const { id, name, path } = parsed.data;
  if (!isText([id, name, path]) || !/^[\w-]+$/.test(id)) throw strange('a group with a strange id or name', '/groups');
  return parsed.data;
}

const user = z.looseObject({
  id: z.string().min(1),
  username: z.string().catch(''),
  email: optionalText,
  firstName: optionalText,
  lastName: optionalText,
  enabled: z.boolean().optional().catch(undefined),
});

function person(item: unknown): SourceRecord {
  const known = user.safeParse(item).data;
  if (known === undefined) return { kind: 'bad', sourceKey: null, where: '/users', reason: 'somebody has no id' };
  const { id, username, email, firstName, lastName, enabled } = known;
  // What the asking account may do with somebody says nothing of them.
  const { access: _, notBefore: __, ...attributes } = known;
  return personRecord({
    sourceKey: id,
    externalId: id,
    userName: username,
    email: email ?? null,
    displayName: [firstName, lastName].filter(Boolean).join(' '),
    active: enabled,
    attributes,
    where: `user ${id}`,
  });
}

function strange(what: string, where: string): Fault {
  return new Fault('invalid-feed', `Keycloak tells of ${what}; nothing was changed.`, { where });
}
