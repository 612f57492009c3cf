/** Organizations: which access model they follow, and the settings that hold for everybody in them. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import type { Store } from '../store/database.ts';
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { changedFields, type Put, unlessTaken } from './put.ts';
import { displayName, slug } from './slug.ts';
import { timeZone } from './time-zone.ts';

/** What an organization's settings need to know of access models; given where the capabilities are put together. */
export interface ModelCatalog {
  names(): readonly string[];
  /** A role, or one of the organization's own, at the scope where the model gives newcomers theirs; undefined where there is none. */
  role(
    tx: TenantTransaction,
    model: string,
    role: string,
  ): Promise<{ readonly administrative: boolean; readonly transferOnly: boolean } | undefined>;
  /** Regions that the model offers; empty where it says nothing of them. */
  regions(model: string): readonly string[];
  /** Whether a person has one account among all organizations of the model. */
  oneAccount(model: string): boolean;
}

/** What an organization's settings are held against; given where the capabilities are put together. */
export interface OrganizationRules {
  readonly catalog: ModelCatalog;
  /** @throws Fault `conflict` where SSO can't be the only way in yet */
  requireEnforceable(tx: TenantTransaction): Promise<void>;
}

const minutes = z.number().int().min(1);

const settings = {
  name: displayName,
  model: z.string().min(1),
  defaultRole: z.string().min(1).nullable(),
  justInTime: z.boolean(),
  groupsFrom: z.enum(['any', 'directory']),
  enforceSso: z.boolean(),
  sessionIdleMinutes: minutes.max(60 * 24 * 30),
  sessionAbsoluteMinutes: minutes.max(60 * 24 * 365),
  /** Days after which a leaver's personal data is erased; null: only by hand. */
  eraseAfterDays: z.int().min(0).max(36_500).nullable(),
  /** Whether a leaver's manager, or the owners, are told by e-mail. */
  tellOfLeavers: z.boolean(),
  timeZone,
  region: slug.nullable(),
};

/** Said by whoever makes an administrative role the default one, in full knowledge of it. */
const acknowledgeAdministrativeDefault = z.boolean().default(false);

/** What an administrator says of an organization. */
export const organizationInput = z.strictObject({
  slug,
  ...settings,
  name: settings.name.optional(),
  defaultRole: settings.defaultRole.default(null),
  justInTime: settings.justInTime.default(false),
  groupsFrom: settings.groupsFrom.default('any'),
  enforceSso: settings.enforceSso.default(false),
  sessionIdleMinutes: settings.sessionIdleMinutes.default(60),
  sessionAbsoluteMinutes: settings.sessionAbsoluteMinutes.default(720),
  eraseAfterDays: settings.eraseAfterDays.default(null),
  tellOfLeavers: settings.tellOfLeavers.default(false),
  timeZone: settings.timeZone.default('UTC'),
  region: settings.region.default(null),
  acknowledgeAdministrativeDefault,
});
export type OrganizationInput = z.output<typeof organizationInput>;

/** A change of some of the settings. */
export const organizationPatch = z.strictObject({
  ...z.object(settings).partial().shape,
  acknowledgeAdministrativeDefault,
});
export type OrganizationPatch = z.output<typeof organizationPatch>;

/**
 * Creates an organization in a transaction of its own.
 * @throws Fault `conflict` where the slug is taken, `invalid-input` where the model or default role won't do
 */
export async function createOrganization(
  deps: OrganizationRules & { readonly store: Pick<Store, 'db'> },
  origin: Origin,
  input: OrganizationInput,
): Promise<string> {
  const id = randomUUID();
  await inTenant(deps.store.db, id, origin, (tx) => putOrganization(tx, deps, input));
  return id;
}

/**
 * Creates or updates the organization that the transaction is in; its id may be one that no organization has yet.
 * @throws Fault `conflict` where the slug is another organization's, the model can no longer change or SSO can't be enforced yet,
 * `invalid-input` where the model, default role or region won't do
 */
export async function putOrganization(
  tx: TenantTransaction,
  rules: OrganizationRules,
  input: OrganizationInput,
): Promise<Put> {
  const { catalog } = rules;
  const before = await tx.db.selectFrom('organizations').selectAll().forUpdate().executeTakeFirst();
  const values = { ...columnsOf(input), account_scope: catalog.oneAccount(input.model) ? input.model : '' };
  const changed = changedFields(before, values);
  if (before !== undefined && changed.length === 0) return { id: before.id, action: 'keep', changed };
  refuseUnknown(catalog, input);
  if (before !== undefined && before.model !== input.model) await refuseModelChange(tx);
  if (input.enforceSso && changed.includes('enforce_sso')) await rules.requireEnforceable(tx);

  const newDefault = changed.includes('default_role') || changed.includes('model');
  const warned = newDefault && (await checkDefaultRole(tx, catalog, input));
  const taken = new Fault('conflict', `The slug "${input.slug}" is taken.`, {
    where: 'slug',
    remedy: 'Choose another.',
  });
  const { db, organizationId: id } = tx;
  const write = before
    ? db.updateTable('organizations').set(values).where('id', '=', id)
    : db.insertInto('organizations').values({ ...values, id });
  const somebody = new Fault('conflict', 'People of this organization have accounts in others of the same model.', {
    where: 'model',
    remedy: 'The model now gives each person one account: let them go in all organizations but one.',
  });
  await unlessTaken(() => unlessTaken(async () => void (await write.execute()), somebody, 'users_one_account'), taken);
  const action = before === undefined ? 'create' : 'update';
  const resource = { type: 'organization', id };
  await record(tx, {
    action: `organization.${action}d`,
    resource,
    detail: { slug: input.slug, model: input.model, fields: changed },
  });
  if (warned) {
    await record(tx, {
      action: 'organization.administrative_default_role',
      resource,
      reason: `Warning: everybody who is let in automatically becomes ${input.defaultRole}.`,
      detail: { role: input.defaultRole, acknowledged: true },
    });
  }
  return { id, action, changed };
}

