/** A person of an organization, and how one is named. */
import { sql } from 'kysely';
import { z } from 'zod';
import { Fault } from '../errors.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';

/** A text without NUL, which Postgres knows in no text. */
export const text = z.string().regex(/^[^\0]*$/, 'contains a NUL character');

/** How a person is named: by id or e-mail. */
export const personInput = text.min(1).max(320);

export const personShape = {
  id: z.uuid(),
  email: z.string(),
  displayName: z.string(),
  status: z.enum(['active', 'suspended', 'deprovisioned']),
  lastActiveAt: z.date().nullable(),
  createdAt: z.date(),
  deprovisionedAt: z.date().nullable(),
};
const person = z.object(personShape);
export type Person = z.output<typeof person>;

/** The columns of a `Person`, of users of the alias `u`. */
export const PERSON = sql`
  u.id, u.email, u.display_name AS "displayName", u.status, u.last_active_at AS "lastActiveAt", u.created_at AS "createdAt",
  u.deprovisioned_at AS "deprovisionedAt"`;

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
