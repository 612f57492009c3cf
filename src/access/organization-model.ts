/** The access model that an organization follows, with the roles that it has made itself. */
import { sql } from 'kysely';
import { Fault } from '../errors.ts';
import { prepared } from '../store/prepared.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { type CustomRole, withCustomRoles } from './custom-roles.ts';
import type { AccessModel } from './model.ts';
import type { Models } from './model-file.ts';

/** A model as an organization says it: its name, and what it adds. */
export interface StoredModel {
  readonly name: string;
  readonly customRoles: readonly CustomRole[] | null;
}

/** The model of an organization of the alias `o`, as one JSON value; `modelFrom` makes a model of it. */
export const MODEL = sql`
  jsonb_build_object('name', o.model, 'customRoles', (
    SELECT jsonb_agg(jsonb_build_object('role', c.role, 'label', c.label, 'permissions', c.permissions) ORDER BY c.role)
    FROM custom_roles c WHERE c.organization_id = o.id))`;

/** What `MODEL` selected, as a model. @throws Fault `invalid-model` where it is not there */
export function modelFrom(models: Models, { name, customRoles }: StoredModel): AccessModel {
  return withCustomRoles(modelNamed(models, name), customRoles ?? []);
}

/**
 * The model of this transaction's organization.
 * @throws Fault `invalid-model` where the organization names a model that is not there, `not-found` where there is no organization
 */
export async function organizationModel(models: Models, tx: TenantTransaction): Promise<AccessModel> {
  return modelFrom(models, await storedModel(tx));
}

/** The same, before it is looked up. @throws Fault `not-found` where there is no organization */
export async function storedModel(tx: TenantTransaction): Promise<StoredModel> {
  const { rows } = await prepared(sql<{ model: StoredModel }>`SELECT ${MODEL} AS model FROM organizations o`).execute(
    tx.db,
  );
  const [organization] = rows;
  if (organization === undefined) throw new Fault('not-found', 'There is no such organization.');
  return organization.model;
}

/** A model by its name, without what an organization adds. @throws Fault `invalid-model` where it is not there */
export function modelNamed(models: Models, name: string): AccessModel {
  const model = models.get(name);
  if (model !== undefined) return model;
  throw new Fault('invalid-model', `The organization's access model "${name}" is not among the models.`, {
    remedy: 'Put its file into the models folder, or choose another model.',
  });
}
