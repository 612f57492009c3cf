/**
 * Microsoft Entra ID, by Microsoft Graph's delta queries: everything the first time, then what has changed since. Graph tells in any order,
 * some things twice, of somebody who has changed perhaps only what is new, and of a group its members bit by bit (directory, Sources).
 */
import { z } from 'zod';
import { Fault } from '../../errors.ts';
import {
  type DeltaPage,
  entraSecrets,
  entraSettings,
  type Graph,
  graphClient,
  type Said,
  said,
} from './entra-graph.ts';
import { followPages } from './pages.ts';
import { optionalText, personRecord } from './person.ts';
import { onlyOf, type Reading, type SourceRecord, sourceKind } from './source.ts';

/** The people of an Entra tenant and its groups. */
export const entra = sourceKind({
  settings: entraSettings,
  secrets: entraSecrets,
  open: (given, context) => {
    const graph = graphClient(given, context);
    return {
      read: async (since) => (await changes(graph, since)) ?? everything(graph),
      readPerson: async (key) => {
        const found = (await graph.usersById([key])).get(key);
        return found === undefined ? null : onlyOf(person(found, undefined), key);
      },
    };
  },
});

/** Where the next reading of changes begins. */
const cursorOf = z.strictObject({ users: z.url(), groups: z.url() });

/** A round of changes that has begun: where, and its first page where that was asked for already. */
interface Round {
  readonly start: URL;
  readonly first?: DeltaPage;
}

function everything(graph: Graph): Reading {
  const users = { start: graph.address('/users/delta', { $select: graph.properties.join(',') }) };
  const groups = { start: graph.address('/groups/delta', { $select: 'displayName,members' }) };
  return reading(graph, 'full', users, groups);
}

/** Null where there is nothing to go on from, or Graph remembers it no more: then everything is read. */
async function changes(graph: Graph, since: string | null): Promise<Reading | null> {
  const links = since === null ? undefined : cursorOf.parse(JSON.parse(since));
  if (links === undefined) return null;
  const rounds: Round[] = [];
  for (const link of [links.users, links.groups]) {
    const start = new URL(link);
    if (start.origin !== graph.origin) return null;
    const first = await graph.resume(start);
    if (first === null) return null;
    rounds.push({ start, first });
  }
  const [users, groups] = rounds as [Round, Round];
  return reading(graph, 'changes', users, groups);
}

function reading(graph: Graph, extent: Reading['extent'], users: Round, groups: Round): Reading {
  let cursor: string | null = null;
  async function* records(): AsyncGenerator<SourceRecord> {
    const next = { users: '', groups: '' };
    for await (const page of deltaPages(graph, users, (link) => (next.users = link)))
      yield* people(graph, page, extent);
    for await (const page of deltaPages(graph, groups, (link) => (next.groups = link)))
      for (const item of page) yield* group(item, graph.groupNames);
    cursor = JSON.stringify(next);
  }
  return { extent, journal: true, records: records(), cursor: () => cursor };
}

function deltaPages(graph: Graph, { start, first }: Round, done: (deltaLink: string) => void) {
  return followPages(start, async (url) => {
    const page = url === start && first !== undefined ? first : await graph.page(url);
    if (page.deltaLink !== null) done(page.deltaLink);
    return page;
  });
}

const removed = z.looseObject({ id: z.string().min(1), '@removed': z.looseObject({}) });

async function* people(
  graph: Graph,
  page: readonly unknown[],
  extent: Reading['extent'],
): AsyncGenerator<SourceRecord> {
  const items = page.map((item) => ({
    item,
    known: said.safeParse(item).data,
    isGone: removed.safeParse(item).success,
  }));
  const doubtful = items.flatMap(({ known, isGone }) =>
    known !== undefined && !isGone && (extent === 'changes' || !isWhole(known)) ? [known.id] : [],
  );
  const whole = await graph.usersById([...new Set(doubtful)]);
  for (const { known, isGone } of items) {
    if (known === undefined) yield { kind: 'bad', sourceKey: null, where: 'users', reason: 'somebody has no id' };
    else if (isGone) yield { kind: 'gone', what: 'user', key: known.id };
    else yield person(known, whole.get(known.id));
  }
}

