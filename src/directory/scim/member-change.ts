/** What the operations of a group's PATCH mean for its members, as one difference. Pure; the members themselves are never loaded. */
import { Fault } from '../../errors.ts';
import { findAttribute } from './attribute.ts';
import { isObject, keyLike } from './conform.ts';
import type { Filter } from './filter.ts';
import { MAX_MEMBERS } from './limits.ts';
import { type Operation, type PatchPath, readPath } from './patch-request.ts';
import { GROUP } from './schemas.ts';
import { scimFault } from './scim-fault.ts';

export interface MemberChange {
  /** Whether everybody who is not in `add` goes. */
  readonly replacesAll: boolean;
  readonly add: ReadonlySet<string>;
  readonly remove: ReadonlySet<string>;
}

export const NO_MEMBER_CHANGE: MemberChange = { replacesAll: false, add: new Set(), remove: new Set() };

/** The members of a POST or PUT: exactly these. @throws Fault with scimType `invalidValue` */
export function exactMembers(value: unknown): MemberChange {
  return within({ replacesAll: true, add: new Set(memberIds(value, 'members')), remove: new Set() });
}

/**
 * Divides a PATCH into what it changes of members, folded into one difference, and the operations on other attributes.
 * @throws Fault with scimType `invalidPath` or `invalidValue`
 */
export function divideOperations(operations: readonly Operation[]): { members: MemberChange; others: Operation[] } {
  let members = NO_MEMBER_CHANGE;
  const others: Operation[] = [];
  for (const operation of operations) {
    const { about, rest } = aboutMembers(operation);
    if (about !== undefined) members = folded(members, about.operation, about.path);
    if (rest !== undefined) others.push(rest);
  }
  return { members: within(members), others };
}

interface Divided {
  about?: { operation: Operation; path: PatchPath };
  rest?: Operation;
}

function aboutMembers(operation: Operation): Divided {
  if (operation.path !== undefined) {
    const path = readPath(GROUP, operation.path);
    return isMembers(path) ? { about: { operation, path } } : { rest: operation };
  }
  const { value } = operation;
  const key = isObject(value) ? keyLike(value, 'members') : undefined;
  if (!isObject(value) || key === undefined) return { rest: operation };
  const { [key]: members, ...others } = value;
  const about = { operation: { ...operation, value: members }, path: { name: 'members' } };
  return Object.keys(others).length === 0 ? { about } : { about, rest: { ...operation, value: others } };
}

function isMembers(path: PatchPath): boolean {
  return (
    path.extension === undefined &&
    path.name !== undefined &&
    findAttribute(GROUP.core.attributes, path.name)?.name === 'members'
  );
}

function folded(before: MemberChange, operation: Operation, path: PatchPath): MemberChange {
  if (path.sub !== undefined)
    throw scimFault('invalidPath', 'Members are added and removed as a whole.', operation.path);
  if (path.filter !== undefined) {
    if (operation.op !== 'remove')
      throw scimFault('invalidPath', 'A filter of members is for removing them.', operation.path);
    return without(before, idsMeant(path.filter, operation));
  }
  const { op, value } = operation;
  if (op === 'remove' && (value === undefined || value === null))
    return { replacesAll: true, add: new Set(), remove: new Set() };
  const ids = memberIds(value, `${operation.place}.value`);
  if (op === 'remove') return without(before, ids);
  if (op === 'replace') return { replacesAll: true, add: new Set(ids), remove: new Set() };
  const added = new Set(ids);
  return { ...before, add: new Set([...before.add, ...added]), remove: except(before.remove, added) };
}

function without(before: MemberChange, ids: readonly string[]): MemberChange {
  const gone = new Set(ids);
  return { ...before, add: except(before.add, gone), remove: new Set([...before.remove, ...gone]) };
}

/** `value eq "..."`, or several of them joined by `or`. */
function idsMeant(filter: Filter, operation: Operation): string[] {
  if (filter.kind === 'or') return [...idsMeant(filter.left, operation), ...idsMeant(filter.right, operation)];
  const plain = filter.kind === 'compare' && filter.operator === 'eq' && filter.path.toLowerCase() === 'value';
  if (plain && typeof filter.value === 'string') return [filter.value.toLowerCase()];
  throw scimFault('invalidPath', 'Members are removed by members[value eq "id"].', operation.path);
}

/** Ids from `[{value}]`, a single `{value}`, or bare ids; whatever else a member carries is read-only and passed over. */
function memberIds(given: unknown, where: string): string[] {
  if (given === null || given === undefined) return [];
  return (Array.isArray(given) ? given : [given]).map((member: unknown) => {
    const value = isObject(member) ? member[keyLike(member, 'value') ?? 'value'] : member;
    if (typeof value !== 'string')
      throw scimFault('invalidValue', `Each member of ${where} must name a user's id as value.`, where);
    const type = isObject(member) ? member[keyLike(member, 'type') ?? 'type'] : undefined;
    if (typeof type === 'string' && type.toLowerCase() === 'group') {
      throw scimFault('invalidValue', 'Groups as members of groups are not supported; name the users.', where);
    }
    return value.toLowerCase();
  });
}

function within(change: MemberChange): MemberChange {
  if (change.add.size + change.remove.size <= MAX_MEMBERS) return change;
  throw new Fault('too-large', `One request names at most ${MAX_MEMBERS} members.`, { remedy: 'Split it.' });
}

function except(ids: ReadonlySet<string>, gone: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...ids].filter((id) => !gone.has(id)));
}
