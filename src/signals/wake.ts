import type { JobQueue } from '../jobs/queue.ts';
import type { TenantTransaction } from '../store/tenant.ts';

/** Has the worker look at an organization once the transaction has committed. */
export async function wakeFor(jobs: JobQueue, { organizationId, db }: TenantTransaction): Promise<void> {
  await jobs.enqueue('signals.work', { organizationId, id: organizationId }, { transaction: db });
}
