/** `/Users`: each write states facts of one person. */
import { shownUser, wants } from './answer.ts';
import type { Attributes } from './conform.ts';
import type { Change, Endpoint } from './endpoint.ts';
import { listUsers } from './list.ts';
import { patched } from './patch.ts';
import { readOperations } from './patch-request.ts';
import { readResource } from './resource.ts';
import { USER } from './schemas.ts';
import { changeUser, createUser, findUser, groupsOf, removeUser, type UserRow } from './users.ts';

export const users: Endpoint<UserRow> = {
  type: USER,
  list: listUsers,
  find: findUser,
  show: async (tx, base, rows, projection) => {
    const unread = wants(projection, 'groups') ? rows.filter((row) => row.groups === undefined) : [];
    const groups = unread.length === 0 ? undefined : await groupsOf(tx, unread);
    return rows.map((row) => shownUser(base, row, row.groups ?? groups?.get(row.id) ?? []));
  },
  create: (body) => {
    const attributes = readResource(USER, body);
    return (tx, directoryId) => createUser(tx, directoryId, attributes);
  },
  replace: (body) => {
    const attributes = readResource(USER, body);
    return changing(() => attributes);
  },
  patch: (body) => {
    const operations = readOperations(body);
    return changing((row) => patched(USER, row.attributes, row.id, operations));
  },
  remove: removeUser,
  patchShows: true,
};

function changing(changed: (row: UserRow) => Attributes): Change<UserRow> {
  return async (tx, directoryId, id, allowed) => {
    const before = await findUser(tx, directoryId, id, true);
    allowed(before);
    return changeUser(tx, before, changed(before));
  };
}
