/** A person as an identity provider's API says it, checked: whatever can't be one is told as bad, with everything that is wrong. */
import { z } from 'zod';
import type { BadRecord, SourceUser } from './source.ts';
import { isEmail, isText } from './text.ts';

export type SaidPerson = Omit<SourceUser, 'kind' | 'groups' | 'startsOn' | 'endsOn' | 'active'> & {
  readonly startsOn?: string | null;
  readonly endsOn?: string | null;
  /** Undefined where the source does not say it, or not so that it is understood. */
  readonly active: boolean | undefined;
};

/** Makes a record of it. */
export function personRecord(said: SaidPerson): SourceUser | BadRecord {
  const { sourceKey, active, where } = said;
  const email = said.email?.trim().toLowerCase() || null;
  const userName = said.userName.trim();
  const problems = [
    ...(userName === '' ? ['there is no user name'] : []),
    ...(email !== null && !isEmail(email) ? ['the e-mail address is none'] : []),
    ...(active === undefined ? ['it does not say whether the person is active'] : []),
    ...(isText(said) ? [] : ['it holds characters that are no text']),
  ];
  if (active === undefined || problems.length > 0)
    return { kind: 'bad', sourceKey, where, reason: problems.join('; ') };
  const displayName = said.displayName.trim() || userName;
  const { startsOn = null, endsOn = null } = said;
  return { ...said, kind: 'user', active, email, userName, displayName, startsOn, endsOn, groups: [] };
}

/** A text where there is one. */
export const optionalText = z.string().nullish().catch(undefined);
