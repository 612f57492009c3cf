/** One person of a source that has no way to be asked for one: everything is read, and they are looked for in it. */
import { Fault } from '../../errors.ts';
import type { BadRecord, Reading, Source, SourceUser } from './source.ts';

/** What a source says of one person; `null` where it says that there is nobody of this key. */
export interface Said {
  readonly person: SourceUser | BadRecord | null;
  /** How many people were read to know it; null where the source was asked for the one. */
  readonly people: number | null;
}

/**
 * Asks a source for one person, the best way it has.
 * @throws Fault as a reading does, and `invalid-feed` where what was read leaves open whether they are in it
 */
export async function askFor(source: Source, sourceKey: string): Promise<Said> {
  if (source.readPerson !== undefined) return { person: await source.readPerson(sourceKey), people: null };
  return seek(await source.read(null), sourceKey);
}

async function seek({ records, journal = false }: Reading, sourceKey: string): Promise<Said> {
  const sought = sourceKey.toLowerCase();
  let person: Said['person'] = null;
  let people = 0;
  let nameless: BadRecord | undefined;
  for await (const record of records) {
    if (record.kind === 'user') people += 1;
    if (record.kind === 'bad' && record.sourceKey === null) nameless ??= record;
    if (record.kind === 'gone' && record.what === 'user' && record.key.toLowerCase() === sought) person = null;
    if (record.kind !== 'user' && record.kind !== 'bad') continue;
    if (record.sourceKey?.toLowerCase() !== sought) continue;
    person = person === null || journal ? record : twice(person, record);
  }
  if (person === null && nameless !== undefined) {
    throw new Fault(
      'invalid-feed',
      `${nameless.where}: ${nameless.reason}; nobody can say whether it is this person's.`,
    );
  }
  return { person, people };
}

/** Of two, nobody can say which is right. */
function twice(one: SourceUser | BadRecord, { sourceKey, where }: SourceUser | BadRecord): BadRecord {
  return { kind: 'bad', sourceKey, where, reason: `the id ${sourceKey} is at ${one.where} too` };
}
