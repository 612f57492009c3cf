/** Users as rows: what a directory states of people. Whoever writes here settles the people afterwards (see README). */
import { isDeepStrictEqual } from 'node:util';
import { type RawBuilder, type Selectable, sql } from 'kysely';
import { auditing } from '../../audit/record.ts';
import { Fault } from '../../errors.ts';
import { prepared } from '../../store/prepared.ts';
import type { DirectoryUserRow } from '../../store/tables.ts';
import { isId, type TenantTransaction } from '../../store/tenant.ts';
import { unlessTaken } from '../../tenancy/put.ts';
import { type Attributes, changedNames } from './conform.ts';
import type { Written } from './endpoint.ts';
import { type UserFacts, userFacts, userNameKey } from './facts.ts';
import type { Comparable, Searchable } from './filter-sql.ts';
import type { Member } from './groups.ts';
import { USER } from './schemas.ts';
import { scimFault } from './scim-fault.ts';

export type UserRow = Selectable<DirectoryUserRow> & {
  /** The user's groups, where they were read. */
  readonly related?: readonly Member[] | null;
};

/** The groups of the user of the alias `w`, in their order. */
export const GROUPS_OF_USER = sql`(
  SELECT jsonb_agg(jsonb_build_object('id', g.id, 'name', g.display_name) ORDER BY g.display_name, g.id)
  FROM directory_group_members m JOIN directory_groups g ON g.directory_id = m.directory_id AND g.id = m.group_id
  WHERE m.directory_id = w.directory_id AND m.member_id = w.id) AS related`;

const text = (value: RawBuilder<unknown>): Comparable => ({ value, type: 'string', caseExact: false });
const exact = (value: RawBuilder<unknown>): Comparable => ({ ...text(value), caseExact: true });

/** How users are searched. */
export const USERS: Searchable = {
  type: USER,
  columns: {
    id: {
      value: sql`d.id::text`,
      type: 'string',
      caseExact: true,
      equals: (id) => (isId(id) ? sql`d.id = ${id}::uuid` : sql`false`),
    },
    externalid: { ...exact(sql`d.external_id`), equals: (id) => sql`d.external_id = ${id}` },
    username: { ...text(sql`d.user_name`), equals: (name) => sql`d.source_key = ${userNameKey(name)}` },
    displayname: {
      ...text(sql`(d.attributes ->> 'displayName')`),
      equals: (name) => sql`d.display_name_key = lower(${name})`,
    },
    active: { value: sql`d.active`, type: 'boolean', caseExact: false },
    'meta.resourcetype': { value: sql`'User'`, type: 'string', caseExact: true },
    'meta.version': { value: sql`'W/"' || d.version || '"'`, type: 'string', caseExact: true },
    'meta.created': { value: sql`d.created_at`, type: 'dateTime', caseExact: false },
    'meta.lastmodified': { value: sql`d.updated_at`, type: 'dateTime', caseExact: false },
  },
  narrowed: { emails: (address) => sql`(d.email = lower(${address}) OR d.further_emails)` },
  relations: {
    groups: {
      rows: sql`FROM directory_group_members m JOIN directory_groups g ON g.directory_id = m.directory_id AND g.id = m.group_id
        WHERE m.directory_id = d.directory_id AND m.member_id = d.id`,
      columns: {
        value: { value: sql`m.group_id::text`, type: 'string', caseExact: true },
        display: text(sql`g.display_name`),
      },
    },
  },
};

/**
 * Makes a user, or brings back the one who left under this name: the same person returns as the same record.
 * @throws Fault with scimType `uniqueness` where the userName is taken; the database decides, also between equal requests at once
 */
