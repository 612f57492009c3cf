/**
 * A domain controller of Active Directory, after Microsoft's documentation ([MS-ADTS], "Polling for Changes Using USNChanged", "Searching
 * Using Range Retrieval"): GUIDs, numbered changes, deleted objects, members by range. It serves a world as it stands at each request.
 */
import { createHash, randomUUID } from 'node:crypto';
import {
  AndFilter,
  EqualityFilter,
  type Filter,
  GreaterThanEqualsFilter,
  OrFilter,
  PresenceFilter,
  type SearchRequest,
} from 'ldapts';
import type { Group, Person, World } from '../directory/sources/world.ts';
import { type LdapAnswer, type LdapDouble, type LdapEntry, type LdapSearch, startLdapDouble } from './ldap-server.ts';

export const DOMAIN = 'DC=acme,DC=example';
export const STAFF = `OU=Staff,${DOMAIN}`;
export const READER = { dn: `CN=Reader,${DOMAIN}`, password: 'password-of-the-double' } as const;

export interface ActiveDirectory extends LdapDouble {
  /** Where somebody or a group is, other than in `STAFF`, by id. */
  readonly places: Map<string, string>;
  /** What else an object says, by id. */
  readonly more: Map<string, Record<string, string>>;
  /** Changes as it was set up are behind it: another controller answers from now on, or the database was restored. */
  restore(): void;
  /** Whether the account may see deleted objects. */
  hideDeleted(hidden: boolean): void;
  /** Whether each page is followed by one with nobody on it, as where much was looked through. */
  emptyPages(given: boolean): void;
}

interface Kept {
  readonly entry: LdapEntry;
  readonly said: string;
  readonly usn: number;
}

const SHOW_DELETED = '1.2.840.113556.1.4.417';
const EXTENDED_NAMES = '1.2.840.113556.1.4.529';
/** Members handed out at once. */
const MOST_VALUES = 4;

export async function startActiveDirectory(world: World): Promise<ActiveDirectory> {
  const kept = new Map<string, Kept>();
  const [places, more] = [new Map<string, string>(), new Map<string, Record<string, string>>()];
  let invocationId = guidBytes('first');
  let [usn, hidden, empties] = [1000, false, false];
  const settle = () => {
    const now = new Map(objectsOf(world, places, more).map((entry) => [guidOf(entry), entry]));
    now.set('long-gone', deleted(personEntry({ ...NOBODY, id: 'long gone' }, DOMAIN, {})));
    for (const [guid, { entry }] of kept) if (!now.has(guid)) now.set(guid, deleted(entry));
    for (const [guid, entry] of now) {
      const said = JSON.stringify(entry);
      if (kept.get(guid)?.said === said) continue;
      usn += 1;
      kept.set(guid, {
        said,
        usn,
        entry: { ...entry, attributes: { ...entry.attributes, uSNChanged: [String(usn)] } },
      });
    }
  };
  const answer = (search: LdapSearch): LdapAnswer => {
    settle();
    const special = specialAnswer(search.request, usn, invocationId);
    if (special !== undefined) return special;
    const entries = [...kept.values()]
      .map(({ entry }) => entry)
      .filter((entry) => (search.has(SHOW_DELETED) && !hidden) || !isDeleted(entry));
    return page(entries, search, empties);
  };
  const double = await startLdapDouble(READER, answer, ({ attributes }) => attributes.includes('mail'));
  return {
    ...double,
    places,
    more,
    restore: () => {
      invocationId = guidBytes(randomUUID());
    },
    hideDeleted: (given) => {
      hidden = given;
    },
    emptyPages: (given) => {
      empties = given;
    },
  };
}

const NOBODY: Person = { id: '', email: 'x@acme.example', given: 'X', family: 'Y', active: true };