/** Graph may tell of a change only what is new; and what is read right after it may be older than the change. */
function person(told: Said, read: Said | undefined): SourceRecord {
  const where = `user ${told.id}`;
  if (read === undefined && !isWhole(told)) {
    return { kind: 'bad', sourceKey: told.id, where, reason: 'has changed, but can not be read' };
  }
  const attributes = withoutNulls({ ...read, ...told });
  const understood = profile.safeParse(attributes);
  if (!understood.success)
    return { kind: 'bad', sourceKey: told.id, where, reason: 'the first or last day is no time' };
  const { userPrincipalName = '', mail, displayName, employeeId, accountEnabled, ...days } = understood.data;
  return personRecord({
    sourceKey: told.id,
    externalId: employeeId ?? null,
    userName: userPrincipalName ?? '',
    // A guest's user name only looks like an address.
    email: mail ?? (userPrincipalName?.includes('#EXT#') ? null : (userPrincipalName ?? null)),
    displayName: displayName ?? '',
    active: accountEnabled,
    startsOn: days.employeeHireDate?.slice(0, 10) ?? null,
    endsOn: lastDay(days.employeeLeaveDateTime),
    attributes,
    where,
  });
}

/** What Graph says in UTC; the year 1 is how it says that there is none. */
const moment = z.iso
  .datetime({ offset: true })
  .nullish()
  .transform((text) => (text?.startsWith('0001') ? null : text));

const profile = z.object({
  userPrincipalName: optionalText,
  mail: optionalText,
  displayName: optionalText,
  employeeId: optionalText,
  accountEnabled: z.boolean().optional().catch(undefined),
  employeeHireDate: moment,
  employeeLeaveDateTime: moment,
});

/** Whoever leaves at midnight was there the day before. A moment that is none, such as of the year 9999, is no end. */
function lastDay(leaves: string | null | undefined): string | null {
  if (leaves == null || leaves.startsWith('9999')) return null;
  return new Date(Date.parse(leaves) - 1000).toISOString().slice(0, 10);
}

function isWhole({ userPrincipalName, displayName, accountEnabled }: Said): boolean {
  return (
    typeof userPrincipalName === 'string' && typeof displayName === 'string' && typeof accountEnabled === 'boolean'
  );
}

/** What is not set is sometimes null and sometimes left out; rules that ask whether it exists must not see the difference. */
function withoutNulls(attributes: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(attributes).filter(([name, value]) => value !== null && !name.includes('@')),
  );
}

const groupItem = z.looseObject({
  id: z.string().min(1),
  displayName: optionalText,
  'members@delta': z
    .array(
      z.looseObject({
        id: z.string().min(1),
        '@odata.type': z.string().optional(),
        '@removed': z.looseObject({}).optional(),
      }),
    )
    .default([]),
});

function* group(item: unknown, names: Graph['groupNames']): Generator<SourceRecord> {
  const known = groupItem.safeParse(item);
  if (!known.success) throw strange('a group that can not be understood');
  const { id: groupKey, displayName, 'members@delta': members } = known.data;
  if (removed.safeParse(item).success) return yield { kind: 'gone', what: 'group', key: groupKey };
  const name = names === 'id' ? groupKey : displayName;
  if (name != null) yield { kind: 'group', groupKey, name };
  for (const member of members) {
    const type = member['@odata.type']?.replace('#microsoft.graph.', '');
    if (member['@removed'] !== undefined) yield { kind: 'no-member', groupKey, memberKey: member.id };
    else if (type === 'user' || type === 'group')
      yield { kind: 'member', groupKey, memberKey: member.id, memberIs: type };
    // Devices, contacts and apps can be members too.
    else if (type === undefined) throw strange('a member of a group without saying what it is');
  }
}

function strange(what: string): Fault {
  return new Fault('invalid-feed', `Microsoft Graph tells ${what}; nothing was changed.`, { where: 'groups' });
}
