/**
 * People and groups of any SCIM 2.0 server (RFC 7643, 7644), which we ask; the kind `scim` is one that pushes to us. All of it is read each
 * time: `meta.lastModified` tells who was changed, and of nobody that they were deleted.
 */
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { atOnce } from './at-once.ts';
import { jsonIfThere, jsonOf } from './http.ts';
import { restSecrets } from './rest.ts';
import { type ScimClient, scimAccess, scimClient } from './scim/client.ts';
import { listAll } from './scim/lists.ts';
import { group, kindOf, readUser } from './scim/resources.ts';
import { fullReading, onlyOf, type SourceRecord, sourceKind } from './source.ts';
import { isText } from './text.ts';

const filter = z.string().min(1).max(1000).optional();

const settings = z.strictObject({
  ...scimAccess,
  /** Whom to read, such as `userType eq "Employee"`. */
  userFilter: filter,
  groupFilter: filter,
  groups: z.boolean().default(true),
  pageSize: z.int().min(2).max(1000).default(100),
});
type Settings = z.output<typeof settings>;

/** A SCIM server that is asked. */
export const scimSource = sourceKind({
  settings,
  secrets: restSecrets,
  open: (given, context) => ({
    read: async () => fullReading(everything(scimClient(given, context), given)),
    readPerson: (key) => onePerson(scimClient(given, context), given, key),
  }),
});

async function* everything(client: ScimClient, given: Settings): AsyncGenerator<SourceRecord> {
  const { userFilter, groups, pageSize } = given;
  let place = 0;
  for await (const resource of listAll(client, { path: '/Users', filter: userFilter, count: pageSize })) {
    place += 1;
    yield readUser(resource, `user ${place} of the list`);
  }
  if (groups) yield* allGroups(client, given);
}

/** Whoever no longer fits the filter is not there either. */
async function onePerson(client: ScimClient, { userFilter, pageSize }: Settings, key: string) {
  const url = client.address(`/Users/${encodeURIComponent(key)}`);
  const resource = jsonIfThere(url, await client.ask(url), notFound);
  if (resource === null) return null;
  const person = onlyOf(readUser(resource, `user ${key}`), key);
  if (userFilter === undefined) return person;
  const filter = `id eq ${JSON.stringify(key)} and (${userFilter})`;
  for await (const _ of listAll(client, { path: '/Users', filter, count: pageSize })) return person;
  return null;
}

const notFound = z.looseObject({
  schemas: z.array(z.string()).refine((all) => all.some((each) => each.endsWith(':Error'))),
});

/** A group may have very many members: fewer of them at once. */
const GROUPS_A_PAGE = 20;
const AT_ONCE = 4;

type Group = z.output<typeof group>;

async function* allGroups(client: ScimClient, given: Settings): AsyncGenerator<SourceRecord> {
  const { groupFilter: filter, pageSize } = given;
  const isGroup = groupIds(client, given);
  const count = Math.min(pageSize, GROUPS_A_PAGE);
  const bare: Group[] = [];
  for await (const resource of listAll(client, { path: '/Groups', filter, count })) {
    const known = readGroup(resource);
    yield { kind: 'group', groupKey: known.id, name: known.displayName };
    if (known.members === undefined || known.members === null) bare.push(known);
    else yield* membersOf(known, isGroup);
    if (bare.length >= GROUPS_A_PAGE) yield* askedAlone(client, bare.splice(0), isGroup);
  }
  yield* askedAlone(client, bare, isGroup);
}

/** Some servers leave members out of lists, which is not to say that there are none. */
function askedAlone(client: ScimClient, bare: readonly Group[], isGroup: IsGroup): AsyncGenerator<SourceRecord> {
  const alone = async function* ({ id }: Group) {
    const url = client.address(`/Groups/${encodeURIComponent(id)}`);
    const whole = readGroup(jsonOf(url, await client.ask(url)));
    if (whole.id !== id) throw strange('another group than was asked for');
    yield* membersOf(whole, isGroup);
  };
  return atOnce(bare.map(alone), AT_ONCE);
}

async function* membersOf({ id, members }: Group, isGroup: IsGroup): AsyncGenerator<SourceRecord> {
  for (const member of members ?? []) {
    const memberIs = kindOf(member) ?? ((await isGroup(member.value)) ? 'group' : 'user');
    yield { kind: 'member', groupKey: id, memberKey: member.value, memberIs };
  }
}

type IsGroup = (id: string) => Promise<boolean>;

/** Asked for only where a server does not say what a member is. There are far fewer groups than people. */
function groupIds(client: ScimClient, { groupFilter: filter, pageSize }: Settings): IsGroup {
  let known: Promise<Set<string>> | undefined;
  const read = async () => {
    const ids = new Set<string>();
    const list = { path: '/Groups', filter, attributes: 'id,displayName', count: pageSize };
    for await (const resource of listAll(client, list)) ids.add(readGroup(resource).id);
    return ids;
  };
  return async (id) => {
    known ??= read();
    return (await known).has(id);
  };
}

function readGroup(resource: unknown): Group {
  const parsed = group.safeParse(resource);
  if (!parsed.success) throw strange('a group without an id, a name, or ids of its members');
  const { id, displayName, members } = parsed.data;
  if (!isText([id, displayName, members])) throw strange('a group that holds characters that are no text');
  return parsed.data;
}

function strange(what: string): Fault {
  return new Fault('invalid-feed', `The source tells of ${what}; nothing was changed.`, { where: '/Groups' });
}
