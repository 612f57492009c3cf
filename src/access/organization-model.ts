/** The access model that an organization follows. */
import { sql } from 'kysely';
import { Fault } from '../errors.ts';
import { prepared } from '../store/prepared.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import type { AccessModel } from './model.ts';
import type { Models } from './model-file.ts';

/**
 * The model of this transaction's organization.
 * @throws Fault `invalid-model` where the organization names a model that is not there, `not-found` where there is no organization
 */
export async function organizationModel(models: Models, tx: TenantTransaction): Promise<AccessModel> {
  const { rows } = await prepared(sql<{ model: string }>`SELECT model FROM organizations`).execute(tx.db);
  const [organization] = rows;
  if (organization === undefined) throw new Fault('not-found', 'There is no such organization.');
  return modelNamed(models, organization.model);
}

/** The model that an organization names. @throws Fault `invalid-model` where it is not there */
export function modelNamed(models: Models, name: string): AccessModel {
  const model = models.get(name);
  if (model !== undefined) return model;
  throw new Fault('invalid-model', `The organization's access model "${name}" is not among the models.`, {
    remedy: 'Put its file into the models folder, or choose another model.',
  });
}
