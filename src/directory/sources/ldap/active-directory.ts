/**
 * Changes in Active Directory. Each controller numbers its own (USN); a position is therefore good only at the controller, and the state of
 * its database, that its invocationId names. What left is told apart from what stays by two looks at everything that was touched.
 */
import { BerWriter, Control } from 'ldapts';
import { z } from 'zod';
import { Fault } from '../../../errors.ts';
import type { LdapConnection } from './connection.ts';
import { firstOf, keyOf, valuesOf } from './entry.ts';
import type { Entry } from './message.ts';
import { find, search } from './search.ts';

/** Up to where a controller was read. */
export const position = z.strictObject({
  invocationId: z.string(),
  usn: z.string().regex(/^\d{1,19}$/),
  /** When everything was last read, in milliseconds. */
  fullAt: z.number(),
});
export type Position = z.output<typeof position>;

/** Deleted objects are kept for 60 days at least; and what two looks might miss is made good within a week. */
const FULL_EVERY_MS = 7 * 24 * 60 * 60 * 1000;

/** Shows deleted objects too. */
const SHOW_DELETED = new Control('1.2.840.113556.1.4.417', { critical: true });

/** Has names come with the GUID of what they name, so that members are known however they are called by now. */
class ExtendedNames extends Control {
  constructor() {
    super('1.2.840.113556.1.4.529', { critical: true });
  }

  protected override writeControl(writer: BerWriter): void {
    const value = new BerWriter();
    value.startSequence();
    value.writeInt(1);
    value.endSequence();
    writer.writeBuffer(value.buffer, 0x04);
  }
}
export const EXTENDED_NAMES: Control = new ExtendedNames();

/** The GUID in a name that was asked for with `EXTENDED_NAMES`, in the way in which keys are written. */
export function guidIn(extendedName: string): string | undefined {
  return /^<GUID=([0-9a-f-]{36})>/i.exec(extendedName)?.[1]?.toLowerCase();
}

export interface Controller {
  readonly position: Omit<Position, 'fullAt'>;
  readonly namingContexts: readonly string[];
}

/** Who the controller is and how far it is by now; to be asked before anything is read. */
export async function readController(connection: LdapConnection): Promise<Controller> {
  const attributes = ['highestCommittedUSN', 'dsServiceName', 'namingContexts'];
  const root = await find(connection, { base: '', scope: 'base', filter: '(objectClass=*)', attributes });
  const usn = root && firstOf(root, ['highestCommittedUSN']);
  const service = root && firstOf(root, ['dsServiceName']);
  const agent =
    service &&
    (await find(connection, {
      base: service,
      scope: 'base',
      filter: '(objectClass=*)',
      attributes: ['invocationId'],
    }));
  const invocationId = agent && keyOf(agent, 'invocationId');
  if (root === undefined || usn === undefined || invocationId === undefined) {
    throw new Fault('upstream-failed', 'The server does not answer as Active Directory does.', {
      where: connection.where,
      remedy: 'Choose another preset, or let the account read the configuration.',
    });
  }
  return { position: { invocationId, usn }, namingContexts: valuesOf(root, 'namingContexts') };
}

/** The position of the last reading, where changes since then can be told here and now. */
export function usable(since: string | null, controller: Controller, now: Date): Position | undefined {
  const parsed = position.safeParse(since === null ? null : parsedOrNull(since));
  const good =
    parsed.success &&
    parsed.data.invocationId === controller.position.invocationId &&
    BigInt(parsed.data.usn) <= BigInt(controller.position.usn) &&
    now.getTime() - parsed.data.fullAt < FULL_EVERY_MS;
  return good ? parsed.data : undefined;
}

function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The naming contexts in which these bases are; none where one is in none. */
export function contextsOf(bases: readonly string[], { namingContexts }: Controller): string[] {
  const within = (base: string, context: string) => `,${base}`.toLowerCase().endsWith(`,${context}`.toLowerCase());
  const found = bases.map((base) =>
    namingContexts.filter((context) => within(base, context)).sort((one, other) => other.length - one.length),
  );
  const longest = found.flatMap((contexts) => contexts.slice(0, 1));
  return longest.length < bases.length ? [] : [...new Set(longest)];
}

/** Whether the account sees deleted objects in all of them: who sees none is taken to be blind for them. */
export async function seesDeleted(connection: LdapConnection, contexts: readonly string[]): Promise<boolean> {
  for (const context of contexts) {
    const base = `CN=Deleted Objects,${context}`;
    const wanted = { base, scope: 'one', filter: '(isDeleted=TRUE)', attributes: ['isDeleted'] } as const;
    const seen = await find(connection, { ...wanted, controls: [SHOW_DELETED] }).catch(() => undefined);
    if (seen === undefined) return false;
  }
  return contexts.length > 0;
}

/** A filter for what was changed after a position. */
export function changedSince({ usn }: Position): string {
  return `(uSNChanged>=${BigInt(usn) + 1n})`;
}

/** Everything that was touched since, deleted or moved away or not, by key: the first of the two looks. */
export async function touchedSince(
  connection: LdapConnection,
  contexts: readonly string[],
  since: Position,
  pageSize: number,
): Promise<Map<string, 'user' | 'group'>> {
  const touched = new Map<string, 'user' | 'group'>();
  for (const base of contexts) {
    const attributes = ['objectGUID', 'objectClass'];
    const wanted = { base, filter: changedSince(since), attributes, controls: [SHOW_DELETED] };
    for await (const entry of search(connection, wanted, pageSize)) {
      const key = keyOf(entry, 'objectGUID');
      if (key !== undefined) touched.set(key, isGroup(entry) ? 'group' : 'user');
    }
  }
  return touched;
}

function isGroup(entry: Entry): boolean {
  return valuesOf(entry, 'objectClass').some((value) => value.toLowerCase() === 'group');
}