export async function createUser(
  tx: TenantTransaction,
  directoryId: string,
  attributes: Attributes,
): Promise<Written<UserRow>> {
  const stated = { ...attributes, active: attributes['active'] !== false };
  const facts = userFacts(stated);
  const insert = () => insertOrRevive(tx, directoryId, facts, stated);
  const row = (await insert()) ?? ((await releaseName(tx, directoryId, facts)) ? await insert() : undefined);
  if (row === undefined) throw taken(facts.user_name);
  return {
    row,
    touched: [row.id],
    presenceStands: false,
    changed: [row.version === 1 ? 'user created' : 'user revived'],
  };
}

async function insertOrRevive(
  tx: TenantTransaction,
  directoryId: string,
  facts: UserFacts,
  stated: Attributes,
): Promise<UserRow | undefined> {
  const action = sql`CASE version WHEN 1 THEN 'directory_user.created' ELSE 'directory_user.revived' END`;
  const { rows } = await prepared(sql<UserRow>`
    WITH written AS (
      INSERT INTO directory_users AS d (organization_id, directory_id, source_key, external_id, user_name, email, display_name, active, attributes)
      VALUES (${tx.organizationId}, ${directoryId}, ${facts.source_key}, ${facts.external_id}, ${facts.user_name}, ${facts.email},
        ${facts.display_name}, ${facts.active}, ${JSON.stringify(stated)}::jsonb)
      ON CONFLICT (organization_id, directory_id, source_key) DO UPDATE SET external_id = excluded.external_id,
        user_name = excluded.user_name, email = excluded.email, display_name = excluded.display_name, active = excluded.active,
        attributes = excluded.attributes, version = d.version + 1, updated_at = now(), deleted_at = NULL
      WHERE coalesce(d.external_id = excluded.external_id, true)
        AND (d.deleted_at IS NOT NULL OR (NOT d.active AND excluded.active))
      RETURNING d.*),
    told AS (${auditing(tx, userEvents(action, Object.keys(stated)))})
    SELECT w.*, ${GROUPS_OF_USER} FROM written w`).execute(tx.db);
  return rows[0];
}

/** One user as a question. @param related further columns, of the alias `w` */
export function userById(directory: unknown, id: string, related: RawBuilder<unknown>): RawBuilder<UserRow> {
  return sql<UserRow>`SELECT w.*, ${related} FROM directory_users w
    WHERE w.directory_id = ${directory} AND w.id = ${isId(id) ? id : null}::uuid AND w.deleted_at IS NULL`;
}

/**
 * One user, to be changed in this transaction.
 * @throws Fault `not-found`, also for the ids of other directories
 */
export async function holdUser(tx: TenantTransaction, directoryId: string, id: string): Promise<UserRow> {
  const { rows } = await prepared(sql<UserRow>`
    SELECT * FROM directory_users WHERE directory_id = ${directoryId} AND id = ${isId(id) ? id : null}::uuid AND deleted_at IS NULL
    FOR UPDATE`).execute(tx.db);
  const [row] = rows;
  if (row === undefined) throw new Fault('not-found', `There is no user "${id.slice(0, 100)}" in this directory.`);
  return row;
}

/**
 * Gives a locked user other attributes; what stays the same is not written.
 * @throws Fault with scimType `uniqueness`
 */
export async function changeUser(
  tx: TenantTransaction,
  before: UserRow,
  attributes: Attributes,
): Promise<Written<UserRow>> {
  // A source that does not mention it has not said that somebody is back.
  const stated = { ...attributes, active: attributes['active'] ?? before.active };
  if (isDeepStrictEqual(stated, before.attributes)) {
    // Who was held for a person to decide is looked at again.
    const settled = before.reconciled_present === before.active;
    return { row: before, touched: settled ? [] : [before.id], presenceStands: settled, changed: [] };
  }
  const facts = userFacts(stated);
  if (facts.source_key !== before.source_key) await releaseName(tx, before.directory_id, facts, 'of anybody gone');
  const names = changedNames(before.attributes, stated);
  const updating = prepared(sql<UserRow>`
    WITH written AS (
      UPDATE directory_users d SET source_key = ${facts.source_key}, external_id = ${facts.external_id}, user_name = ${facts.user_name},
        email = ${facts.email}, display_name = ${facts.display_name}, active = ${facts.active},
        attributes = ${JSON.stringify(stated)}::jsonb, version = version + 1, updated_at = now()
      WHERE d.directory_id = ${before.directory_id} AND d.id = ${before.id} RETURNING d.*),
    told AS (${auditing(tx, userEvents(sql`'directory_user.updated'`, names))})
    SELECT w.*, ${GROUPS_OF_USER} FROM written w`);
  const { rows } = await unlessTaken(() => updating.execute(tx.db), taken(facts.user_name));
  const presenceStands = before.reconciled_present === facts.active;
  return { row: rows[0] ?? before, touched: [before.id], presenceStands, changed: names };
}

