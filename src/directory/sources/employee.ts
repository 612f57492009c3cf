/** Reads what an HR system says of a person, each field as the text it stands as; whatever is wrong with it is told at once. */
import { timeZone } from '../../tenancy/time-zone.ts';
import type { BadRecord, SourceUser } from './source.ts';
import { isEmail, isText } from './text.ts';

export interface SaidOfEmployee {
  readonly id: string;
  readonly email: string;
  /** Where it is empty, the address or the id stands for it. */
  readonly userName?: string;
  readonly name: string;
  /** Null where the source says something of which nobody knows what it means. */
  readonly active: boolean | null;
  readonly startsOn: string;
  readonly endsOn: string;
  readonly timeZone?: string;
  readonly groups: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
}

type Field = 'id' | 'email' | 'status' | 'startsOn' | 'endsOn' | 'timeZone';

/**
 * Makes a record of it.
 * @param called what the source calls the fields, to tell the reader
 */
export function readEmployee(
  said: SaidOfEmployee,
  called: Readonly<Partial<Record<Field, string | undefined>>>,
  where: string,
): SourceUser | BadRecord {
  const problems: string[] = [];
  const id = said.id.trim().normalize('NFC');
  const email = said.email.trim().toLowerCase();
  if (id === '') problems.push(`${called.id} is empty`);
  if (email !== '' && !isEmail(email)) problems.push(`${called.email} is not an e-mail address`);
  if (said.active === null) problems.push(`${called.status} is neither known as active nor as inactive`);
  const startsOn = readDay(said.startsOn.trim(), called.startsOn, problems);
  const endsOn = readDay(said.endsOn.trim(), called.endsOn, problems);
  const zone = said.timeZone?.trim() ?? '';
  if (zone !== '' && !timeZone.safeParse(zone).success)
    problems.push(`${called.timeZone} is not a time zone such as Europe/Berlin`);
  if (!isText(said)) problems.push('it holds characters that are no text');
  if (problems.length > 0)
    return { kind: 'bad', sourceKey: isText(id) && id ? id : null, where, reason: problems.join('; ') };
  return {
    kind: 'user',
    sourceKey: id,
    externalId: id,
    userName: said.userName?.trim() || email || id,
    email: email || null,
    displayName: said.name.trim(),
    active: said.active === true,
    startsOn,
    // Some systems write so for "no end".
    endsOn: endsOn?.startsWith('9999') ? null : endsOn,
    ...(zone === '' ? {} : { timeZone: zone }),
    groups: [...new Set(said.groups.map((name) => name.trim()).filter(Boolean))],
    attributes: said.attributes,
    where,
  };
}

const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;

function readDay(text: string, column: string | undefined, problems: string[]): string | null {
  if (text === '') return null;
  const [, year, month, day] = DAY.exec(text) ?? [];
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const real = Number(year) >= 1900 && date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  if (real) return text;
  problems.push(`${column} is not a day (YYYY-MM-DD)`);
  return null;
}
