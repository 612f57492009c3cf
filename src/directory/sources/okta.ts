/**
 * An Okta org: people in every status and groups with their members. By default all of it is read each time, for what Okta tells as changed
 * since a time leaves out whoever was deleted (directory, Sources' own traps).
 */
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import { atOnce } from './at-once.ts';
import { type OktaClient, type OktaSettings, oktaClient, oktaSecrets, oktaSettings } from './okta-client.ts';
import { optionalText, personRecord } from './person.ts';
import { onlyOf, type Reading, type SourceRecord, sourceKind } from './source.ts';

/** An Okta org. */
export const okta = sourceKind({
  settings: oktaSettings,
  secrets: oktaSecrets,
  open: (settings, context) => ({
    read: async (since) => {
      const client = oktaClient(settings, context);
      if (!settings.changes) return { extent: 'full', records: everything(client, settings), cursor: () => null };
      return changing(client, settings, since === null ? null : cursorOf.parse(JSON.parse(since)), context.now());
    },
    readPerson: async (key) => {
      const item = await oktaClient(settings, context).one(`/users/${encodeURIComponent(key)}`);
      return item === null ? null : onlyOf(person(item), key);
    },
  }),
});

/** From when on changes are to be read, and when everything was. */
const cursorOf = z.strictObject({ since: z.iso.datetime(), fullAt: z.iso.datetime() });

/** A change may become visible a little after its time. */
const OVERLAP_MS = 120_000;

function changing(
  client: OktaClient,
  settings: OktaSettings,
  cursor: z.output<typeof cursorOf> | null,
  now: Date,
): Reading {
  const age = cursor === null ? Number.POSITIVE_INFINITY : now.getTime() - Date.parse(cursor.fullAt);
  const next = () => new Date(client.since().getTime() - OVERLAP_MS).toISOString();
  if (cursor === null || age >= settings.fullEveryHours * 3_600_000) {
    const fullNow = () => JSON.stringify({ since: next(), fullAt: now.toISOString() });
    return { extent: 'full', records: everything(client, settings), cursor: fullNow };
  }
  return {
    extent: 'changes',
    records: changes(client, settings, cursor.since),
    cursor: () => JSON.stringify({ since: next(), fullAt: cursor.fullAt }),
  };
}

/** The plain list leaves out who was deprovisioned; they come first, so that nobody who is just let go is on both lists. */
async function* everything(client: OktaClient, settings: OktaSettings): AsyncGenerator<SourceRecord> {
  yield* people(client, { filter: 'status eq "DEPROVISIONED"' });
  yield* people(client, {});
  yield* groups(client, settings, {}, {});
}

async function* changes(client: OktaClient, settings: OktaSettings, since: string): AsyncGenerator<SourceRecord> {
  yield* people(client, { filter: `lastUpdated gt "${since}"` });
  const filter = `lastUpdated gt "${since}" or lastMembershipUpdated gt "${since}"`;
  yield* groups(client, settings, { filter }, { whole: true });
}

async function* people(client: OktaClient, query: Readonly<Record<string, string>>): AsyncGenerator<SourceRecord> {
  for await (const page of client.list('/users', { limit: '200', ...query })) yield* page.map(person);
}

async function* groups(
  client: OktaClient,
  settings: OktaSettings,
  query: Readonly<Record<string, string>>,
  extent: { readonly whole?: true },
): AsyncGenerator<SourceRecord> {
  for await (const page of client.list('/groups', { limit: '200', ...query })) {
    const known = page.map(group);
    for (const { id, profile } of known) yield { kind: 'group', groupKey: id, name: profile.name, ...extent };
    for await (const some of atOnce(
      known.map(({ id }) => members(client, id)),
      settings.atOnce,
    ))
      yield* some;
  }
}

async function* members(client: OktaClient, groupKey: string): AsyncGenerator<SourceRecord[]> {
  for await (const page of client.list(`/groups/${encodeURIComponent(groupKey)}/users`, { limit: '1000' })) {
    yield page.map((item) => {
      const memberKey = withId.safeParse(item).data?.id;
      if (memberKey === undefined) throw strange('a member of a group without an id');
      return { kind: 'member', groupKey, memberKey, memberIs: 'user' };
    });
  }
}

const withId = z.looseObject({ id: z.string().min(1) });
const groupItem = z.looseObject({ id: z.string().min(1), profile: z.looseObject({ name: z.string().min(1) }) });

function group(item: unknown): z.output<typeof groupItem> {
  const known = groupItem.safeParse(item);
  if (!known.success) throw strange('a group without an id or a name');
  return known.data;
}

const userItem = z.looseObject({
  id: z.string().min(1),
  status: z.string().catch(''),
  profile: z
    .looseObject({
      login: z.string().catch(''),
      email: optionalText,
      displayName: optionalText,
      firstName: optionalText,
      lastName: optionalText,
      employeeNumber: optionalText,
    })
    .catch({ login: '' }),
});

/** Whoever is locked out, or has to set a password, still works here. */
const IS_ACTIVE: Readonly<Record<string, boolean>> = {
  ...{ ACTIVE: true, PROVISIONED: true, RECOVERY: true, PASSWORD_EXPIRED: true, LOCKED_OUT: true },
  ...{ STAGED: false, SUSPENDED: false, DEPROVISIONED: false },
};

function person(item: unknown): SourceRecord {
  const known = userItem.safeParse(item).data;
  if (known === undefined) return { kind: 'bad', sourceKey: null, where: 'users', reason: 'somebody has no id' };
  const { id, status, profile } = known;
  const names = [profile.firstName, profile.lastName].filter(Boolean).join(' ');
  // What changes with each sign-in would make everybody changed in each reading.
  const { lastLogin: _, passwordChanged: __, credentials: ___, _links, _embedded, ...attributes } = known;
  return personRecord({
    sourceKey: id,
    externalId: profile.employeeNumber || null,
    userName: profile.login,
    email: profile.email ?? null,
    displayName: profile.displayName?.trim() || names,
    active: IS_ACTIVE[status],
    attributes,
    where: `user ${id}`,
  });
}

function strange(what: string): Fault {
  return new Fault('invalid-feed', `Okta tells of ${what}; nothing was changed.`, { where: 'groups' });
}
