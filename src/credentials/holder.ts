/** The person something is about to be issued to, held still until it is (offboarding: race-proof). */
import { Fault, type FaultCode } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';

export interface Holder {
  readonly id: string;
  readonly email: string;
  readonly accessEpoch: number;
}

/**
 * Reads an active person's row `FOR SHARE`: a deprovisioning waits for this transaction, or has been before it and is seen.
 * @param refusal the code of the fault where the person may not get anything
 * @throws Fault `refusal` where the person is unknown, suspended or gone
 */
export async function holdActive(
  tx: TenantTransaction,
  userId: string,
  refusal: FaultCode = 'forbidden',
): Promise<Holder> {
  const user = await tx.db
    .selectFrom('users')
    .select(['id', 'email', 'status', 'access_epoch'])
    .where('id', '=', userId)
    .forShare()
    .executeTakeFirst();
  if (user?.status !== 'active') {
    const state = user === undefined ? 'is not known here' : `is ${user.status}`;
    throw new Fault(refusal, `This person ${state}.`, { remedy: 'Only an active person can be given access.' });
  }
  return { id: user.id, email: user.email, accessEpoch: user.access_epoch };
}
