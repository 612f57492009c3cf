/** People of an organization, as administrators look for them. */
import { sql } from 'kysely';
import { z } from 'zod';
import { Fault } from '../errors.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';

/** A text without NUL, which Postgres knows in no text. */
const text = z.string().regex(/^[^\0]*$/, 'contains a NUL character');

/** How a person is named: by id or e-mail. */
export const personInput = text.min(1).max(320);

export const peopleQuery = z.object({
  /** Part of a name or e-mail, in any case. */
  query: text.max(200).optional(),
  status: z.enum(['active', 'suspended', 'deprovisioned']).optional(),
  /** `next` of the page before. */
  cursor: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly displayName: string;
  readonly status: string;
  readonly lastActiveAt: Date | null;
  readonly createdAt: Date;
  readonly deprovisionedAt: Date | null;
}

const PERSON = sql`
  u.id, u.email, u.display_name AS "displayName", u.status, u.last_active_at AS "lastActiveAt", u.created_at AS "createdAt",
  u.deprovisioned_at AS "deprovisionedAt"`;

/** A page of people, by id, so that no page is shifted by who comes or goes meanwhile. */
export async function listPeople(
  tx: TenantTransaction,
  { query, status, cursor, limit }: z.output<typeof peopleQuery>,
): Promise<{ people: Person[]; next: string | null }> {
  const pattern = query === undefined ? null : `%${query.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
  const { rows } = await sql<Person>`
    SELECT ${PERSON} FROM users u
    WHERE (${pattern}::text IS NULL OR u.email LIKE ${pattern} OR lower(u.display_name) LIKE ${pattern})
      AND (${status ?? null}::text IS NULL OR u.status = ${status ?? null})
      AND (${cursor ?? null}::uuid IS NULL OR u.id > ${cursor ?? null}::uuid)
    ORDER BY u.id LIMIT ${limit + 1}`.execute(tx.db);
  const people = rows.slice(0, limit);
  return { people, next: rows.length > limit ? (people.at(-1)?.id ?? null) : null };
}

/**
 * Finds a person by id or e-mail; of several who had an address, the one who has it now, else who had it last.
 * @throws Fault `not-found`
 */
export async function findPerson(tx: TenantTransaction, idOrEmail: string): Promise<Person> {
  const which = isId(idOrEmail) ? sql`u.id = ${idOrEmail}` : sql`u.email = ${idOrEmail.toLowerCase()}`;
  const { rows } = await sql<Person>`
    SELECT ${PERSON} FROM users u WHERE ${which} ORDER BY u.deprovisioned_at DESC NULLS FIRST LIMIT 1`.execute(tx.db);
  const [person] = rows;
  if (person !== undefined) return person;
  throw new Fault('not-found', `There is nobody with the id or e-mail "${idOrEmail}".`, { where: 'user' });
}