/**
 * Takes a user out of the directory and its groups. The record stays, so that a rehire is recognised.
 * @param allowed asked of the locked row before anything is written
 * @throws Fault `not-found`
 */
export async function removeUser(
  tx: TenantTransaction,
  directoryId: string,
  id: string,
  allowed: (row: UserRow) => void,
): Promise<Written<UserRow>> {
  const { row, groups } = await holdWithGroups(tx, directoryId, id);
  allowed(row);
  await prepared(sql`
    WITH written AS (
      UPDATE directory_users SET active = false, deleted_at = now(), updated_at = now(), version = version + 1
      WHERE directory_id = ${directoryId} AND id = ${id} RETURNING *),
    parted AS (DELETE FROM directory_group_members WHERE directory_id = ${directoryId} AND member_id = ${id}),
    moved AS (
      UPDATE directory_groups SET version = version + 1, updated_at = now()
      WHERE directory_id = ${directoryId} AND id = ANY(${groups}::uuid[]))
    ${auditing(tx, userEvents(sql`'directory_user.deleted'`, []))}`).execute(tx.db);
  return {
    row,
    touched: [id],
    presenceStands: false,
    changed: ['user deleted', ...(groups.length === 0 ? [] : [`left ${groups.length} groups`])],
  };
}

/** Groups first, then the user, as a change of members does it, so that the two wait for each other instead of deadlocking. */
async function holdWithGroups(tx: TenantTransaction, directoryId: string, id: string) {
  const groups = await prepared(sql<{ id: string }>`
    SELECT id FROM directory_groups WHERE directory_id = ${directoryId} AND id IN (
      SELECT group_id FROM directory_group_members WHERE directory_id = ${directoryId} AND member_id = ${isId(id) ? id : null}::uuid)
    ORDER BY id FOR NO KEY UPDATE`).execute(tx.db);
  return { row: await holdUser(tx, directoryId, id), groups: groups.rows.map((group) => group.id) };
}

/**
 * Lets go of a userName that a deleted record still holds: in a creation only another person's, in a rename whosoever it was.
 * @returns whether one did
 */
async function releaseName(
  tx: TenantTransaction,
  directoryId: string,
  facts: UserFacts,
  whose: 'of somebody else' | 'of anybody gone' = 'of somebody else',
): Promise<boolean> {
  const other = whose === 'of anybody gone' ? sql`true` : sql`external_id <> ${facts.external_id}::text`;
  const { rows } = await sql`
    UPDATE directory_users SET source_key = 'deleted ' || id
    WHERE directory_id = ${directoryId} AND source_key = ${facts.source_key} AND deleted_at IS NOT NULL AND ${other}
    RETURNING id`.execute(tx.db);
  return rows.length > 0;
}

function taken(userName: string): Fault {
  return scimFault('uniqueness', `The userName "${userName}" is taken in this directory.`, 'userName');
}

/** The audit event of each written row. */
function userEvents(action: RawBuilder<unknown>, fields: readonly string[]): RawBuilder<unknown> {
  return sql`SELECT ${action}, 'directory_user', id::text, '', jsonb_build_object('directory', directory_id, 'userName', user_name,
    'active', active, 'fields', ${JSON.stringify(fields)}::jsonb) FROM written`;
}
