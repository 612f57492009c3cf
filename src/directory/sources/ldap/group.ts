/** Makes of a group's entry the group and everybody whom it names. */
import type { Control } from 'ldapts';
import { Fault } from '../../../errors.ts';
import type { SourceMember, SourceRecord } from '../source.ts';
import { isText } from '../text.ts';
import type { LdapConnection } from './connection.ts';
import { canonicalDn, nameOf } from './distinguished-name.ts';
import { firstOf, keyOf, textsOf } from './entry.ts';
import type { Attribute, Entry } from './message.ts';
import type { GroupMapping } from './presets.ts';
import { find } from './search.ts';

/** How a server's group is read. */
export interface GroupReading {
  readonly connection: LdapConnection;
  readonly mapping: GroupMapping;
  /** Who is meant by a value of a member attribute; undefined where it is nobody whom we could know. */
  readonly memberOf: (value: string, attribute: string) => Pick<SourceMember, 'memberKey' | 'memberIs'> | undefined;
  readonly controls?: readonly Control[];
  /** Of a reading of changes. */
  readonly whole: boolean;
}

/** Everything that must be asked for. */
export function groupAttributes({ key, name, members }: GroupMapping): string[] {
  return [...new Set([key, ...name, ...members])];
}

/** The group and its members. */
export async function* readGroup(entry: Entry, reading: GroupReading): AsyncIterable<SourceRecord> {
  const { mapping, whole } = reading;
  const groupKey = keyOf(entry, mapping.key);
  const name = firstOf(entry, mapping.name)?.replace(EXTENSION, '');
  if (groupKey === undefined || name === undefined || !isText(name)) {
    const wrong = groupKey === undefined ? mapping.key : mapping.name.join(', ');
    yield { kind: 'bad', sourceKey: null, where: entry.name, reason: `${wrong} is missing, or no text` };
    return;
  }
  yield { kind: 'group', groupKey, name, ...(whole ? { whole } : {}) };
  for (const attribute of mapping.members) {
    for await (const value of everyValue(entry, attribute, reading)) {
      const member = reading.memberOf(value, attribute);
      if (member !== undefined) yield { kind: 'member', groupKey, ...member };
    }
  }
}

/** How a distinguished name, or a name of a POSIX account, names somebody. */
export const aliasOfDn = (dn: string): string => `dn:${canonicalDn(nameOf(dn))}`;
export const aliasOfUid = (uid: string): string => `uid:${uid}`;

/** By alias: for a server that tells no more of a member than a name. */
export function namedMember(value: string, attribute: string): Pick<SourceMember, 'memberKey' | 'memberIs'> {
  const memberKey = attribute.toLowerCase() === 'memberuid' ? aliasOfUid(value) : aliasOfDn(value);
  return { memberKey, memberIs: 'alias' };
}

/** The part of an extended name that is enough to be found by. */
const BY_GUID = /^<GUID=[^>]+>/i;

/** What stands before a distinguished name where extended names are asked for. */
const EXTENSION = /^(<[^>]*>;)+/;

const RANGE = /;range=(\d+)-(\d+|\*)$/i;

/** Active Directory hands out many values in ranges: `member;range=0-1499`, then `member;range=1500-*`. */
async function* everyValue(entry: Entry, attribute: string, reading: GroupReading): AsyncIterable<string> {
  let found = valuesWithRange(entry, attribute);
  for (;;) {
    yield* textsOf(found);
    const [, , last = '*'] = RANGE.exec(found?.type ?? '') ?? [];
    if (last === '*') return;
    const next = Number(last) + 1;
    const more = await find(reading.connection, {
      base: BY_GUID.exec(entry.name)?.[0] ?? entry.name,
      scope: 'base',
      filter: '(objectClass=*)',
      attributes: [`${attribute};range=${next}-*`],
      controls: reading.controls ?? [],
    });
    found = more && valuesWithRange(more, attribute);
    if (Number(RANGE.exec(found?.type ?? '')?.[1]) !== next) {
      throw new Fault('invalid-feed', 'A group changed while its members were read; nothing was changed.', {
        where: entry.name,
        remedy: 'The next run tries again.',
      });
    }
  }
}

function valuesWithRange({ attributes }: Entry, name: string): Attribute | undefined {
  const named = attributes.filter(({ type }) => type.replace(RANGE, '').toLowerCase() === name.toLowerCase());
  return named.find(({ type }) => RANGE.test(type)) ?? named[0];
}
