/** Groups and their members as rows. Changing members costs what changes, however many a group has. */
import { isDeepStrictEqual } from 'node:util';
import { type Selectable, sql } from 'kysely';
import { record } from '../../audit/record.ts';
import { Fault } from '../../errors.ts';
import type { DirectoryGroupRow } from '../../store/tables.ts';
import { isId, type TenantTransaction } from '../../store/tenant.ts';
import { unlessTaken } from '../../tenancy/put.ts';
import type { Attributes } from './conform.ts';
import { groupFacts } from './facts.ts';
import type { Searchable } from './filter-sql.ts';
import type { MemberChange } from './member-change.ts';
import { GROUP } from './schemas.ts';
import { scimFault } from './scim-fault.ts';

export type GroupRow = Selectable<DirectoryGroupRow>;

/** How groups are searched. */
export const GROUPS: Searchable = {
  type: GROUP,
  columns: {
    id: {
      value: sql`d.id::text`,
      type: 'string',
      caseExact: true,
      equals: (id) => (isId(id) ? sql`d.id = ${id}::uuid` : sql`false`),
    },
    externalid: { value: sql`d.external_id`, type: 'string', caseExact: true },
    displayname: { value: sql`d.display_name`, type: 'string', caseExact: false },
    'meta.created': { value: sql`d.created_at`, type: 'dateTime', caseExact: false },
    'meta.lastmodified': { value: sql`d.updated_at`, type: 'dateTime', caseExact: false },
  },
  relations: {
    members: {
      rows: sql`FROM directory_group_members m JOIN directory_users u ON u.directory_id = m.directory_id AND u.id = m.member_id
        WHERE m.directory_id = d.directory_id AND m.group_id = d.id`,
      columns: {
        value: {
          value: sql`m.member_id::text`,
          type: 'string',
          caseExact: true,
          equals: (id) => (isId(id) ? sql`m.member_id = ${id}::uuid` : sql`false`),
        },
        display: { value: sql`u.display_name`, type: 'string', caseExact: false },
      },
    },
  },
};

/** A group written, and the directory users whose facts that changed. */
export interface WrittenGroup {
  readonly row: GroupRow;
  readonly touched: readonly string[];
}

/**
 * Makes a group.
 * @throws Fault with scimType `uniqueness`, or `invalidValue` where a member does not exist
 */
