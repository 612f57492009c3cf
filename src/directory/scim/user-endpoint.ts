/** `/Users`: each write states facts of one person. */
import { sql } from 'kysely';
import { type Projection, shownUser, wants } from './answer.ts';
import type { Attributes } from './conform.ts';
import type { Change, Endpoint } from './endpoint.ts';
import { listing } from './list.ts';
import { patched } from './patch.ts';
import { readOperations } from './patch-request.ts';
import { readResource } from './resource.ts';
import { USER } from './schemas.ts';
import {
  changeUser,
  createUser,
  GROUPS_OF_USER,
  holdUser,
  removeUser,
  USERS,
  type UserRow,
  userById,
} from './users.ts';

const related = (projection: Projection) =>
  wants(projection, 'groups') ? GROUPS_OF_USER : sql`NULL::jsonb AS related`;

export const users: Endpoint<UserRow> = {
  type: USER,
  // Inactive users are users too, deleted ones are not.
  list: (directory, { query, projection }) =>
    listing(
      USERS,
      sql`directory_users d WHERE d.directory_id = ${directory} AND d.deleted_at IS NULL`,
      related(projection),
      query,
    ),
  find: (directory, id, projection) => userById(directory, id, related(projection)),
  show: shownUser,
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
    const before = await holdUser(tx, directoryId, id);
    allowed(before);
    return changeUser(tx, before, changed(before));
  };
}
