/** Groups and their members as rows. Changing members costs what changes, however many a group has. */
import { isDeepStrictEqual } from 'node:util';
import { type RawBuilder, type Selectable, sql } from 'kysely';
import { auditing } from '../../audit/record.ts';
import { Fault } from '../../errors.ts';
import { prepared } from '../../store/prepared.ts';
import type { DirectoryGroupRow } from '../../store/tables.ts';
import { isId, type TenantTransaction } from '../../store/tenant.ts';
import { unlessTaken } from '../../tenancy/put.ts';
import { type Attributes, changedNames } from './conform.ts';
import type { Written } from './endpoint.ts';
import { groupFacts } from './facts.ts';
import type { Searchable } from './filter-sql.ts';
import type { MemberChange } from './member-change.ts';
import { GROUP } from './schemas.ts';
import { scimFault } from './scim-fault.ts';

export type GroupRow = Selectable<DirectoryGroupRow> & {
  /** The group's members, where they were read. */
  readonly related?: readonly Member[] | null;
};

export interface Member {
  readonly id: string;
  readonly name: string;
}

/** The members of the group of the alias `w`, in the order in which they came. */
export const MEMBERS_OF_GROUP = sql`(
  SELECT jsonb_agg(jsonb_build_object('id', u.id, 'name', u.display_name) ORDER BY m.created_at, u.id)
  FROM directory_group_members m
  JOIN directory_users u ON u.directory_id = m.directory_id AND u.id = m.member_id AND u.deleted_at IS NULL
  WHERE m.directory_id = w.directory_id AND m.group_id = w.id) AS related`;

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
    externalid: {
      value: sql`d.external_id`,
      type: 'string',
      caseExact: true,
      equals: (id) => sql`d.external_id = ${id}`,
    },
    displayname: {
      value: sql`d.display_name`,
      type: 'string',
      caseExact: false,
      equals: (name) => sql`d.display_name_key = lower(${name})`,
    },
    'meta.resourcetype': { value: sql`'Group'`, type: 'string', caseExact: true },
    'meta.version': { value: sql`'W/"' || d.version || '"'`, type: 'string', caseExact: true },
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

/**
 * Makes a group.
 * @throws Fault with scimType `uniqueness`, or `invalidValue` where a member does not exist
 */
export async function createGroup(
  tx: TenantTransaction,
  directoryId: string,
  attributes: Attributes,
  members: MemberChange,
): Promise<Written<GroupRow>> {
  const facts = groupFacts(attributes);
  const { rows } = await prepared(sql<GroupRow>`
    WITH written AS (
      INSERT INTO directory_groups (organization_id, directory_id, source_key, external_id, display_name, attributes)
      VALUES (${tx.organizationId}, ${directoryId}, ${facts.source_key}, ${facts.external_id}, ${facts.display_name},
        ${JSON.stringify(attributes)}::jsonb)
      ON CONFLICT (organization_id, directory_id, source_key) DO NOTHING RETURNING *),
    told AS (${auditing(tx, groupEvents('directory_group.created', { members: members.add.size }))})
    SELECT * FROM written`).execute(tx.db);
  const [row] = rows;
  if (row === undefined) throw taken(facts.display_name);
  const added = await addMembers(tx, row, [...members.add]);
  return { row, touched: added, presenceStands: true, changed: ['group created', ...memberNotes(added, [])] };
}

/** One group as a question. @param related further columns, of the alias `w` */
export function groupById(directory: unknown, id: string, related: RawBuilder<unknown>): RawBuilder<GroupRow> {
  return sql<GroupRow>`SELECT w.*, ${related} FROM directory_groups w
    WHERE w.directory_id = ${directory} AND w.id = ${isId(id) ? id : null}::uuid`;
}

/**
 * One group, to be changed in this transaction.
 * @throws Fault `not-found`, also for the ids of other directories
 */
