/** People as administrators look for them: found, filtered, sorted, a page at a time. */
import { type RawBuilder, sql } from 'kysely';
import { z } from 'zod';
import { Fault } from '../errors.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';
import { PERSON, personShape, text } from './people.ts';

/** What a page may be sorted by: a text or a time, the same person being told apart by their id. */
const KEYS = {
  email: { key: sql`u.email`, type: sql`text` },
  name: { key: sql`lower(u.display_name)`, type: sql`text` },
  lastActive: { key: sql`coalesce(u.last_active_at, '-infinity')`, type: sql`timestamptz` },
  created: { key: sql`u.created_at`, type: sql`timestamptz` },
} as const;

const SORTS = ['email', 'name', 'lastActive', 'created', '-email', '-name', '-lastActive', '-created'] as const;
type Sort = (typeof SORTS)[number];

const time = z.iso.datetime({ offset: true });
const word = text.min(1).max(320);

export const peopleQuery = z.object({
  /** Part of a name or e-mail, in any case. */
  query: text.max(200).optional(),
  status: z.enum(['active', 'suspended', 'deprovisioned']).optional(),
  /** A role that they hold now, wherever or in `scope`. */
  role: word.optional(),
  /** Id of the organization, a workspace or a product in which they hold a role now. */
  scope: z.uuid().optional(),
  /** A team: the id of a directory's group, or its name. */
  team: word.optional(),
  /** Slug of a connection through which they sign in. */
  connection: word.optional(),
  /** Active at that time or later. */
  activeSince: time.optional(),
  /** Not active since, or never. */
  inactiveSince: time.optional(),
  sort: z.enum(SORTS).default('email'),
  /** Whether to count all that match. */
  count: z.stringbool().default(false),
  /** `next` of the page before. */
  cursor: z.string().max(2000).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
export type PeopleQuery = z.output<typeof peopleQuery>;

const listed = z.object({
  ...personShape,
  roles: z.array(
    z.object({ scope: z.string(), scopeId: z.uuid(), place: z.string(), role: z.string(), source: z.string() }),
  ),
  teams: z.array(z.object({ id: z.uuid(), name: z.string() })),
});

export const peoplePage = z.object({
  people: z.array(listed),
  next: z.string().nullable(),
  /** Null unless it was asked for. */
  total: z.number().nullable(),
});

interface Row extends z.output<typeof listed> {
  readonly sortKey: string;
}

/** A page of people. What comes or goes meanwhile shifts nobody: it goes on after the last one's key and id. */
export async function listPeople(tx: TenantTransaction, query: PeopleQuery): Promise<z.output<typeof peoplePage>> {
  const { limit } = query;
  const matching = matches(query);
  const { key, after, direction } = orderOf(query);
  const { rows } = await sql<Row>`
    WITH page AS (
      SELECT ${PERSON}, ${key} AS key FROM users u WHERE ${matching} AND ${after}
      ORDER BY ${key} ${direction}, u.id ${direction} LIMIT ${limit + 1})
    SELECT page.*, page.key::text AS "sortKey", (${ROLES}) AS roles, (${TEAMS}) AS teams FROM page
    ORDER BY page.key ${direction}, page.id ${direction}`.execute(tx.db);
  const people = rows.slice(0, limit);
  const last = people.at(-1);
  const next = rows.length > limit && last !== undefined ? cursorAt(last) : null;
  return { people: people.map(withoutKey), next, total: query.count ? await countOf(tx, matching) : null };
}

const ROLES = sql`
  SELECT coalesce(jsonb_agg(jsonb_build_object('scope', m.scope_kind, 'scopeId', m.scope_id, 'place', concat_ws('/', w.slug, p.slug),
    'role', m.role, 'source', m.source) ORDER BY m.scope_kind, w.slug, p.slug, m.role), '[]')
  FROM memberships m LEFT JOIN workspaces w ON w.id = m.workspace_id LEFT JOIN products p ON p.id = m.product_id
  WHERE m.user_id = page.id AND coalesce(m.expires_at > now(), true)`;

const TEAMS = sql`
  SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('id', g.id, 'name', g.display_name)), '[]')
  FROM directory_users d JOIN directory_group_members gm ON gm.directory_id = d.directory_id AND gm.member_id = d.id
  JOIN directory_groups g ON g.directory_id = gm.directory_id AND g.id = gm.group_id
  WHERE d.user_id = page.id AND d.deleted_at IS NULL`;

function matches(query: PeopleQuery): RawBuilder<unknown> {
  const { status, role, scope, team, connection, activeSince, inactiveSince } = query;
  const pattern = query.query === undefined ? undefined : `%${query.query.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
  const conditions = [
    pattern !== undefined && sql`(u.email LIKE ${pattern} OR lower(u.display_name) LIKE ${pattern})`,
    status !== undefined && sql`u.status = ${status}`,
    (role !== undefined || scope !== undefined) && sql`u.id IN (${holding(role, scope)})`,
    team !== undefined && sql`u.id IN (${inTeam(team)})`,
    connection !== undefined &&
      sql`u.id IN (SELECT i.user_id FROM identities i JOIN connections c ON c.id = i.connection_id WHERE c.slug = ${connection})`,
    activeSince !== undefined && sql`u.last_active_at >= ${activeSince}::timestamptz`,
    inactiveSince !== undefined && sql`coalesce(u.last_active_at < ${inactiveSince}::timestamptz, true)`,
  ].filter((condition) => condition !== false);
  return conditions.length === 0 ? sql`true` : sql.join(conditions, sql` AND `);
}

function holding(role: string | undefined, scope: string | undefined): RawBuilder<unknown> {
  return sql`
    SELECT m.user_id FROM memberships m WHERE coalesce(m.expires_at > now(), true)
      AND ${role === undefined ? sql`true` : sql`m.role = ${role}`} AND ${scope === undefined ? sql`true` : sql`m.scope_id = ${scope}`}`;
}

function inTeam(team: string): RawBuilder<unknown> {
  return sql`
    SELECT d.user_id FROM directory_groups g
    JOIN directory_group_members gm ON gm.directory_id = g.directory_id AND gm.group_id = g.id
    JOIN directory_users d ON d.directory_id = gm.directory_id AND d.id = gm.member_id AND d.deleted_at IS NULL
    WHERE ${isId(team) ? sql`g.id = ${team}` : sql`lower(g.display_name) = lower(${team})`}`;
}

function orderOf({ sort, cursor }: PeopleQuery) {
  const descending = sort.startsWith('-');
  const { key, type } = KEYS[sort.replace('-', '') as keyof typeof KEYS];
  const direction = descending ? sql`DESC` : sql`ASC`;
  if (cursor === undefined) return { key, direction, after: sql`true` };
  const [at, id] = readCursor(cursor, sort);
  return { key, direction, after: sql`(${key}, u.id) ${descending ? sql`<` : sql`>`} (${at}::${type}, ${id}::uuid)` };
}

/** @throws Fault `invalid-input` where it is none of ours, or of another order */
function readCursor(cursor: string, sort: Sort): [string, string] {
  try {
    const read: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const [key, id] = z.tuple([text.max(400), z.uuid()]).parse(read);
    const isTime = sort.endsWith('lastActive') || sort.endsWith('created');
    if (!isTime || key === '-infinity' || !Number.isNaN(Date.parse(key))) return [key, id];
  } catch (cause) {
    throw badCursor(cause);
  }
  throw badCursor(undefined);
}

function badCursor(cause: unknown): Fault {
  return new Fault('invalid-input', 'This is no cursor of this list in this order.', { where: 'query.cursor', cause });
}

function cursorAt({ sortKey, id }: Row): string {
  return Buffer.from(JSON.stringify([sortKey, id])).toString('base64url');
}

function withoutKey({ sortKey: _, ...shown }: Row & { readonly key?: unknown }) {
  const { key: __, ...person } = shown;
  return person;
}

async function countOf(tx: TenantTransaction, matching: RawBuilder<unknown>): Promise<number> {
  const { rows } = await sql<{ total: number }>`SELECT count(*)::int AS total FROM users u WHERE ${matching}`.execute(
    tx.db,
  );
  return rows[0]?.total ?? 0;
}
