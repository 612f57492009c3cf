/** `/Groups`: whose membership changes is settled before the answer goes out; nobody else is looked at. */
import { sql } from 'kysely';
import { type Projection, shownGroup, wants } from './answer.ts';
import { type Attributes, keyLike } from './conform.ts';
import type { Change, Endpoint } from './endpoint.ts';
import {
  changeGroup,
  createGroup,
  GROUPS,
  type GroupRow,
  groupById,
  holdGroup,
  MEMBERS_OF_GROUP,
  removeGroup,
} from './groups.ts';
import { listing } from './list.ts';
import { divideOperations, exactMembers, type MemberChange, NO_MEMBER_CHANGE } from './member-change.ts';
import { patched } from './patch.ts';
import { readOperations } from './patch-request.ts';
import { readResource } from './resource.ts';
import { GROUP } from './schemas.ts';

// Members may be many: they are read where they are wanted, and only then.
const related = (projection: Projection) => (wants(projection, 'members') ? MEMBERS_OF_GROUP : sql`true AS memberless`);

export const groups: Endpoint<GroupRow> = {
  type: GROUP,
  list: (directory, { query, projection }) =>
    listing(GROUPS, sql`directory_groups d WHERE d.directory_id = ${directory}`, related(projection), query),
  find: (directory, id, projection) => groupById(directory, id, related(projection)),
  show: shownGroup,
  create: (body) => {
    const { attributes, members } = readGroup(body);
    return (tx, directoryId) => createGroup(tx, directoryId, attributes, members);
  },
  replace: (body) => {
    const { attributes, members } = readGroup(body);
    return changing(() => attributes, members);
  },
  patch: (body) => {
    const { members, others } = divideOperations(readOperations(body));
    return changing((before) => patched(GROUP, before.attributes, before.id, others), members);
  },
  remove: async (tx, directoryId, id, allowed) => {
    const before = await holdGroup(tx, directoryId, id);
    allowed(before);
    return removeGroup(tx, before);
  },
  // Members may be many; whoever wants to see the outcome asks for attributes.
  patchShows: false,
};

function changing(changed: (row: GroupRow) => Attributes, members: MemberChange): Change<GroupRow> {
  return async (tx, directoryId, id, allowed) => {
    const before = await holdGroup(tx, directoryId, id);
    allowed(before);
    return changeGroup(tx, before, changed(before), members);
  };
}

/** A group apart from its members. Members that a body does not mention stay; an empty list empties the group. */
function readGroup(body: unknown): { attributes: Attributes; members: MemberChange } {
  const { members: _, ...attributes } = readResource(GROUP, body);
  const key = keyLike(body as Attributes, 'members');
  return { attributes, members: key === undefined ? NO_MEMBER_CHANGE : exactMembers((body as Attributes)[key]) };
}
