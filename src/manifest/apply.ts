/** Makes an organization, and the platform's apps, what a manifest says. */
import { randomUUID } from 'node:crypto';
import { putMappingRule } from '../access/mapping-rule.ts';
import type { Models } from '../access/model-file.ts';
import { organizationModel } from '../access/organization-model.ts';
import { putDirectory } from '../directory/directory.ts';
import { reconcileEverybody } from '../directory/reconcile/people.ts';
import { Fault } from '../errors.ts';
import type { JobQueue } from '../jobs/queue.ts';
import { putProvider } from '../offboarding/provider.ts';
import type { Settings } from '../settings.ts';
import { putConnection, readAhead } from '../sign-in/connection.ts';
import { putApp } from '../sign-in/oauth/app-registration.ts';
import { asInstallation } from '../sign-in/oauth/installation.ts';
import { requireEnforceable } from '../sign-in/policy.ts';
import { putWebhookEndpoint } from '../signals/webhook-endpoint.ts';
import type { Store } from '../store/database.ts';
import { locateOrganization } from '../store/locate.ts';
import { INSTALLATION, inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { putDomain } from '../tenancy/domain.ts';
import { type ModelCatalog, putOrganization } from '../tenancy/organization.ts';
import { putProduct } from '../tenancy/product.ts';
import type { Put } from '../tenancy/put.ts';
import { putWorkspace } from '../tenancy/workspace.ts';
import type { Manifest } from './schema.ts';

export interface ManifestDependencies {
  readonly settings: Settings;
  readonly store: Store;
  readonly jobs: JobQueue;
  readonly models: Models;
  readonly catalog: ModelCatalog;
}

export interface ManifestChange {
  /** `organization`, `domain`, `workspace` ... */
  readonly kind: string;
  readonly name: string;
  readonly action: Put['action'];
  /** Names of the fields that change. */
  readonly changed: readonly string[];
  /** A secret that was made now, shown this once. */
  readonly madeSecret?: string;
}

export interface ManifestReport {
  /** Nil where the manifest is of the installation alone. */
  readonly organizationId: string;
  readonly changes: readonly ManifestChange[];
  /** How many memberships and people changed because rules did, by kind of change. */
  readonly access: Readonly<Record<string, number>>;
}

/** Ends a planning transaction without a trace. */
class PlanOnly extends Error {
  readonly report: ManifestReport;
  constructor({ changes, ...report }: ManifestReport) {
    super('planned only');
    // A secret that was made is unmade with the rest.
    this.report = { ...report, changes: changes.map(({ madeSecret: _, ...change }) => change) };
  }
}

/**
 * Applies a manifest in one transaction, or with mode `plan` says what that would change and leaves everything as it is.
 * @throws Fault whatever a part of it throws, with the part named in `where`; then nothing has changed
 */
export async function applyManifest(
  deps: ManifestDependencies,
  origin: Origin,
  manifest: Manifest,
  mode: 'plan' | 'apply',
): Promise<ManifestReport> {
  const slug = manifest.organization?.slug;
  const organizationId =
    slug === undefined ? INSTALLATION : ((await locateOrganization(deps.store.db, slug)) ?? randomUUID());
  const read = await Promise.all(
    manifest.connections.map(async (each) => [each.slug, await readAhead(deps, each)] as const),
  );
  const fetched = new Map(read);
  try {
    return await inTenant(deps.store.db, organizationId, origin, async (tx) => {
      const report = await applyIn(deps, tx, manifest, fetched);
      if (mode === 'plan') throw new PlanOnly(report);
      return report;
    });
  } catch (error) {
    if (error instanceof PlanOnly) return error.report;
    throw error;
  }
}

type Fetched = ReadonlyMap<string, Awaited<ReturnType<typeof readAhead>>>;

type Each = <T>(
  kind: string,
  items: readonly T[],
  nameOf: (item: T) => string,
  put: (item: T) => Promise<Put>,
) => Promise<void>;

const bySlug = (item: { readonly slug: string }) => item.slug;

async function applyIn(
  deps: ManifestDependencies,
  tx: TenantTransaction,
  manifest: Manifest,
  fetched: Fetched,
): Promise<ManifestReport> {
  const changes: ManifestChange[] = [];
  const each: Each = async (kind, items, nameOf, put) => {
    for (const item of items)
      changes.push({ kind, name: nameOf(item), ...withoutId(await named(kind, nameOf(item), () => put(item))) });
  };
  const { organization } = manifest;
  if (organization !== undefined) await putOwn(deps, tx, { ...manifest, organization, fetched }, each);
  await each('app', manifest.apps, bySlug, (item) => asInstallation(tx, (inside) => putApp(inside, item)));

  const rulesChanged = changes.some(({ kind, action }) => kind === 'mapping rule' && action !== 'keep');
  const access = rulesChanged ? (await reconcileEverybody(deps, tx, 'rules')).counts : {};
  return { organizationId: tx.organizationId, changes, access };
}

/** What is the organization's own, each after what it refers to. */
async function putOwn(
  deps: ManifestDependencies,
  tx: TenantTransaction,
  manifest: Manifest & {
    readonly organization: NonNullable<Manifest['organization']>;
    readonly fetched: Fetched;
  },
  each: Each,
): Promise<void> {
  const { sealingKeys } = deps.settings.secrets;
  const rules = { catalog: deps.catalog, requireEnforceable };
  await each('organization', [manifest.organization], bySlug, (item) => putOrganization(tx, rules, item));
  await each(
    'domain',
    manifest.domains,
    (item) => item.name,
    (item) => putDomain(tx, item),
  );
  for (const { products, ...workspace } of manifest.workspaces) {
    await each('workspace', [workspace], bySlug, (item) => putWorkspace(tx, item));
    const nameOf = (product: { readonly slug: string }) => `${workspace.slug}/${product.slug}`;
    await each('product', products, nameOf, (item) => putProduct(tx, { ...item, workspace: workspace.slug }));
  }
  await each('connection', manifest.connections, bySlug, (item) =>
    putConnection(tx, deps, item, { fetched: manifest.fetched.get(item.slug) }),
  );
  await each('directory', manifest.directories, bySlug, (item) => putDirectory(tx, deps, item));
  const model = await organizationModel(deps.models, tx);
  await each('mapping rule', manifest.mappingRules, bySlug, (item) => putMappingRule(tx, model, item));
  await each('OAuth provider', manifest.oauthProviders, bySlug, (item) => putProvider(tx, sealingKeys, item));
  await each('webhook endpoint', manifest.webhookEndpoints, bySlug, (item) =>
    putWebhookEndpoint(tx, sealingKeys, item),
  );
}

async function named(kind: string, name: string, put: () => Promise<Put>): Promise<Put> {
  try {
    return await put();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const where = `${kind} "${name}"${error.where === undefined ? '' : `, ${error.where}`}`;
    throw new Fault(error.code, error.message, {
      where,
      ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
      extra: error.extra,
      cause: error.cause,
    });
  }
}

function withoutId({ id: _, ...rest }: Put): Omit<Put, 'id'> {
  return rest;
}

const SIGN: Record<Put['action'], string> = { create: '+', update: '~', keep: ' ' };

/** A report as lines that a person reads. */
export function manifestLines({ changes, access }: ManifestReport): string[] {
  const lines = changes
    .filter(({ action }) => action !== 'keep')
    .map(
      ({ kind, name, action, changed }) =>
        `${SIGN[action]} ${kind} ${name}${action === 'update' ? `: ${changed.join(', ')}` : ''}`,
    );
  const kept = changes.length - lines.length;
  const derived = Object.entries(access).map(([kind, count]) => `  ${count} ${kind}`);
  return [
    ...lines,
    ...(derived.length === 0 ? [] : ['  because of changed rules:', ...derived]),
    lines.length === 0 ? 'Nothing to change.' : `${lines.length} to change, ${kept} as they are.`,
  ];
}
