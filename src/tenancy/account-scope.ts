/** Where the model gives each person one account among its organizations (`accounts.organizationsPerPerson: one`). */
import { sql } from 'kysely';
import type { TenantTransaction } from '../store/tenant.ts';

/** What a new account's row has beside its organization. */
export const ACCOUNT_SCOPE = sql<string>`(SELECT account_scope FROM organizations)`;

export const HAS_ACCOUNT_ELSEWHERE = 'This person has an account in another organization; here each person has one.';

/** Whether an account here would be a second one. */
export async function hasAccountElsewhere({ db }: TenantTransaction, email: string): Promise<boolean> {
  const { rows } = await sql`SELECT FROM accounts_elsewhere(ARRAY[${email}])`.execute(db);
  return rows.length > 0;
}