export async function createGroup(
  tx: TenantTransaction,
  directoryId: string,
  attributes: Attributes,
  members: MemberChange,
): Promise<WrittenGroup> {
  const facts = groupFacts(attributes);
  const row = await tx.db
    .insertInto('directory_groups')
    .values({ organization_id: tx.organizationId, directory_id: directoryId, ...facts, attributes })
    .onConflict((conflict) => conflict.columns(['organization_id', 'directory_id', 'source_key']).doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw taken(facts.display_name);
  const { added } = await changeMembers(tx, row, members);
  await recordGroup(tx, 'directory_group.created', row, { members: added.length });
  return { row, touched: added };
}

/**
 * One group of a directory.
 * @param lock to change it in this transaction
 * @throws Fault `not-found`, also for the ids of other directories
 */
export async function findGroup(
  tx: TenantTransaction,
  directoryId: string,
  id: string,
  lock = false,
): Promise<GroupRow> {
  const query = tx.db
    .selectFrom('directory_groups')
    .selectAll()
    .where('directory_id', '=', directoryId)
    .where('id', '=', id);
  const row = isId(id) ? await (lock ? query.forUpdate() : query).executeTakeFirst() : undefined;
  if (row === undefined) throw new Fault('not-found', `There is no group "${id.slice(0, 100)}" in this directory.`);
  return row;
}

/**
 * Changes a locked group; what stays the same is not written. A new name concerns all members, for rules go by it.
 * @throws Fault with scimType `uniqueness` or `invalidValue`
 */
export async function changeGroup(
  tx: TenantTransaction,
  before: GroupRow,
  attributes: Attributes,
  members: MemberChange,
): Promise<WrittenGroup> {
  const { added, removed } = await changeMembers(tx, before, members);
  const same = isDeepStrictEqual(attributes, before.attributes);
  if (same && added.length + removed.length === 0) return { row: before, touched: [] };
  const facts = groupFacts(attributes);
  const updating = sql<GroupRow>`
    UPDATE directory_groups d SET source_key = ${facts.source_key}, external_id = ${facts.external_id},
      display_name = ${facts.display_name}, attributes = ${JSON.stringify(attributes)}::jsonb, version = version + 1, updated_at = now()
    WHERE d.directory_id = ${before.directory_id} AND d.id = ${before.id} RETURNING d.*`;
  const { rows } = await unlessTaken(() => updating.execute(tx.db), taken(facts.display_name));
  const row = rows[0] ?? before;
  await recordGroup(tx, 'directory_group.updated', row, {
    ...(row.display_name === before.display_name ? {} : { formerName: before.display_name }),
    membersAdded: added.length,
    membersRemoved: removed.length,
  });
  const renamed = row.display_name !== before.display_name;
  return { row, touched: renamed ? [...(await memberIdsOf(tx, row)), ...removed] : [...added, ...removed] };
}

/** Removes a locked group. @returns the users who were in it */
export async function removeGroup(tx: TenantTransaction, row: GroupRow): Promise<string[]> {
  const members = await memberIdsOf(tx, row);
  await tx.db
    .deleteFrom('directory_groups')
    .where('directory_id', '=', row.directory_id)
    .where('id', '=', row.id)
    .execute();
  await recordGroup(tx, 'directory_group.deleted', row, { members: members.length });
  return members;
}

export interface Member {
  readonly id: string;
  readonly name: string;
}

/** The members of a page of groups, by group id. */
export async function membersOf(
  tx: TenantTransaction,
  directoryId: string,
  ids: readonly string[],
): Promise<Map<string, Member[]>> {
  const { rows } = await sql<{ groupId: string; members: Member[] }>`
    SELECT m.group_id AS "groupId", jsonb_agg(jsonb_build_object('id', u.id, 'name', u.display_name) ORDER BY m.created_at, u.id) AS members
    FROM directory_group_members m
    JOIN directory_users u ON u.directory_id = m.directory_id AND u.id = m.member_id AND u.deleted_at IS NULL
    WHERE m.directory_id = ${directoryId} AND m.group_id = ANY(${ids as string[]}::uuid[])
    GROUP BY m.group_id`.execute(tx.db);
  return new Map(rows.map((row) => [row.groupId, row.members]));
}

async function memberIdsOf(tx: TenantTransaction, row: GroupRow): Promise<string[]> {
  const members = await tx.db
    .selectFrom('directory_group_members')
    .select('member_id')
    .where('directory_id', '=', row.directory_id)
    .where('group_id', '=', row.id)
    .execute();
  return members.map((member) => member.member_id);
}

/** Adds and removes; who is there already, or not, is no change. */
async function changeMembers(
  tx: TenantTransaction,
  group: GroupRow,
  change: MemberChange,
): Promise<{ added: string[]; removed: string[] }> {
  const removed = await removeMembers(tx, group, change);
  const added = await addMembers(tx, group, [...change.add]);
  return { added, removed };
}

async function removeMembers(
  tx: TenantTransaction,
  group: GroupRow,
  { replacesAll, add, remove }: MemberChange,
): Promise<string[]> {
  if (!replacesAll && remove.size === 0) return [];
  const gone = replacesAll
    ? sql`member_id <> ALL(${[...add].filter(isId)}::uuid[])`
    : sql`member_id = ANY(${[...remove].filter(isId)}::uuid[])`;
  const { rows } = await sql<{ id: string }>`
    DELETE FROM directory_group_members
    WHERE directory_id = ${group.directory_id} AND group_id = ${group.id} AND ${gone} RETURNING member_id AS id`.execute(
    tx.db,
  );
  return rows.map((row) => row.id);
}

async function addMembers(tx: TenantTransaction, group: GroupRow, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  // Held until the end, so that nobody is deleted and added in the same instant.
  const { rows: present } = await sql<{ id: string }>`
    SELECT id FROM directory_users WHERE directory_id = ${group.directory_id} AND id = ANY(${ids.filter(isId)}::uuid[])
      AND deleted_at IS NULL ORDER BY id FOR KEY SHARE`.execute(tx.db);
  const known = new Set(present.map((row) => row.id));
  const unknown = ids.find((id) => !known.has(id));
  if (unknown !== undefined) {
    throw scimFault(
      'invalidValue',
      `There is no user "${unknown.slice(0, 100)}" in this directory to be a member.`,
      'members',
    );
  }
  const { rows } = await sql<{ id: string }>`
    INSERT INTO directory_group_members (organization_id, directory_id, group_id, member_id)
    SELECT ${tx.organizationId}::uuid, ${group.directory_id}::uuid, ${group.id}::uuid, id FROM unnest(${ids as string[]}::uuid[]) AS given(id)
    ON CONFLICT DO NOTHING RETURNING member_id AS id`.execute(tx.db);
  return rows.map((row) => row.id);
}

function taken(name: string): Fault {
  return scimFault('uniqueness', `The group "${name}" exists in this directory already.`, 'displayName');
}

async function recordGroup(
  tx: TenantTransaction,
  action: string,
  row: GroupRow,
  detail: Record<string, unknown>,
): Promise<void> {
  await record(tx, {
    action,
    resource: { type: 'directory_group', id: row.id },
    detail: { directory: row.directory_id, displayName: row.display_name, ...detail },
  });
}
