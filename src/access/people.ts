/** People of an organization, as administrators look for them. */
import { Fault } from '../errors.ts';
import { isId, type TenantTransaction } from '../store/tenant.ts';

/**
 * Finds a person by id or e-mail; of several who had an address, the one who has it now, else who had it last.
 * @throws Fault `not-found`
 */
export async function findPerson(tx: TenantTransaction, idOrEmail: string) {
  let query = tx.db.selectFrom('users').selectAll();
  query = isId(idOrEmail)
    ? query.where('id', '=', idOrEmail)
    : query
        .where('email', '=', idOrEmail.toLowerCase())
        .orderBy('deprovisioned_at', (order) => order.desc().nullsFirst());
  const person = await query.limit(1).executeTakeFirst();
  if (person !== undefined) return person;
  throw new Fault('not-found', `There is nobody with the id or e-mail "${idOrEmail}".`, { where: 'user' });
}
