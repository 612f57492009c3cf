/** Users as rows: what a directory states of people. Whoever writes here settles the people afterwards (see README). */
import { isDeepStrictEqual } from 'node:util';
import { type Selectable, sql } from 'kysely';
import { record } from '../../audit/record.ts';
import { Fault } from '../../errors.ts';
import type { DirectoryUserRow } from '../../store/tables.ts';
import { isId, type TenantTransaction } from '../../store/tenant.ts';
import { unlessTaken } from '../../tenancy/put.ts';
import type { Attributes } from './conform.ts';
import { type UserFacts, userFacts, userNameKey } from './facts.ts';
import type { Comparable, Searchable } from './filter-sql.ts';
import { USER } from './schemas.ts';
import { scimFault } from './scim-fault.ts';

export type UserRow = Selectable<DirectoryUserRow>;

const text = (column: string): Comparable => ({ value: sql.ref(column), type: 'string', caseExact: false });
const exact = (column: string): Comparable => ({ ...text(column), caseExact: true });

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
    externalid: exact('d.external_id'),
    username: { ...text('d.user_name'), equals: (name) => sql`d.source_key = ${userNameKey(name)}` },
    active: { value: sql`d.active`, type: 'boolean', caseExact: false },
    'meta.created': { value: sql`d.created_at`, type: 'dateTime', caseExact: false },
    'meta.lastmodified': { value: sql`d.updated_at`, type: 'dateTime', caseExact: false },
  },
  relations: {
    groups: {
      rows: sql`FROM directory_group_members m JOIN directory_groups g ON g.directory_id = m.directory_id AND g.id = m.group_id
        WHERE m.directory_id = d.directory_id AND m.member_id = d.id`,
      columns: {
        value: { value: sql`m.group_id::text`, type: 'string', caseExact: true },
        display: text('g.display_name'),
      },
    },
  },
};

/**
 * Makes a user, or brings back the one who left under this name: the same person returns as the same record.
 * @throws Fault with scimType `uniqueness` where the userName is taken; the database decides, also between equal requests at once
 */
export async function createUser(tx: TenantTransaction, directoryId: string, attributes: Attributes): Promise<UserRow> {
  const stated = { ...attributes, active: attributes['active'] !== false };
  const facts = userFacts(stated);
  await releaseName(tx, directoryId, facts, 'of somebody else');
  const { rows } = await sql<UserRow>`
    INSERT INTO directory_users AS d (organization_id, directory_id, source_key, external_id, user_name, email, display_name, active, attributes)
    VALUES (${tx.organizationId}, ${directoryId}, ${facts.source_key}, ${facts.external_id}, ${facts.user_name}, ${facts.email},
      ${facts.display_name}, ${facts.active}, ${JSON.stringify(stated)}::jsonb)
    ON CONFLICT (organization_id, directory_id, source_key) DO UPDATE SET external_id = excluded.external_id,
      user_name = excluded.user_name, email = excluded.email, display_name = excluded.display_name, active = excluded.active,
      attributes = excluded.attributes, version = d.version + 1, updated_at = now(), deleted_at = NULL
    WHERE d.deleted_at IS NOT NULL
      OR (NOT d.active AND excluded.active AND coalesce(d.external_id = excluded.external_id, true))
    RETURNING d.*`.execute(tx.db);
  const row = rows[0];
  if (row === undefined) throw taken(facts.user_name);
  const action = row.version === 1 ? 'directory_user.created' : 'directory_user.revived';
  await recordUser(tx, action, row, Object.keys(stated));
  return row;
}

/**
 * One user of a directory.
 * @param lock to change it in this transaction
 * @throws Fault `not-found`, also for the ids of other directories
 */
export async function findUser(tx: TenantTransaction, directoryId: string, id: string, lock = false): Promise<UserRow> {
  const query = tx.db
    .selectFrom('directory_users')
    .selectAll()
    .where('directory_id', '=', directoryId)
    .where('id', '=', id)
    .where('deleted_at', 'is', null);
  const row = isId(id) ? await (lock ? query.forUpdate() : query).executeTakeFirst() : undefined;
  if (row === undefined) throw new Fault('not-found', `There is no user "${id.slice(0, 100)}" in this directory.`);
  return row;
}

/**
 * Gives a locked user other attributes; what stays the same is not written.
 * @throws Fault with scimType `uniqueness`
 */
