/** The role that whoever is let in for the first time through a connection gets: what it may be, and where. */
import { findRole } from '../access/model.ts';
import type { Models } from '../access/model-file.ts';
import { organizationModel } from '../access/organization-model.ts';
import { mayBeGiven } from '../access/rank.ts';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import type { ConnectionInput } from './connection-input.ts';

type ChosenRole = Pick<ConnectionInput, 'defaultRole' | 'acknowledgeAdministrativeDefault'>;

/**
 * Whether the default role is an administrative one, knowingly so.
 * @throws Fault `invalid-input` where newcomers can't be given it, or nobody has acknowledged what it means
 */
export async function checkDefaultRole(tx: TenantTransaction, models: Models, input: ChosenRole): Promise<boolean> {
  const model = await organizationModel(models, tx);
  const ref = { scopeKind: model.defaultRole?.scope ?? 'organization', role: input.defaultRole ?? '' };
  const ruling = mayBeGiven(model, ref, 'jit');
  if (!ruling.allowed) throw new Fault('invalid-input', ruling.reason, { where: 'defaultRole' });
  const administrative = findRole(model, ref)?.administrative ?? false;
  if (administrative && !input.acknowledgeAdministrativeDefault) {
    throw new Fault('invalid-input', `The role "${ref.role}" is administrative: everybody let in would get it.`, {
      where: 'defaultRole',
      remedy: 'Choose a lesser role, or set acknowledgeAdministrativeDefault to true.',
    });
  }
  return administrative;
}

/** Tells the audit that it was knowingly chosen. */
export async function warnOfAdministrativeDefault(
  tx: TenantTransaction,
  id: string,
  { defaultRole }: ChosenRole,
): Promise<void> {
  await record(tx, {
    action: 'connection.administrative_default_role',
    resource: { type: 'connection', id },
    reason: `Warning: everybody who is let in through it becomes ${defaultRole}.`,
    detail: { role: defaultRole, acknowledged: true },
  });
}

/** The workspace in which newcomers get it. @throws Fault `invalid-input` where there is none of that name */
export async function refuseUnknownWorkspace(tx: TenantTransaction, workspace: string | null): Promise<void> {
  if (workspace === null) return;
  const found = await tx.db.selectFrom('workspaces').select('id').where('slug', '=', workspace).executeTakeFirst();
  if (found !== undefined) return;
  throw new Fault('invalid-input', `There is no workspace "${workspace}".`, { where: 'defaultWorkspace' });
}
