/** What the reconcile needs to know of an organization's access model. */
import type { AccessModel } from '../../access/model.ts';
import type { Models } from '../../access/model-file.ts';
import { modelNamed, organizationModel } from '../../access/organization-model.ts';
import { layerRequires, ownerRoles, rolesForReconcile } from '../../access/reconcile-view.ts';
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
 * What the reconcile asks of the model of this transaction's organization.
 * @throws Fault `invalid-model` where the organization names a model that is not there
 */
export async function reconcileModel(deps: ReconcileDependencies, tx: TenantTransaction): Promise<ReconcileModel> {
  return viewOf(await organizationModel(deps.models, tx));
}

/** The same for whoever knows the model's name already, which saves a statement where nobody can have added a role to it. */
export async function reconcileModelNamed(
  deps: ReconcileDependencies,
  tx: TenantTransaction,
  name: string,
): Promise<ReconcileModel> {
  const model = modelNamed(deps.models, name);
  return model.customRoles === undefined ? viewOf(model) : reconcileModel(deps, tx);
}

function viewOf(model: AccessModel): ReconcileModel {
  return {
    roles: rolesForReconcile(model),
    productNeedsWorkspace: layerRequires(model),
    ownerRoles: ownerRoles(model),
  };
}