export async function changeUser(tx: TenantTransaction, before: UserRow, attributes: Attributes): Promise<UserRow> {
  // A source that does not mention it has not said that somebody is back.
  const stated = { ...attributes, active: attributes['active'] ?? before.active };
  if (isDeepStrictEqual(stated, before.attributes)) return before;
  const facts = userFacts(stated);
  if (facts.source_key !== before.source_key) await releaseName(tx, before.directory_id, facts, 'of anybody gone');
  const updating = sql<UserRow>`
    UPDATE directory_users d SET source_key = ${facts.source_key}, external_id = ${facts.external_id}, user_name = ${facts.user_name},
      email = ${facts.email}, display_name = ${facts.display_name}, active = ${facts.active},
      attributes = ${JSON.stringify(stated)}::jsonb, version = version + 1, updated_at = now()
    WHERE d.directory_id = ${before.directory_id} AND d.id = ${before.id} RETURNING d.*`;
  const { rows } = await unlessTaken(() => updating.execute(tx.db), taken(facts.user_name));
  const row = rows[0] ?? before;
  await recordUser(tx, 'directory_user.updated', row, changedNames(before.attributes, stated));
  return row;
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
): Promise<void> {
  const { row, groups } = await holdWithGroups(tx, directoryId, id);
  allowed(row);
  await sql`
    UPDATE directory_users SET active = false, deleted_at = now(), updated_at = now(), version = version + 1
    WHERE directory_id = ${directoryId} AND id = ${id}`.execute(tx.db);
  await sql`DELETE FROM directory_group_members WHERE directory_id = ${directoryId} AND member_id = ${id}`.execute(
    tx.db,
  );
  await sql`
    UPDATE directory_groups SET version = version + 1, updated_at = now()
    WHERE directory_id = ${directoryId} AND id = ANY(${groups}::uuid[])`.execute(tx.db);
  await recordUser(tx, 'directory_user.deleted', row, []);
}

/** Groups first, then the user, as a change of members does it, so that the two wait for each other instead of deadlocking. */
async function holdWithGroups(tx: TenantTransaction, directoryId: string, id: string) {
  const groups = await sql<{ id: string }>`
    SELECT id FROM directory_groups WHERE directory_id = ${directoryId} AND id IN (
      SELECT group_id FROM directory_group_members WHERE directory_id = ${directoryId} AND member_id = ${isId(id) ? id : null}::uuid)
    ORDER BY id FOR NO KEY UPDATE`.execute(tx.db);
  return { row: await findUser(tx, directoryId, id, true), groups: groups.rows.map((group) => group.id) };
}

/** The groups of a page of users, by user id. */
export async function groupsOf(
  tx: TenantTransaction,
  directoryId: string,
  ids: readonly string[],
): Promise<Map<string, { id: string; name: string }[]>> {
  const rows = await tx.db
    .selectFrom('directory_group_members as m')
    .innerJoin('directory_groups as g', (join) =>
      join.onRef('g.id', '=', 'm.group_id').onRef('g.directory_id', '=', 'm.directory_id'),
    )
    .select(['m.member_id', 'g.id', 'g.display_name'])
    .where('m.directory_id', '=', directoryId)
    .where('m.member_id', '=', sql<string>`ANY(${ids as string[]}::uuid[])`)
    .orderBy('g.display_name')
    .orderBy('g.id')
    .execute();
  const found = new Map<string, { id: string; name: string }[]>(ids.map((id) => [id, []]));
  for (const row of rows) found.get(row.member_id)?.push({ id: row.id, name: row.display_name });
  return found;
}

/** Lets go of a userName that a deleted record still holds: in a rename whosoever it was, in a creation only another person's. */
async function releaseName(
  tx: TenantTransaction,
  directoryId: string,
  facts: UserFacts,
  whose: 'of somebody else' | 'of anybody gone',
): Promise<void> {
  const other = whose === 'of anybody gone' ? sql`true` : sql`external_id <> ${facts.external_id}::text`;
  await sql`
    UPDATE directory_users SET source_key = 'deleted ' || id
    WHERE directory_id = ${directoryId} AND source_key = ${facts.source_key} AND deleted_at IS NOT NULL AND ${other}`.execute(
    tx.db,
  );
}

function taken(userName: string): Fault {
  return scimFault('uniqueness', `The userName "${userName}" is taken in this directory.`, 'userName');
}

function changedNames(before: Readonly<Attributes>, after: Attributes): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isDeepStrictEqual(before[name], after[name]));
}

async function recordUser(
  tx: TenantTransaction,
  action: string,
  row: UserRow,
  fields: readonly string[],
): Promise<void> {
  const detail = { directory: row.directory_id, userName: row.user_name, active: row.active, fields };
  await record(tx, { action, resource: { type: 'directory_user', id: row.id }, detail });
}
