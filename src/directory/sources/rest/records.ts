/** Makes records of what a JSON API says of people and groups. */
import { Fault } from '../../../errors.ts';
import { readEmployee } from '../employee.ts';
import type { SourceRecord } from '../source.ts';
import { isText } from '../text.ts';
import { stepsOf, textAt, textOf, valuesAt } from './paths.ts';
import type { Definition, Fields } from './settings.ts';

/** Without these nobody can be told from somebody who has left, or would lose what they have. */
const TELLING = ['email', 'status', 'groups'] as const;

/**
 * Reads people one by one.
 * @throws Fault `invalid-feed`, in the end, where a field that is named was in no record: then it may not be read
 */
export async function* readPeople(
  entries: AsyncIterable<unknown>,
  definition: Definition,
  where: string,
): AsyncGenerator<SourceRecord> {
  const unseen = new Set(TELLING.filter((field) => definition.fields[field] !== undefined));
  let count = 0;
  for await (const entry of entries) {
    count += 1;
    for (const field of unseen) if (isThere(entry, definition.fields[field])) unseen.delete(field);
    yield readPerson(entry, definition, `${where} entry ${count}`);
  }
  const missing = [...unseen].map((field) => definition.fields[field]);
  if (count === 0 || missing.length === 0) return;
  throw new Fault('invalid-feed', `No record has ${missing.join(', ')}; nothing was changed.`, {
    where,
    remedy: 'Let the client read that, or set the fields of the directory as the source calls them.',
  });
}

function isThere(entry: unknown, path: string | undefined): boolean {
  // Through an empty list it leads nowhere, and yet it is there.
  return (
    path !== undefined &&
    (valuesAt(entry, path).length > 0 || valuesAt(entry, stepsOf(path)[0] ?? '').some(Array.isArray))
  );
}

function readPerson(entry: unknown, { fields, active, inactive = [], emptyDays = [] }: Definition, where: string) {
  if (typeof entry !== 'object' || entry === null) return bad(where, 'it is no record');
  const day = (path: string | undefined) => dayOf(textAt(entry, path), emptyDays);
  const hidden = restrictedOf(entry, fields);
  const id = textAt(entry, fields.id);
  if (hidden.length > 0)
    return { ...bad(where, `${hidden.join(', ')} may not be read`), sourceKey: isText(id) && id ? id : null };
  const status = textAt(entry, fields.status);
  return readEmployee(
    {
      id,
      email: textAt(entry, fields.email),
      userName: textAt(entry, fields.userName),
      name: [fields.name]
        .flat()
        .map((path) => textAt(entry, path).trim())
        .filter(Boolean)
        .join(' '),
      active: fields.status === undefined ? true : activeBy(status, active, inactive),
      startsOn: day(fields.startsOn),
      endsOn: day(fields.endsOn),
      timeZone: textAt(entry, fields.timeZone),
      groups: fields.groups === undefined ? [] : valuesAt(entry, fields.groups).flat().map(textOf),
      attributes: { ...entry },
    },
    { ...fields },
    where,
  );
}

function bad(where: string, reason: string) {
  return { kind: 'bad', sourceKey: null, where, reason } as const;
}

function restrictedOf(entry: unknown, { restricted, ...fields }: Fields): string[] {
  if (restricted === undefined) return [];
  const names = new Set(valuesAt(entry, restricted).flat().map(textOf));
  return Object.values(fields)
    .flat()
    .filter((path) => path !== undefined)
    .filter((path) => names.has(path));
}

/** Null where nobody knows. */
function activeBy(status: string, active: readonly string[] | undefined, inactive: readonly string[]): boolean | null {
  const isAmong = (values: readonly string[]) =>
    values.some((each) => each.toLowerCase() === status.trim().toLowerCase());
  if (isAmong(inactive)) return false;
  return active === undefined || isAmong(active) || null;
}

/** Of a time, the day that stands there. */
function dayOf(text: string, emptyDays: readonly string[]): string {
  const day = /^(\d{4}-\d{2}-\d{2})[T ]/.exec(text)?.[1] ?? text;
  return emptyDays.includes(day) ? '' : day;
}

/** Reads groups, and the people whom they name. */
export async function* readGroups(
  entries: AsyncIterable<unknown>,
  { fields: { id, name, members } }: NonNullable<Definition['groups']>,
  where: string,
): AsyncGenerator<SourceRecord> {
  let count = 0;
  for await (const entry of entries) {
    count += 1;
    const groupKey = textAt(entry, id);
    const problem = groupKey === '' ? `${id} is empty` : isText(entry) ? '' : 'it holds characters that are no text';
    // Whoever is in a group that can't be read would lose what it gives.
    if (problem !== '')
      throw new Fault('invalid-feed', `A group can't be read: ${problem}.`, { where: `${where} entry ${count}` });
    yield { kind: 'group', groupKey, name: textAt(entry, name) || groupKey };
    if (members === undefined) continue;
    for (const value of valuesAt(entry, members).flat()) {
      yield { kind: 'member', groupKey, memberKey: textOf(value), memberIs: 'user' };
    }
  }
}
