/** What is asked of a server, in which order. */
import { type BadRecord, fullReading, onlyOf, type Reading, type SourceRecord, type SourceUser } from '../source.ts';
import {
  changedSince,
  contextsOf,
  EXTENDED_NAMES,
  guidIn,
  type Position,
  readController,
  seesDeleted,
  touchedSince,
  usable,
} from './active-directory.ts';
import type { LdapConnection } from './connection.ts';
import { firstOf, keyOf } from './entry.ts';
import { aliasOfDn, aliasOfUid, type GroupReading, groupAttributes, namedMember, readGroup } from './group.ts';
import type { Entry } from './message.ts';
import { attributesOf, type PersonMapping, readPerson } from './person.ts';
import type { GroupMapping } from './presets.ts';
import { find, search } from './search.ts';

export interface LdapReading {
  readonly connection: LdapConnection;
  readonly pageSize: number;
  readonly userBases: readonly string[];
  readonly groupBases: readonly string[];
  readonly people: PersonMapping;
  readonly group: GroupMapping;
}

/** Of any server: everything, members by name. */
export function readNamed(reading: LdapReading): Reading {
  return fullReading(closing(reading.connection, everythingNamed(reading)));
}

async function* everythingNamed(reading: LdapReading): AsyncIterable<SourceRecord> {
  for await (const entry of entriesOf(reading, 'people')) {
    const person = readPerson(entry, reading.people);
    yield person;
    if (person.kind !== 'user' || reading.groupBases.length === 0) continue;
    yield { kind: 'alias', alias: aliasOfDn(entry.name), of: 'user', key: person.sourceKey };
    const uid = firstOf(entry, ['uid']);
    if (uid !== undefined) yield { kind: 'alias', alias: aliasOfUid(uid), of: 'user', key: person.sourceKey };
  }
  const { connection, group: mapping } = reading;
  for await (const entry of entriesOf(reading, 'group')) {
    for await (const record of readGroup(entry, { connection, mapping, memberOf: namedMember, whole: false })) {
      yield record;
      if (record.kind !== 'group') continue;
      yield { kind: 'alias', alias: aliasOfDn(entry.name), of: 'group', key: record.groupKey };
    }
  }
}

/** One person of any server but Active Directory, by the attribute that is their key. */
export async function readOne(reading: LdapReading, key: string): Promise<SourceUser | BadRecord | null> {
  const { connection, userBases, people } = reading;
  const filter = `(&${people.filter}(${people.key}=${escaped(key)}))`;
  try {
    for (const base of userBases) {
      const entry = await find(connection, { base, filter, attributes: attributesOf(people) });
      if (entry !== undefined) return onlyOf(readPerson(entry, people), key);
    }
    return null;
  } finally {
    connection.close();
  }
}

/** RFC 4515, section 3. */
function escaped(value: string): string {
  return value.replace(/[\\*()\0]/g, (sign) => `\\${sign.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Of Active Directory: members by GUID, and changes since a position that still holds. */
export async function readActiveDirectory(reading: LdapReading, since: string | null, now: Date): Promise<Reading> {
  const { connection, userBases, groupBases } = reading;
  const controller = await readController(connection);
  const contexts = contextsOf([...userBases, ...groupBases], controller);
  const tellsChanges = await seesDeleted(connection, contexts);
  const from = tellsChanges ? usable(since, controller, now) : undefined;
  const cursor = JSON.stringify({ ...controller.position, fullAt: from?.fullAt ?? now.getTime() });
  const records = from === undefined ? everythingKeyed(reading) : changes(reading, contexts, from);
  return {
    extent: from === undefined ? 'full' : 'changes',
    records: closing(connection, records),
    cursor: () => (tellsChanges ? cursor : null),
  };
}

async function* everythingKeyed(reading: LdapReading): AsyncIterable<SourceRecord> {
  for await (const entry of entriesOf(reading, 'people')) yield readPerson(entry, reading.people);
  const groups = await keyedGroups(reading, false);
  for await (const entry of entriesOf(reading, 'group')) yield* readGroup(entry, groups);
}

/**
 * Whatever was touched and is not found again within the bases and filters is gone from there. In this order: who comes in meanwhile is
 * found, and who goes out meanwhile is gone.
 */
async function* changes(
  reading: LdapReading,
  contexts: readonly string[],
  since: Position,
): AsyncIterable<SourceRecord> {
  const { connection, people, group, pageSize } = reading;
  const missing = await touchedSince(connection, contexts, since, pageSize);
  for await (const entry of entriesOf(reading, 'people', since)) {
    missing.delete(keyOf(entry, people.key) ?? '');
    yield readPerson(entry, people);
  }
  const groups = await keyedGroups(reading, true);
  for await (const entry of entriesOf(reading, 'group', since)) {
    missing.delete(keyOf(entry, group.key) ?? '');
    yield* readGroup(entry, groups);
  }
  for (const [key, what] of missing) yield { kind: 'gone', what, key };
}

async function keyedGroups(reading: LdapReading, whole: boolean): Promise<GroupReading> {
  const { connection, group: mapping } = reading;
  const groups = await groupKeys(reading);
  return {
    connection,
    mapping,
    whole,
    controls: [EXTENDED_NAMES],
    memberOf: (value) => {
      const memberKey = guidIn(value);
      return memberKey === undefined ? undefined : { memberKey, memberIs: groups.has(memberKey) ? 'group' : 'user' };
    },
  };
}

/** By which a member is known to be a group. There are far fewer groups than people. */
async function groupKeys(reading: LdapReading): Promise<Set<string>> {
  const { connection, groupBases, group, pageSize } = reading;
  const keys = new Set<string>();
  for (const base of groupBases) {
    const wanted = { base, filter: group.filter, attributes: [group.key] };
    for await (const entry of search(connection, wanted, pageSize)) keys.add(keyOf(entry, group.key) ?? '');
  }
  return keys;
}

/** A group may have very many members: fewer of them at once. */
const GROUPS_A_PAGE = 50;

async function* entriesOf(reading: LdapReading, what: 'people' | 'group', since?: Position): AsyncIterable<Entry> {
  const { connection, userBases, groupBases, people, group, pageSize } = reading;
  const { filter } = reading[what];
  const wanted = {
    filter: since === undefined ? filter : `(&${filter}${changedSince(since)})`,
    attributes: what === 'people' ? attributesOf(people) : groupAttributes(group),
    controls: what === 'group' && group.key === 'objectGUID' ? [EXTENDED_NAMES] : [],
  };
  const size = what === 'people' ? pageSize : Math.min(pageSize, GROUPS_A_PAGE);
  for (const base of what === 'people' ? userBases : groupBases) {
    yield* search(connection, { ...wanted, base }, size);
  }
}

async function* closing(connection: LdapConnection, records: AsyncIterable<SourceRecord>): AsyncIterable<SourceRecord> {
  try {
    yield* records;
  } finally {
    connection.close();
  }
}
