/**
 * Tenant transactions. Whoever holds a `TenantTransaction` is inside one organization's rows: the transaction has set
 * `app.tenant_id` and `app.role`, and the application's database role cannot bypass the row-level security that reads them.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import { Fault } from '../errors.ts';
import type { Tables } from './tables.ts';

/** Who does it; written into every audit event of the transaction. */
export interface Actor {
  readonly kind: 'user' | 'api_key' | 'operator' | 'directory' | 'connection' | 'system';
  readonly id: string;
  /** A name that a person reads: an e-mail, a key's display, a directory's slug. */
  readonly label: string;
}

/** What a request or a job brings along into its transactions. */
export interface Origin {
  readonly actor: Actor;
  readonly requestId?: string | undefined;
  readonly address?: string | undefined;
}

export interface TenantTransaction {
  readonly db: Transaction<Tables>;
  readonly organizationId: string;
  readonly origin: Origin;
}

/** The tenant of what belongs to no organization; no organization's transaction reaches behind its wall. */
export const INSTALLATION = '00000000-0000-0000-0000-000000000000';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text can be an id of ours; asked before it reaches the database. */
export function isId(text: string): boolean {
  return UUID.test(text);
}

/**
 * Runs `work` in one transaction inside one organization; it commits if `work` resolves and rolls back if it throws.
 * @param mode 'reader' can not write, whatever it tries
 * @throws Fault `not-found` where the organization's id is not one
 */
export function inTenant<T>(
  db: Kysely<Tables>,
  organizationId: string,
  origin: Origin,
  work: (tx: TenantTransaction) => Promise<T>,
  mode: 'reader' | 'writer' = 'writer',
): Promise<T> {
  if (!isId(organizationId)) throw new Fault('not-found', 'There is no such organization.');
  const role = mode === 'reader' ? 'reader' : origin.actor.kind;
  return db.transaction().execute(async (transaction) => {
    // Literals, for a statement without values goes out together with the transaction's beginning. Both are checked above.
    await sql`SELECT set_config('app.tenant_id', ${sql.lit(organizationId)}, true), set_config('app.role', ${sql.lit(role)}, true)`.execute(
      transaction,
    );
    return work({ db: transaction, organizationId, origin });
  });
}