export async function holdGroup(tx: TenantTransaction, directoryId: string, id: string): Promise<GroupRow> {
  const { rows } = await prepared(sql<GroupRow>`
    SELECT * FROM directory_groups WHERE directory_id = ${directoryId} AND id = ${isId(id) ? id : null}::uuid FOR UPDATE`).execute(
    tx.db,
  );
  const [row] = rows;
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
): Promise<Written<GroupRow>> {
  const removed = await removeMembers(tx, before, members);
  const added = await addMembers(tx, before, [...members.add]);
  const same = isDeepStrictEqual(attributes, before.attributes);
  if (same && added.length + removed.length === 0)
    return { row: before, touched: [], presenceStands: true, changed: [] };
  const facts = groupFacts(attributes);
  const renamed = facts.display_name !== before.display_name;
  const told = { membersAdded: added.length, membersRemoved: removed.length };
  const events = groupEvents('directory_group.updated', renamed ? { formerName: before.display_name, ...told } : told);
  const updating = prepared(sql<GroupRow>`
    WITH written AS (
      UPDATE directory_groups d SET source_key = ${facts.source_key}, external_id = ${facts.external_id},
        display_name = ${facts.display_name}, attributes = ${JSON.stringify(attributes)}::jsonb, version = version + 1, updated_at = now()
      WHERE d.directory_id = ${before.directory_id} AND d.id = ${before.id} RETURNING d.*),
    told AS (${auditing(tx, events)})
    SELECT * FROM written`);
  const { rows } = await unlessTaken(() => updating.execute(tx.db), taken(facts.display_name));
  const row = rows[0] ?? before;
  return {
    row,
    touched: renamed ? [...(await memberIdsOf(tx, row)), ...removed] : [...added, ...removed],
    presenceStands: true,
    changed: [...changedNames(before.attributes, attributes), ...memberNotes(added, removed)],
  };
}

/** Removes a locked group; whoever was in it is concerned. */
export async function removeGroup(tx: TenantTransaction, row: GroupRow): Promise<Written<GroupRow>> {
  const members = await memberIdsOf(tx, row);
  await prepared(sql`
    WITH written AS (DELETE FROM directory_groups WHERE directory_id = ${row.directory_id} AND id = ${row.id} RETURNING *)
    ${auditing(tx, groupEvents('directory_group.deleted', { members: members.length }))}`).execute(tx.db);
  return { row, touched: members, presenceStands: true, changed: ['group deleted', ...memberNotes([], members)] };
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

async function removeMembers(
  tx: TenantTransaction,
  group: GroupRow,
  { replacesAll, add, remove }: MemberChange,
): Promise<string[]> {
  if (!replacesAll && remove.size === 0) return [];
  const gone = replacesAll
    ? sql`member_id <> ALL(${[...add].filter(isId)}::uuid[])`
    : sql`member_id = ANY(${[...remove].filter(isId)}::uuid[])`;
  const { rows } = await prepared(sql<{ id: string }>`
    DELETE FROM directory_group_members
    WHERE directory_id = ${group.directory_id} AND group_id = ${group.id} AND ${gone} RETURNING member_id AS id`).execute(
    tx.db,
  );
  return rows.map((row) => row.id);
}

/** Who is there already is no change. Whoever is added is held until the end, so that nobody is deleted and added in the same instant. */
async function addMembers(tx: TenantTransaction, group: GroupRow, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const { rows } = await prepared(sql<{ id: string; added: boolean }>`
    WITH present AS MATERIALIZED (
      SELECT id FROM directory_users WHERE directory_id = ${group.directory_id} AND id = ANY(${ids.filter(isId)}::uuid[])
        AND deleted_at IS NULL ORDER BY id FOR KEY SHARE),
    added AS (
      INSERT INTO directory_group_members (organization_id, directory_id, group_id, member_id)
      SELECT ${tx.organizationId}::uuid, ${group.directory_id}::uuid, ${group.id}::uuid, id FROM present
      ON CONFLICT DO NOTHING RETURNING member_id)
    SELECT id, id IN (SELECT member_id FROM added) AS added FROM present`).execute(tx.db);
  const known = new Set(rows.map((row) => row.id));
  const unknown = ids.find((id) => !known.has(id));
  if (unknown !== undefined) {
    throw scimFault(
      'invalidValue',
      `There is no user "${unknown.slice(0, 100)}" in this directory to be a member.`,
      'members',
    );
  }
  return rows.filter((row) => row.added).map((row) => row.id);
}

function taken(name: string): Fault {
  return scimFault('uniqueness', `The group "${name}" exists in this directory already.`, 'displayName');
}

/** The audit event of each written row. */
function groupEvents(action: string, detail: Record<string, unknown>): RawBuilder<unknown> {
  return sql`SELECT ${action}::text, 'directory_group', id::text, '', jsonb_build_object('directory', directory_id,
    'displayName', display_name) || ${JSON.stringify(detail)}::jsonb FROM written`;
}

function memberNotes(added: readonly string[], removed: readonly string[]): string[] {
  return [
    ...(added.length === 0 ? [] : [`members added: ${shortList(added)}`]),
    ...(removed.length === 0 ? [] : [`members removed: ${shortList(removed)}`]),
  ];
}

function shortList(ids: readonly string[]): string {
  return ids.length <= 10 ? ids.join(', ') : `${ids.slice(0, 10).join(', ')} and ${ids.length - 10} more`;
}
