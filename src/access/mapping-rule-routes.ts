import { z } from 'zod';
import type { Attempt } from '../audit/attempt.ts';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { Store } from '../store/database.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { withRank } from './acting.ts';
import {
  deleteMappingRule,
  findMappingRule,
  listMappingRules,
  mappingRuleInput,
  permitRule,
  putMappingRule,
} from './mapping-rule.ts';
import type { Models } from './model-file.ts';
import { organizationModel } from './organization-model.ts';
import { plannedChange } from './planned-change.ts';
import { previewable, previewQuery } from './preview.ts';
import { scopeInput } from './scope.ts';

/** Derives everybody's memberships anew, in the same transaction; the reconcile, which is above this room, is given. */
export type OnRulesChanged = (tx: TenantTransaction) => Promise<{ runId: string; counts: Record<string, number> }>;

export interface MappingRuleDependencies {
  readonly store: Pick<Store, 'db'>;
  readonly models: Models;
  readonly onRulesChanged: OnRulesChanged;
  /** The first of a run's changes, as they are shown. */
  readonly firstChanges: (tx: TenantTransaction, runId: string) => Promise<readonly z.output<typeof plannedChange>[]>;
}

const shownRule = z.object({
  id: z.string(),
  slug: z.string(),
  directory: z.string().nullable(),
  group: z.string().nullable(),
  groupBy: z.enum(['name', 'id', 'pattern']),
  condition: z.string().nullable(),
  effect: z.enum(['grant', 'deny']),
  scope: scopeInput,
  role: z.string().nullable(),
  position: z.number(),
  enabled: z.boolean(),
  /** How many memberships it gives at this moment. */
  gives: z.number(),
});

const runOfRules = z.object({ runId: z.string(), counts: z.record(z.string(), z.number()) });
/** What saving or removing a rule would do. */
const previewAnswer = z.object({
  preview: z.literal(true),
  action: z.enum(['create', 'update', 'keep', 'delete']),
  counts: z.record(z.string(), z.number()),
  /** The first of them. */
  changes: z.array(plannedChange),
});
const putAnswer = z.union([
  previewAnswer,
  shownRule.extend({ action: z.enum(['create', 'update', 'keep']), run: runOfRules.nullable() }),
]);
const deleteAnswer = z.union([previewAnswer, z.object({ run: runOfRules })]);
type Preview = z.output<typeof previewAnswer>;

const rulePath = z.object({ rule: z.string() });
/** Routes below `/api/v1/organizations/:organization`. */
export function mappingRuleRoutes(deps: MappingRuleDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  const area = 'mapping';

  endpoint(
    api,
    {
      method: 'get',
      path: '/mapping-rules',
      summary: 'Mapping rules, in the order in which they are weighed',
      area,
      answer: z.object({ mappingRules: z.array(shownRule) }),
    },
    (_, request) => withinTenant(deps.store.db, request, async (tx) => ({ mappingRules: await listMappingRules(tx) })),
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/mapping-rules/:rule',
      summary: 'One mapping rule',
      area,
      params: rulePath,
      answer: shownRule,
    },
    ({ params }, request) => withinTenant(deps.store.db, request, (tx) => findMappingRule(tx, params.rule)),
  );

  endpoint(
    api,
    {
      method: 'put',
      path: '/mapping-rules/:rule',
      summary: 'Create or update a mapping rule, and derive memberships anew',
      area,
      params: rulePath,
      query: previewQuery,
      body: z.record(z.string(), z.unknown()),
      answer: putAnswer,
    },
    ({ params, query, body }, request) => {
      const input = mappingRuleInput.parse({ ...body, slug: params.rule });
      return previewable<z.output<typeof putAnswer>>(query, (end) =>
        withRank(deps.store.db, request, refusalOf(input.slug), async (tx, actor) => {
          const model = await organizationModel(deps.models, tx);
          await permitRule(tx, model, actor, input.slug, input);
          const put = await putMappingRule(tx, model, input);
          const run = put.action === 'keep' ? null : await deps.onRulesChanged(tx);
          if (query.preview) return end(await lookedAt(deps, tx, put.action, run));
          return { ...(await findMappingRule(tx, input.slug)), action: put.action, run };
        }),
      );
    },
  );

  endpoint(
    api,
    {
      method: 'delete',
      path: '/mapping-rules/:rule',
      summary: 'Remove a mapping rule, and with it what it gave',
      area,
      params: rulePath,
      query: previewQuery,
      answer: deleteAnswer,
    },
    ({ params, query }, request) =>
      previewable<z.output<typeof deleteAnswer>>(query, (end) =>
        withRank(deps.store.db, request, refusalOf(params.rule), async (tx, actor) => {
          const model = await organizationModel(deps.models, tx);
          await permitRule(tx, model, actor, params.rule);
          await deleteMappingRule(tx, params.rule);
          const run = await deps.onRulesChanged(tx);
          if (query.preview) return end(await lookedAt(deps, tx, 'delete', run));
          return { run };
        }),
      ),
  );
  return api;
}

async function lookedAt(
  { firstChanges }: MappingRuleDependencies,
  tx: TenantTransaction,
  action: Preview['action'],
  run: Awaited<ReturnType<OnRulesChanged>> | null,
): Promise<Preview> {
  const changes = run === null ? [] : [...(await firstChanges(tx, run.runId))];
  return { preview: true, action, counts: { ...run?.counts }, changes };
}

function refusalOf(rule: string): Attempt {
  return { action: 'mapping_rule.refused', resource: { type: 'mapping_rule', id: rule } };
}
