/** Providers elsewhere: where people have tokens or accounts that end when they leave, and by which revoker. */
import { sql } from 'kysely';
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

export const shownProvider = z.object({
  id: z.string(),
  slug: z.string(),
  revoker: z.enum(KINDS),
  /** What its kind takes, but no secret. */
  config: z.record(z.string(), z.unknown()),
  refresh: refreshSettings.nullable(),
  endsTokens: z.boolean(),
  endsPeople: z.boolean(),
  /** What it was asked to end in the last 30 days. */
  lately: z.object({
    ended: z.number(),
    underWay: z.number(),
    /** Given up, for a person to see to. */
    failed: z.number(),
    lastEndedAt: z.date().nullable(),
    /** Whether the provider, asked again, said that it was gone; null where nothing has ended, or it can't be asked. */
    confirmed: z.boolean().nullable(),
    /** Of what has not ended, the latest. */
    lastError: z.string().nullable(),
  }),
});

/** Providers, as they are shown. */
export async function listProviders(tx: TenantTransaction): Promise<z.output<typeof shownProvider>[]> {
  const { rows } = await sql<z.output<typeof shownProvider>['lately'] & z.output<typeof shownProvider>>`
    SELECT p.id, p.slug, p.revoker, p.config, p.refresh, p.ends_tokens AS "endsTokens", p.ends_people AS "endsPeople", s.*
    FROM oauth_providers p, LATERAL (
      SELECT count(*) FILTER (WHERE state IN ('revoked', 'already_gone'))::int AS ended,
        count(*) FILTER (WHERE state IN ('waiting', 'retry'))::int AS "underWay",
        count(*) FILTER (WHERE state = 'needs_human')::int AS failed,
        max(finished_at) FILTER (WHERE state IN ('revoked', 'already_gone')) AS "lastEndedAt",
        (array_agg((proof->>'confirmed')::boolean ORDER BY finished_at DESC) FILTER (WHERE state = 'revoked'))[1] AS confirmed,
        (array_agg(last_error ORDER BY coalesce(finished_at, next_attempt_at) DESC)
          FILTER (WHERE state IN ('retry', 'needs_human') AND last_error IS NOT NULL))[1] AS "lastError"
      FROM offboarding_steps JOIN offboarding_cases c ON c.id = case_id
      WHERE target_id = p.id AND c.opened_at > now() - interval '30 days') s
    ORDER BY p.slug`.execute(tx.db);
  return rows.map(({ ended, underWay, failed, lastEndedAt, confirmed, lastError, ...provider }) => ({
    ...provider,
    lately: { ended, underWay, failed, lastEndedAt, confirmed, lastError },
  }));
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
