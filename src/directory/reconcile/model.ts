/** What the reconcile needs to know of an organization's access model. */
import type { Models } from '../../access/model-file.ts';
import { layerRequires, ownerRoles, rolesForReconcile } from '../../access/reconcile-view.ts';
import { Fault } from '../../errors.ts';
import type { JobQueue } from '../../jobs/queue.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import type { MembershipModel } from './plan-memberships.ts';

export interface ReconcileDependencies {
  readonly jobs: JobQueue;
  readonly models: Models;
}

export interface ReconcileModel extends MembershipModel {
  /** Roles whose last holder is never removed. */
  readonly ownerRoles: readonly string[];
}

/**
 * The model of this transaction's organization.
 * @throws Fault `invalid-model` where the organization names a model that is not there
 */
export async function reconcileModel(deps: ReconcileDependencies, tx: TenantTransaction): Promise<ReconcileModel> {
  const { model: name } = await tx.db.selectFrom('organizations').select('model').executeTakeFirstOrThrow();
  const model = deps.models.get(name);
  if (model === undefined) {
    throw new Fault('invalid-model', `The organization's access model "${name}" is not among the models.`, {
      remedy: 'Put its file into the models folder, or choose another model.',
    });
  }
  return { roles: rolesForReconcile(model), productNeedsWorkspace: layerRequires(model), ownerRoles: ownerRoles(model) };
}
