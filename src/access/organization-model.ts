/** The access model that an organization follows. */
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import type { AccessModel } from './model.ts';
import type { Models } from './model-file.ts';

/**
 * The model of this transaction's organization.
 * @throws Fault `invalid-model` where the organization names a model that is not there, `not-found` where there is no organization
 */
export async function organizationModel(models: Models, tx: TenantTransaction): Promise<AccessModel> {
  const organization = await tx.db.selectFrom('organizations').select('model').executeTakeFirst();
  if (organization === undefined) throw new Fault('not-found', 'There is no such organization.');
  const model = models.get(organization.model);
  if (model === undefined) {
    throw new Fault(
      'invalid-model',
      `The organization's access model "${organization.model}" is not among the models.`,
      {
        remedy: 'Put its file into the models folder, or choose another model.',
      },
    );
  }
  return model;
}