/** The root and what it names. */
function specialAnswer({ baseDN }: SearchRequest, usn: number, invocationId: Buffer): LdapAnswer | undefined {
  const service = `CN=NTDS Settings,CN=DC1,CN=Configuration,${DOMAIN}`;
  if (baseDN === '') {
    const attributes = {
      highestCommittedUSN: [String(usn)],
      dsServiceName: [service],
      namingContexts: [DOMAIN, `CN=Configuration,${DOMAIN}`],
    };
    return { entries: [{ dn: '', attributes }] };
  }
  return baseDN === service ? { entries: [{ dn: service, attributes: { invocationId: [invocationId] } }] } : undefined;
}

function objectsOf({ people, groups }: World, places: Map<string, string>, more: Map<string, Record<string, string>>) {
  const placeOf = (id: string) => places.get(id) ?? STAFF;
  const persons = people.map((person) => personEntry(person, placeOf(person.id), more.get(person.id) ?? {}));
  const names = new Map([
    ...people.map(
      (person) => [person.id, `<GUID=${guidText(person.id)}>;${personDn(person, placeOf(person.id))}`] as const,
    ),
    ...groups.map((group) => [group.id, `<GUID=${guidText(group.id)}>;CN=${group.name},${placeOf(group.id)}`] as const),
  ]);
  return [...persons, ...groups.map((group) => groupEntry(group, placeOf(group.id), names))];
}

const personDn = ({ id }: Person, place: string) => `CN=${id},${place}`;

function personEntry(person: Person, place: string, more: Record<string, string>): LdapEntry {
  const { id, email, given, family, active } = person;
  return {
    dn: personDn(person, place),
    attributes: {
      objectGUID: [guidBytes(id)],
      objectClass: ['top', 'person', 'organizationalPerson', 'user'],
      objectCategory: ['person'],
      userPrincipalName: [`${id}@corp.acme.example`],
      mail: [email],
      displayName: [`${given} ${family}`],
      userAccountControl: [active ? '512' : '514'],
      accountExpires: ['9223372036854775807'],
      ...Object.fromEntries(Object.entries(more).map(([name, value]) => [name, [value]])),
    },
  };
}

function groupEntry({ id, name, members }: Group, place: string, names: ReadonlyMap<string, string>): LdapEntry {
  const attributes = {
    objectGUID: [guidBytes(id)],
    objectClass: ['top', 'group'],
    cn: [name],
    member: members.flatMap((member) => names.get(member) ?? []),
  };
  return { dn: `CN=${name},${place}`, attributes };
}

function deleted(entry: LdapEntry): LdapEntry {
  if (isDeleted(entry)) return entry;
  const { objectGUID = [], objectClass = [] } = entry.attributes;
  return {
    dn: `${entry.dn.split(',')[0]}\\0ADEL:${guidOf(entry)},CN=Deleted Objects,${DOMAIN}`,
    attributes: { objectGUID, objectClass, isDeleted: ['TRUE'] },
  };
}

const isDeleted = ({ attributes }: LdapEntry) => attributes['isDeleted'] !== undefined;

/** In the order of GUIDs, each page after the last of the one before; so nobody is missed while others come and go. */
function page(all: readonly LdapEntry[], search: LdapSearch, empties: boolean): LdapAnswer {
  const { request, size, has } = search;
  if (request.baseDN.startsWith('<GUID=')) {
    const entry = all.find((each) => named(each) === request.baseDN || request.baseDN === namedBare(each));
    return { entries: entry === undefined ? [] : [selected(entry, request, has(EXTENDED_NAMES))] };
  }
  if (!`,${request.baseDN}`.toLowerCase().endsWith(`,${DOMAIN}`.toLowerCase())) return { status: 32 };
  const [after, empty] = search.cookie.split('|') as [string, string?];
  if (empties && empty === undefined && after !== '') return { entries: [], cookie: `${after}|empty` };
  const found = all
    .filter((entry) => within(entry.dn, request) && matches(request.filter, entry) && guidOf(entry) > after)
    .sort((one, other) => (guidOf(one) < guidOf(other) ? -1 : 1));
  const entries = found.slice(0, size);
  const last = entries.at(-1);
  return {
    entries: entries.map((entry) => selected(entry, request, has(EXTENDED_NAMES))),
    references: [`ldap://elsewhere.acme.example/CN=Configuration,${DOMAIN}`],
    ...(found.length > size && last !== undefined ? { cookie: guidOf(last) } : {}),
  };
}

