/** Who is told of a leaver. */
import { sql } from 'kysely';
import type { TenantTransaction } from '../store/tenant.ts';

export interface Recipient {
  readonly id: string;
  readonly email: string;
}

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const MOST = 20;

/**
 * Whom a directory calls the person's manager, where that is exactly one person who is here: by e-mail, key, external id, SCIM id or
 * distinguished name. Never an address that only a feed says: what is told is for people of the organization.
 */
export async function managerOf({ db }: TenantTransaction, userId: string): Promise<[Recipient] | null> {
  const found = (how: ReturnType<typeof sql>) =>
    sql`SELECT m.user_id FROM said s JOIN directory_users m ON m.directory_id = s.directory_id AND ${how}`;
  const { rows } = await sql<Recipient>`
    WITH said AS MATERIALIZED (
      SELECT DISTINCT f.directory_id, v.name FROM directory_users f CROSS JOIN LATERAL (VALUES (f.attributes ->> 'manager'),
        (f.attributes #>> '{manager,value}'), (f.attributes #>> '{manager,id}'), (f.attributes #>> '{manager,email}'),
        (f.attributes -> ${ENTERPRISE} ->> 'manager'), (f.attributes -> ${ENTERPRISE} #>> '{manager,value}')) AS v(name)
      WHERE f.user_id = ${userId} AND v.name <> ''
    ), known AS (
      ${found(sql`m.source_key = s.name`)} UNION ${found(sql`m.source_key = lower(s.name)`)} UNION ${found(sql`m.external_id = s.name`)}
      UNION ${found(sql`m.email = lower(s.name)`)}
      UNION ${found(sql`m.id = CASE WHEN s.name ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN s.name::uuid END`)}
      UNION ${found(sql`s.name LIKE '%=%' AND lower(m.attributes ->> 'dn') = lower(s.name)`)}
      UNION SELECT o.id FROM said s JOIN users o ON o.email = lower(s.name)
    )
    SELECT u.id, u.email FROM known k JOIN users u ON u.id = k.user_id WHERE u.status = 'active' AND u.id <> ${userId} LIMIT 2`.execute(
    db,
  );
  const [manager, another] = rows;
  return manager === undefined || another !== undefined ? null : [manager];
}

/** The organization's owners; where it has none, those of the places in which the leaver had roles, and last those of any place. */
export async function ownersFor(
  { db }: TenantTransaction,
  roles: readonly string[],
  had: readonly { readonly scopeId: string }[],
): Promise<Recipient[]> {
  const { rows } = await sql<Recipient & { distance: number }>`
    SELECT u.id, u.email, min(CASE WHEN m.scope_kind = 'organization' THEN 0
      WHEN m.scope_id = ANY(${had.map(({ scopeId }) => scopeId)}::uuid[]) THEN 1 ELSE 2 END)::int AS distance
    FROM memberships m JOIN users u ON u.id = m.user_id AND u.status = 'active'
    WHERE m.role = ANY(${roles as string[]}::text[]) AND m.scope_kind <> 'platform' AND coalesce(m.expires_at > now(), true)
    GROUP BY u.id, u.email ORDER BY distance, u.email LIMIT ${MOST}`.execute(db);
  const nearest = rows.filter(({ distance }) => distance === rows[0]?.distance);
  return nearest.map(({ id, email }) => ({ id, email }));
}
