/** The people and groups of a made-up company, and what a source should say of them; for the checks of `kit.ts`. */
import type { SourceRecord } from '../../../src/directory/sources/source.ts';

export interface Person {
  id: string;
  email: string;
  given: string;
  family: string;
  /** Somebody suspended or terminated; a source says so, or leaves them out. */
  active: boolean;
}

export interface Group {
  id: string;
  name: string;
  /** Ids of people. */
  members: string[];
}

/** A double serves what stands here at the moment of each request: the checks change it in between. */
export interface World {
  people: Person[];
  groups: Group[];
}

const ODD_NAMES = [
  ['Zoë', 'Ångström-李'],
  ['=HYPERLINK("http://evil.test")', '<img src=x>'],
  ['Robert"); DROP TABLE', "O'Neil, Jr."],
];

/** That many people; of ten, one is not active, and three are in the group "Engineering". Nobody is in the group "Empty". */
export function makeWorld(count: number): World {
  const people = Array.from({ length: count }, (_, at): Person => {
    const [given = 'Given', family = `Family ${at}`] = ODD_NAMES[at] ?? [];
    return { id: `p${at + 1}`, email: `p${at + 1}@acme.example`, given, family, active: at % 10 !== 9 };
  });
  const members = people.filter((_, at) => at % 10 < 3).map(({ id }) => id);
  return {
    people,
    groups: [
      { id: 'g1', name: 'Engineering', members },
      { id: 'g2', name: 'Empty', members: [] },
    ],
  };
}

/** Who is there and active, by address, and who is in which group. */
export interface Shown {
  readonly people: Readonly<Record<string, string>>;
  readonly memberships: readonly string[];
}

/** What should be seen of a world. */
export function shouldShow({ people, groups }: World, withGroups: boolean): Shown {
  const active = people.filter((person) => person.active);
  const emails = new Map(active.map(({ id, email }) => [id, email]));
  const memberships = groups.flatMap(({ name, members }) =>
    members.filter((id) => emails.has(id)).map((id) => `${name}: ${emails.get(id)}`),
  );
  return {
    people: Object.fromEntries(active.map(({ email, given, family }) => [email, `${given} ${family}`])),
    memberships: withGroups ? memberships.sort() : [],
  };
}

/** What one or more readings say, the later over the earlier. */
export function shown(records: readonly SourceRecord[]): Shown {
  const users = new Map<string, Extract<SourceRecord, { kind: 'user' }>>();
  const groups = new Map<string, string>();
  const aliases = new Map<string, string>();
  const members = new Map<string, { group: string; member: string }>();
  for (const record of withoutAliases(records)) {
    if (record.kind === 'user') users.set(record.sourceKey, record);
    if (record.kind === 'alias' && record.of === 'user') aliases.set(record.alias, record.key);
    if (record.kind === 'group' && record.whole) {
      for (const [key, { group }] of members) if (group === record.groupKey) members.delete(key);
    }
    if (record.kind === 'group') groups.set(record.groupKey, record.name);
    if (record.kind === 'group' && record.whole) {
      for (const [id, { group }] of members) if (group === record.groupKey) members.delete(id);
    }
    if (record.kind === 'gone') (record.what === 'user' ? users : groups).delete(record.key);
    if (record.kind !== 'member' && record.kind !== 'no-member') continue;
    const link = { group: record.groupKey, member: record.memberKey };
    if (record.kind === 'member') members.set(JSON.stringify(link), link);
    else members.delete(JSON.stringify(link));
  }
  const active = [...users.values()].filter((user) => user.active);
  const linked = [...members.values()].flatMap(({ group, member }) => {
    const [name, user] = [groups.get(group), users.get(aliases.get(member) ?? member)];
    return name !== undefined && user?.active ? [`${name}: ${user.email}`] : [];
  });
  const stated = active.flatMap((user) => user.groups.map((name) => `${name}: ${user.email}`));
  return {
    people: Object.fromEntries(active.map(({ email, displayName }) => [String(email), displayName])),
    memberships: [...linked, ...stated].sort(),
  };
}

/** With members told by their keys, as a run makes it of aliases. */
function withoutAliases(records: readonly SourceRecord[]): SourceRecord[] {
  const keys = new Map(records.flatMap((record) => (record.kind === 'alias' ? [[record.alias, record.key]] : [])));
  return records.flatMap((record): SourceRecord[] => {
    if (record.kind !== 'member' || record.memberIs !== 'alias') return [record];
    const memberKey = keys.get(record.memberKey);
    return memberKey === undefined ? [] : [{ ...record, memberKey, memberIs: 'user' }];
  });
}
