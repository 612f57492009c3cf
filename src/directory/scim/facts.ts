/** Of a resource's attributes, the facts that the directory's columns hold and the reconcile goes by. Pure. */
import type { Attributes } from './conform.ts';
import { isObject } from './conform.ts';
import { MAX_KEY_CHARACTERS } from './limits.ts';
import { scimFault } from './scim-fault.ts';

export interface UserFacts {
  readonly source_key: string;
  readonly user_name: string;
  readonly external_id: string | null;
  readonly email: string | null;
  readonly display_name: string;
  readonly active: boolean;
}

export interface GroupFacts {
  readonly source_key: string;
  readonly display_name: string;
  readonly external_id: string | null;
}

const ADDRESS = /^[^\s@\p{C}]{1,64}@[^\s@\p{C}]{1,189}$/u;

/**
 * Under what a userName is unique: letter case, compatibility forms, invisible characters and outer blanks make no other name.
 */
export function userNameKey(userName: string): string {
  return userName
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .trim()
    .toLowerCase();
}

/**
 * What a user's attributes state.
 * @throws Fault with scimType `invalidValue` where an identifying one can not be used as such
 */
export function userFacts(attributes: Attributes): UserFacts {
  const userName = identifying(attributes, 'userName') ?? '';
  const key = userNameKey(userName);
  if (key === '') throw scimFault('invalidValue', 'userName is required and must not be empty.', 'userName');
  return {
    source_key: key,
    user_name: userName,
    external_id: identifying(attributes, 'externalId'),
    email: addressOf(attributes, userName),
    display_name: shownName(attributes, userName),
    active: attributes['active'] !== false,
  };
}

/** What a group's attributes state. One group per externalId, or, from sources that give none, per name. */
export function groupFacts(attributes: Attributes): GroupFacts {
  const name = identifying(attributes, 'displayName') ?? '';
  const externalId = identifying(attributes, 'externalId');
  return {
    source_key: externalId === null ? `name ${userNameKey(name)}` : `id ${externalId}`,
    display_name: name,
    external_id: externalId,
  };
}

function identifying(attributes: Attributes, name: string): string | null {
  const value = attributes[name];
  if (typeof value !== 'string') return null;
  if (value.length > MAX_KEY_CHARACTERS) {
    throw scimFault('invalidValue', `${name} has at most ${MAX_KEY_CHARACTERS} characters.`, name);
  }
  if (/\p{Cc}/u.test(value)) throw scimFault('invalidValue', `${name} must not have control characters.`, name);
  return value;
}

/** The primary address, else the one for work, else the first; else the userName where it is one. */
function addressOf(attributes: Attributes, userName: string): string | null {
  const emails = (Array.isArray(attributes['emails']) ? attributes['emails'] : []).filter(isObject);
  const ranked = [
    ...emails.filter((email) => email['primary'] === true),
    ...emails.filter((email) => String(email['type']).toLowerCase() === 'work'),
    ...emails,
  ].map((email) => email['value']);
  const found = [...ranked, userName].find(
    (text): text is string => typeof text === 'string' && ADDRESS.test(text.trim()),
  );
  return found?.trim().toLowerCase() ?? null;
}

function shownName(attributes: Attributes, userName: string): string {
  const name = isObject(attributes['name']) ? attributes['name'] : {};
  const parts = [name['givenName'], name['familyName']].filter((part) => typeof part === 'string' && part !== '');
  const candidates = [attributes['displayName'], name['formatted'], parts.join(' ')];
  return candidates.find((text): text is string => typeof text === 'string' && text.trim() !== '') ?? userName;
}
