/** Makes of SCIM resources (RFC 7643) what a directory keeps. */
import { z } from 'zod';
import { optionalText, personRecord } from '../person.ts';
import type { SourceRecord } from '../source.ts';

const email = z.looseObject({ value: z.string().nullish(), primary: z.unknown().optional(), type: optionalText });

const identified = z.looseObject({ id: z.string().min(1) });

const user = z.looseObject({
  id: z.string().min(1),
  externalId: optionalText,
  userName: z.string().catch(''),
  displayName: optionalText,
  name: z
    .looseObject({ formatted: optionalText, givenName: optionalText, familyName: optionalText })
    .nullish()
    .catch(undefined),
  emails: z.array(email).nullish(),
});

/** Where a server does not say whether somebody is active, they are: whoever left is not on its list. */
export function readUser(resource: unknown, where: string): SourceRecord {
  const parsed = user.safeParse(resource);
  if (!parsed.success) {
    const id = identified.safeParse(resource).data?.id ?? null;
    const reason = id === null ? 'somebody has no id' : 'the e-mail addresses are no list of such';
    return { kind: 'bad', sourceKey: id, where, reason };
  }
  const { id, externalId, userName, displayName, name, emails } = parsed.data;
  const names = [name?.givenName, name?.familyName].filter(Boolean).join(' ');
  return personRecord({
    sourceKey: id,
    externalId: externalId || null,
    userName,
    email: addressOf(emails ?? []) ?? null,
    displayName: displayName?.trim() || name?.formatted?.trim() || names,
    active: activeOf(parsed.data['active']),
    attributes: lasting(parsed.data),
    where: `user ${id}`,
  });
}

/** The primary one, else that for work, else the first. */
function addressOf(emails: readonly z.output<typeof email>[]): string | null | undefined {
  const primary = emails.find((each) => each.primary === true || each.primary === 'true');
  return (primary ?? emails.find(({ type }) => type?.toLowerCase() === 'work') ?? emails[0])?.value;
}

function activeOf(said: unknown): boolean | undefined {
  if (said === undefined || said === null) return true;
  if (typeof said === 'string') return { true: true, false: false }[said.toLowerCase()];
  return typeof said === 'boolean' ? said : undefined;
}

/** `meta` changes with each touch, and `groups` is told by the groups themselves. */
function lasting({ meta: _, groups: __, password: ___, ...attributes }: Record<string, unknown>) {
  return attributes;
}

const member = z.looseObject({ value: z.string().min(1), type: optionalText, $ref: optionalText });

export const group = z.looseObject({
  id: z.string().min(1),
  displayName: z.string().trim().min(1),
  members: z.array(member).nullish(),
});

/** What a member is, where the server tells; its type need not be given (RFC 7643, section 4.2). */
export function kindOf({ type, $ref }: z.output<typeof member>): 'user' | 'group' | undefined {
  const said =
    type?.toLowerCase() ??
    /\/(users|groups)\//i
      .exec($ref ?? '')?.[1]
      ?.toLowerCase()
      .slice(0, -1);
  return said === 'user' || said === 'group' ? said : undefined;
}
