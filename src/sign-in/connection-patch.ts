/**
 * Changing some of a connection's settings while what describes its identity provider stays: an administrator turns it off, or has
 * assertions encrypted, without having the metadata at hand.
 */
import { z } from 'zod';
import { Fault } from '../errors.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { putRow } from '../tenancy/put.ts';
import { type Connection, type ConnectionDependencies, findConnection } from './connection.ts';
import { commonFields } from './connection-input.ts';
import { checkDefaultRole, refuseUnknownWorkspace, warnOfAdministrativeDefault } from './default-role.ts';
import { oidcConfig, oidcOptions } from './oidc/config.ts';
import { requestAddress, samlConfig, samlOptions } from './saml/config.ts';
import { keepBeside } from './saml/keep.ts';
import { refuseUnclaimed } from './served-domains.ts';

const { slug: _named, acknowledgeAdministrativeDefault, ...settings } = commonFields;

/** What is left out stays; `saml` and `oidc` hold the options of a connection of that kind. */
export const connectionPatch = z.strictObject({
  ...withoutDefaults(settings),
  acknowledgeAdministrativeDefault,
  saml: z.strictObject(withoutDefaults(samlOptions)).optional(),
  oidc: z.strictObject(withoutDefaults(oidcOptions)).optional(),
});
export type ConnectionPatch = z.output<typeof connectionPatch>;

/**
 * Changes a connection.
 * @throws Fault `not-found`, `invalid-input` where options are of another kind, or a domain or the default role won't do
 */
export async function patchConnection(
  tx: TenantTransaction,
  deps: ConnectionDependencies,
  slugOrId: string,
  patch: ConnectionPatch,
): Promise<void> {
  const before = await findConnection(tx, slugOrId);
  const config = patchedConfig(before, patch);
  const defaultRole = patch.defaultRole === undefined ? before.defaultRole : patch.defaultRole;
  const chosen = { defaultRole, acknowledgeAdministrativeDefault: patch.acknowledgeAdministrativeDefault };
  const newRole = defaultRole !== null && defaultRole !== before.defaultRole;
  const administrative = newRole && (await checkDefaultRole(tx, deps.models, chosen));
  await refuseUnknownWorkspace(tx, config.defaultWorkspace);
  await refuseUnclaimed(tx, patch.domains ?? before.domains, before.domains);
  const { id } = await putRow(
    tx,
    'connections',
    'connection',
    { slug: before.slug },
    {
      config: { json: config },
      name: patch.name ?? before.name,
      enabled: patch.enabled ?? before.enabled,
      default_role: defaultRole,
      just_in_time: patch.justInTime === undefined ? before.justInTime : patch.justInTime,
      domains: patch.domains ?? before.domains,
      priority: patch.priority ?? before.priority,
    },
  );
  if (before.kind === 'saml') await keepBeside(tx, deps, id, samlConfig.parse(config));
  if (administrative) await warnOfAdministrativeDefault(tx, id, chosen);
}

function patchedConfig(before: Connection, { saml, oidc, defaultWorkspace }: ConnectionPatch) {
  const foreign = before.kind === 'saml' ? oidc : saml;
  if (foreign !== undefined) {
    throw new Fault('invalid-input', `The connection "${before.slug}" is of kind ${before.kind}.`, {
      where: before.kind === 'saml' ? 'oidc' : 'saml',
      remedy: `Give its options as "${before.kind}".`,
    });
  }
  const workspace = defaultWorkspace === undefined ? before.config.defaultWorkspace : defaultWorkspace;
  if (before.kind === 'oidc') return oidcConfig.parse({ ...before.config, ...oidc, defaultWorkspace: workspace });
  const config = samlConfig.parse({ ...before.config, ...saml, defaultWorkspace: workspace });
  requestAddress(config);
  return config;
}

type WithoutDefault<T> = T extends z.ZodDefault<infer U extends z.ZodType> ? U : T;
type WithoutDefaults<S extends Readonly<Record<string, z.ZodType>>> = {
  [K in keyof S]: z.ZodOptional<WithoutDefault<S[K]> & z.ZodType>;
};

/** Each field may be left out, and then says nothing: not what it would say of a new connection. */
function withoutDefaults<S extends Readonly<Record<string, z.ZodType>>>(shape: S): WithoutDefaults<S> {
  const fields = Object.entries(shape).map(([name, schema]) => [
    name,
    (schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : schema).optional(),
  ]);
  return Object.fromEntries(fields) as WithoutDefaults<S>;
}