/** Changes some settings of the transaction's organization. @throws as `putOrganization` does */
export async function patchOrganization(
  tx: TenantTransaction,
  rules: OrganizationRules,
  patch: OrganizationPatch,
): Promise<Put> {
  const { id: _, createdAt: __, ...current } = await readOrganization(tx);
  return putOrganization(tx, rules, { ...current, ...withoutUndefined(patch) } as OrganizationInput);
}

/** The transaction's organization, as it is shown. @throws Fault `not-found` */
export async function readOrganization(tx: TenantTransaction) {
  const row = await tx.db.selectFrom('organizations').selectAll().executeTakeFirst();
  if (row === undefined) throw new Fault('not-found', 'There is no such organization.');
  return {
    id: row.id,
    slug: row.slug,
    name: row.name,
    model: row.model,
    defaultRole: row.default_role,
    justInTime: row.just_in_time,
    groupsFrom: row.groups_from,
    enforceSso: row.enforce_sso,
    sessionIdleMinutes: row.session_idle_minutes,
    sessionAbsoluteMinutes: row.session_absolute_minutes,
    eraseAfterDays: row.erase_after_days,
    tellOfLeavers: row.tell_of_leavers,
    timeZone: row.time_zone,
    region: row.region,
    createdAt: row.created_at,
  };
}

function columnsOf(input: OrganizationInput) {
  return {
    slug: input.slug,
    name: input.name ?? input.slug,
    model: input.model,
    default_role: input.defaultRole,
    just_in_time: input.justInTime,
    groups_from: input.groupsFrom,
    enforce_sso: input.enforceSso,
    session_idle_minutes: input.sessionIdleMinutes,
    session_absolute_minutes: input.sessionAbsoluteMinutes,
    erase_after_days: input.eraseAfterDays,
    tell_of_leavers: input.tellOfLeavers,
    time_zone: input.timeZone,
    region: input.region,
  };
}

function refuseUnknown(catalog: ModelCatalog, input: OrganizationInput): void {
  if (!catalog.names().includes(input.model)) {
    throw new Fault('invalid-input', `There is no access model "${input.model}".`, {
      where: 'model',
      remedy: `Choose one of: ${catalog.names().join(', ')}.`,
    });
  }
  const regions = catalog.regions(input.model);
  if (input.region !== null && regions.length > 0 && !regions.includes(input.region)) {
    throw new Fault('invalid-input', `The access model "${input.model}" has no region "${input.region}".`, {
      where: 'region',
      remedy: `Choose one of: ${regions.join(', ')}.`,
    });
  }
  if (input.sessionIdleMinutes > input.sessionAbsoluteMinutes) {
    throw new Fault('invalid-input', 'A session can not be idle for longer than it lasts.', {
      where: 'sessionIdleMinutes',
      remedy: 'Make it at most sessionAbsoluteMinutes.',
    });
  }
}

/** Whether the default role is an administrative one, knowingly so. */
async function checkDefaultRole(
  tx: TenantTransaction,
  catalog: ModelCatalog,
  input: OrganizationInput,
): Promise<boolean> {
  const { defaultRole, model } = input;
  if (defaultRole === null) return false;
  const role = await catalog.role(tx, model, defaultRole);
  if (role === undefined) {
    throw new Fault('invalid-input', `The access model "${model}" has no role "${defaultRole}" for newcomers.`, {
      where: 'defaultRole',
    });
  }
  if (role.transferOnly) {
    throw new Fault('invalid-input', `The role "${defaultRole}" is only ever handed over; it can't be the default.`, {
      where: 'defaultRole',
    });
  }
  if (role.administrative && !input.acknowledgeAdministrativeDefault) {
    throw new Fault('invalid-input', `The role "${defaultRole}" is administrative: everybody let in would get it.`, {
      where: 'defaultRole',
      remedy: 'Choose a lesser role, or set acknowledgeAdministrativeDefault to true.',
    });
  }
  return role.administrative;
}

/** People hold roles by their names in one model; under another these would mean something else, or nothing. */
async function refuseModelChange(tx: TenantTransaction): Promise<void> {
  const somebody = await tx.db.selectFrom('users').select('id').limit(1).execute();
  if (somebody.length === 0) return;
  throw new Fault('conflict', "The access model can't change while the organization has people.", {
    where: 'model',
    remedy: 'Make a new organization with the other model.',
  });
}

function withoutUndefined(patch: OrganizationPatch): Partial<OrganizationInput> {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
}
