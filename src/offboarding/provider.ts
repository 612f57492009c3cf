/** Providers elsewhere: where people have tokens or accounts that end when they leave, and by which revoker. */
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { providerSecrets, refreshSettings, sealProviderSecrets } from '../credentials/provider-secrets.ts';
import { Fault } from '../errors.ts';
import { faultOf } from '../http/problem.ts';
import type { SealingKeys } from '../sealing-keys.ts';
import type { Json } from '../store/tables.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { type Put, putRow } from '../tenancy/put.ts';
import { slug } from '../tenancy/slug.ts';
import { openRevoker, REVOKER_KINDS, type RevokerKindName } from './revokers/open.ts';
import type { RevokerKind } from './revokers/revoker.ts';

const KINDS = Object.keys(REVOKER_KINDS) as [RevokerKindName, ...RevokerKindName[]];

const named = z.looseObject({
  slug,
  revoker: z.enum(KINDS).default('rfc7009'),
  refresh: refreshSettings.optional(),
  refreshSecret: z.string().min(1).max(16_384).optional(),
});

/** A slug, the revoker's kind, and beside them what that kind's settings and secrets are. */
export const providerInput = named.transform(({ slug, revoker, refresh = null, refreshSecret, ...said }, context) => {
  const kind: RevokerKind = REVOKER_KINDS[revoker];
  const names = Object.keys(kind.secrets.shape);
  const [config, secrets] = [without(said, names), only(said, names)];
  const parsed = { config: kind.settings.safeParse(config), secrets: kind.secrets.partial().safeParse(secrets) };
  for (const { error } of Object.values(parsed)) {
    for (const issue of error?.issues ?? []) context.addIssue({ ...issue, code: 'custom', message: issue.message });
  }
  const given = { ...parsed.secrets.data, ...(refreshSecret === undefined ? {} : { refreshSecret }) };
  return { slug, revoker, refresh, config: parsed.config.data ?? {}, secrets: given as Json };
});
export type ProviderInput = z.output<typeof providerInput>;

/**
 * Creates or updates a provider; a secret that is left out stays.
 * @throws Fault `invalid-input` where the revoker would lack something, or there is nothing that it could end
 */
export async function putProvider(tx: TenantTransaction, keys: SealingKeys, input: ProviderInput): Promise<Put> {
  const { slug: name, revoker, refresh, config } = input;
  const before = await tx.db
    .selectFrom('oauth_providers')
    .select(['id', 'sealed_secrets'])
    .where('slug', '=', name)
    .forUpdate()
    .executeTakeFirst();
  const kept = before === undefined ? {} : providerSecrets(keys, before);
  const known = Object.keys(REVOKER_KINDS[revoker].secrets.shape);
  const secrets = { ...only(kept, [...known, 'refreshSecret']), ...input.secrets };
  const ends = whatItEnds(name, { revoker, config, secrets: only(secrets, known) });
  const put = await putRow(
    tx,
    'oauth_providers',
    'oauth_provider',
    { slug: name },
    {
      revoker,
      config: { json: config },
      refresh: refresh && { json: refresh },
      ends_tokens: ends.tokens,
      ends_people: ends.people,
    },
  );
  if (JSON.stringify(secrets) === JSON.stringify(kept)) return put;
  const sealed = sealProviderSecrets(keys, put.id, secrets);
  await tx.db.updateTable('oauth_providers').set({ sealed_secrets: sealed }).where('id', '=', put.id).execute();
  if (put.action === 'create') return put;
  const resource = { type: 'oauth_provider', id: put.id };
  await record(tx, { action: 'oauth_provider.secrets_changed', resource, detail: { slug: name } });
  return { id: put.id, action: 'update', changed: [...put.changed, 'secrets'] };
}

/** Providers, as they are shown. */
export async function listProviders(tx: TenantTransaction) {
  const rows = await tx.db
    .selectFrom('oauth_providers')
    .select(['id', 'slug', 'revoker', 'config', 'refresh', 'ends_tokens as endsTokens', 'ends_people as endsPeople'])
    .orderBy('slug')
    .execute();
  return rows.map(({ config, ...row }) => ({ ...row, ...config }));
}

/** Opened once with nobody to ask, to see that it could. */
function whatItEnds(name: string, provider: Parameters<typeof openRevoker>[0]): { tokens: boolean; people: boolean } {
  const opened = complete(() => openRevoker(provider, fetch, () => new Date()));
  const ends = { tokens: opened.token !== undefined, people: opened.person !== undefined };
  if (ends.tokens || ends.people) return ends;
  throw new Fault('invalid-input', `There is nothing that the provider "${name}" could end.`, {
    remedy: 'Say the settings of tokens, of people, or of both.',
  });
}

function complete<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof z.ZodError ? faultOf(error, 'secrets') : error;
  }
}

function only(from: Json, names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(from).filter(([each]) => names.includes(each)));
}

function without(from: Json, names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(from).filter(([each]) => !names.includes(each)));
}