function within(dn: string, { baseDN, scope }: SearchRequest): boolean {
  if (dn.toLowerCase() === baseDN.toLowerCase()) return scope !== 'one';
  if (scope === 'base' || !dn.toLowerCase().endsWith(`,${baseDN}`.toLowerCase())) return false;
  return scope !== 'one' || !dn.slice(0, -baseDN.length - 1).includes(',');
}

function matches(filter: Filter, entry: LdapEntry): boolean {
  if (filter instanceof AndFilter) return filter.filters.every((each) => matches(each, entry));
  if (filter instanceof OrFilter) return filter.filters.some((each) => matches(each, entry));
  if (filter instanceof PresenceFilter) return valuesOf(entry, filter.attribute).length > 0;
  if (filter instanceof GreaterThanEqualsFilter) {
    return valuesOf(entry, filter.attribute).some((value) => Number(value) >= Number(filter.value));
  }
  if (filter instanceof EqualityFilter) {
    const wanted = String(filter.value).toLowerCase();
    return valuesOf(entry, filter.attribute).some((value) => value.toLowerCase() === wanted);
  }
  throw new Error(`the double knows no ${filter.constructor.name}`);
}

function valuesOf({ attributes }: LdapEntry, name: string): string[] {
  const found = Object.entries(attributes).find(([each]) => each.toLowerCase() === name.toLowerCase());
  return (found?.[1] ?? []).map(String);
}

/** What was asked for, many members by range. */
function selected(entry: LdapEntry, { attributes }: SearchRequest, extended: boolean): LdapEntry {
  const asked = attributes.flatMap((wanted): [string, readonly (string | Buffer)[]][] => {
    const [name = '', range] = wanted.split(';range=');
    const [found, values = []] =
      Object.entries(entry.attributes).find(([each]) => each.toLowerCase() === name.toLowerCase()) ?? [];
    if (found === undefined) return [];
    if (found !== 'member') return [[found, values]];
    const told = extended ? values : values.map((value) => String(value).replace(/^<[^>]*>;/, ''));
    return ranged(told, range);
  });
  return { dn: extended ? named(entry) : entry.dn, attributes: Object.fromEntries(asked) };
}

function ranged(
  values: readonly (string | Buffer)[],
  range: string | undefined,
): [string, readonly (string | Buffer)[]][] {
  const from = Number(range?.split('-')[0] ?? 0);
  if (range === undefined && values.length <= MOST_VALUES) return [['member', values]];
  const part = values.slice(from, from + MOST_VALUES);
  const to = from + MOST_VALUES >= values.length ? '*' : from + MOST_VALUES - 1;
  // As the real one: the plain attribute comes too, with nothing in it.
  return [...(range === undefined ? [['member', []] as [string, []]] : []), [`member;range=${from}-${to}`, part]];
}

const named = (entry: LdapEntry) => `${namedBare(entry)};${entry.dn}`;
const namedBare = (entry: LdapEntry) => `<GUID=${guidOf(entry)}>`;

function guidBytes(id: string): Buffer {
  return createHash('sha256').update(id).digest().subarray(0, 16);
}

function guidOf({ attributes }: LdapEntry): string {
  return textOfGuid(attributes['objectGUID']?.[0] as Buffer);
}

const guidText = (id: string) => textOfGuid(guidBytes(id));

function textOfGuid(bytes: Buffer): string {
  const [a, b, c, d] = [bytes.readUInt32LE(0), bytes.readUInt16LE(4), bytes.readUInt16LE(6), bytes.readUInt16BE(8)];
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  return `${hex(a, 8)}-${hex(b, 4)}-${hex(c, 4)}-${hex(d, 4)}-${bytes.toString('hex', 10)}`;
}
