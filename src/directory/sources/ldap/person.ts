/** Makes of a person's entry what the directory keeps of them. */
import type { BadRecord, SourceUser } from '../source.ts';
import { isEmail, isText } from '../text.ts';
import { firstOf, keyOf, valuesOf } from './entry.ts';
import type { Entry } from './message.ts';
import type { UserMapping } from './presets.ts';

export interface PersonMapping extends UserMapping {
  /** Besides what servers themselves call disabled. */
  readonly inactive?: { readonly attribute: string; readonly values: readonly string[] } | undefined;
}

/** Everything that must be asked for. */
export function attributesOf(mapping: PersonMapping): string[] {
  const { key, externalId = key, userName, email, displayName, startsOn, endsOn, attributes, inactive } = mapping;
  const named = [key, externalId, ...userName, ...email, ...displayName, ...startsOn, ...endsOn, ...attributes];
  return [...new Set([...named, ...DISABLING, ...(inactive === undefined ? [] : [inactive.attribute])])];
}

/** A person, or why the entry can't be used. */
export function readPerson(entry: Entry, mapping: PersonMapping): SourceUser | BadRecord {
  const problems: string[] = [];
  const key = keyOf(entry, mapping.key);
  if (key === undefined) problems.push(`${mapping.key} is missing`);
  const userName = firstOf(entry, mapping.userName);
  if (userName === undefined) problems.push(`${mapping.userName.join(' and ')} are missing`);
  const email = firstOf(entry, mapping.email)?.toLowerCase() ?? null;
  if (email !== null && !isEmail(email)) problems.push(`${mapping.email.join(', ')} is not an e-mail address`);
  const startsOn = readDay(firstOf(entry, mapping.startsOn), mapping.startsOn, problems);
  const endsOn = readDay(firstOf(entry, mapping.endsOn), mapping.endsOn, problems);
  const attributes = verbatim(entry, mapping.attributes);
  if (!isText([key, userName, attributes])) problems.push('it holds characters that are no text');
  if (key === undefined || userName === undefined || problems.length > 0) {
    return {
      kind: 'bad',
      sourceKey: key !== undefined && isText(key) ? key : null,
      where: entry.name,
      reason: problems.join('; '),
    };
  }
  return {
    kind: 'user',
    sourceKey: key,
    externalId: keyOf(entry, mapping.externalId ?? mapping.key) ?? null,
    userName,
    email,
    displayName: firstOf(entry, mapping.displayName) ?? userName,
    active: !isDisabled(entry) && !isInactive(entry, mapping),
    startsOn,
    endsOn,
    groups: [],
    attributes,
    where: entry.name,
  };
}

const DISABLING = ['userAccountControl', 'nsAccountLock', 'pwdAccountLockedTime'];
const ACCOUNT_DISABLE = 0x2;
const LOCKED_FOR_GOOD = '000001010000Z';

/** A lock that somebody set, not one that wrong passwords bring: else whoever guesses passwords could let people go. */
function isDisabled(entry: Entry): boolean {
  const control = Number(firstOf(entry, ['userAccountControl']) ?? 0);
  return (
    (control & ACCOUNT_DISABLE) !== 0 ||
    firstOf(entry, ['nsAccountLock'])?.toLowerCase() === 'true' ||
    firstOf(entry, ['pwdAccountLockedTime']) === LOCKED_FOR_GOOD
  );
}

function isInactive(entry: Entry, { inactive }: PersonMapping): boolean {
  if (inactive === undefined) return false;
  const meant = inactive.values.map((value) => value.toLowerCase());
  return valuesOf(entry, inactive.attribute).some((value) => meant.includes(value.toLowerCase()));
}

/** Under the names that the settings use: one value as it is, several as a list. */
function verbatim(entry: Entry, names: readonly string[]): Record<string, unknown> {
  const said = names.flatMap((name) => {
    const values = valuesOf(entry, name);
    return values.length === 0 ? [] : [[name, values.length === 1 ? values[0] : values] as const];
  });
  return { dn: entry.name, ...Object.fromEntries(said) };
}

const GENERALIZED = /^(\d{4})(\d{2})(\d{2})(\d{2}(?:\d{2}){0,2}(?:[.,]\d+)?(?:Z|[+-]\d{2}(?:\d{2})?))?$/;
const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;
const FILE_TIME = /^\d{15,19}$/;
const NEVER = ['0', '9223372036854775807'];

/** A day, a generalized time (RFC 4517), or Windows' time. */
function readDay(text: string | undefined, names: readonly string[], problems: string[]): string | null {
  if (text === undefined || NEVER.includes(text)) return null;
  const day = FILE_TIME.test(text) ? lastDayBefore(text) : writtenDay(text);
  if (day === null) problems.push(`${names.join(', ')} is not a day`);
  return day;
}

function writtenDay(text: string): string | null {
  const [, year, month, day] = DAY.exec(text) ?? GENERALIZED.exec(text) ?? [];
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (Number.isNaN(date.getTime()) || date.getUTCDate() !== Number(day) || Number(year) < 1900) return null;
  return `${year}-${month}-${day}`;
}

const HALF_A_DAY = 12 * 60 * 60 * 1000;

/**
 * Windows keeps the midnight, of wherever the administrator sits, that follows the last day, in steps of 100 ns since 1601. The noon before
 * it is on that day in every time zone.
 */
function lastDayBefore(fileTime: string): string | null {
  const ms = Number(BigInt(fileTime) / 10_000n) - 11_644_473_600_000 - HALF_A_DAY;
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999 ? null : date.toISOString().slice(0, 10);
}
