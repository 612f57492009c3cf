/** Runs and their plans in the administration API. */
import { z } from 'zod';
import { tenantOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import { inTenant } from '../store/tenant.ts';
import { findDirectory } from './directory.ts';
import { comparePlans } from './plan-diff.ts';
import { approveRun, discardRun } from './reconcile/held.ts';
import { type RunDependencies, type RunRequest, runDirectory } from './reconcile/run.ts';
import { changesAnswer, runAnswer, runsAnswer } from './run-answer.ts';
import { streamRun } from './run-events.ts';
import { findRun, listChanges, listRuns } from './runs.ts';

const directoryPath = z.object({ directory: z.string() });
const runPath = z.object({ run: z.string() });
const page = z.object({
  status: z.string().optional(),
  /** The last run of the page before. */
  after: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(500).optional(),
});

/** Routes below `/api/v1/organizations/:organization`. */
export function runRoutes(deps: RunDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  const { db } = deps.store;

  endpoint(
    api,
    {
      method: 'post',
      path: '/directories/:directory/runs',
      summary: 'Pull a directory now: plan only, or plan and apply',
      area: 'directories',
      params: directoryPath,
      body: z.strictObject({
        mode: z.enum(['plan', 'run']).default('run'),
        /** `false` answers 202 as soon as it has begun; its events tell the rest. */
        wait: z.boolean().default(true),
      }),
      answer: runAnswer,
    },
    async ({ params, body }, request, response) => {
      const { organizationId, origin } = tenantOf(request);
      const directory = await inTenant(db, organizationId, origin, (tx) => findDirectory(tx, params.directory));
      const wanted = { organizationId, origin, directoryId: directory.id, trigger: 'request', mode: body.mode };
      const runId = body.wait ? (await runDirectory(deps, wanted)).runId : await begunRun(deps, wanted);
      const run = await inTenant(db, organizationId, origin, (tx) => findRun(tx, runId));
      if (!body.wait) response.status(202).json(run);
      return run;
    },
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/runs',
      summary: 'List runs, newest first',
      area: 'directories',
      query: page.extend({ directory: z.string().optional() }),
      answer: runsAnswer,
    },
    async ({ query }, request) => {
      return withinTenant(db, request, async (tx) => {
        const directoryId = query.directory === undefined ? undefined : (await findDirectory(tx, query.directory)).id;
        return listRuns(tx, { ...query, directoryId });
      });
    },
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/directories/:directory/runs',
      summary: "A directory's runs, newest first, with what each has done",
      area: 'directories',
      params: directoryPath,
      query: page,
      answer: runsAnswer,
    },
    async ({ params, query }, request) => {
      return withinTenant(db, request, async (tx) => {
        const { id: directoryId } = await findDirectory(tx, params.directory);
        return listRuns(tx, { ...query, directoryId });
      });
    },
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/runs/:run',
      summary: 'One run',
      area: 'directories',
      params: runPath,
      answer: runAnswer,
    },
    async ({ params }, request) => {
      return withinTenant(db, request, (tx) => findRun(tx, params.run));
    },
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/runs/:run/events',
      summary: 'A run as it goes, as server-sent events: `progress`, then `end`',
      area: 'directories',
      params: runPath,
    },
    async ({ params }, request, response) => {
      await streamRun(response, () => withinTenant(db, request, (tx) => findRun(tx, params.run), 'reader'));
    },
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/runs/:run/changes',
      summary: "A page of a run's plan",
      area: 'directories',
      params: runPath,
      query: z.object({
        after: z.coerce.number().int().optional(),
        limit: z.coerce.number().int().min(1).max(1000).optional(),
        kind: z.string().optional(),
      }),
      answer: changesAnswer,
    },
    async ({ params, query }, request) => {
      return withinTenant(db, request, async (tx) => {
        const run = await findRun(tx, params.run);
        return listChanges(tx, run.id, query);
      });
    },
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/runs/:run/difference',
      summary: 'How a plan differs from another one',
      area: 'directories',
      params: runPath,
      query: z.object({ from: z.string() }),
    },
    async ({ params, query }, request) =>
      withinTenant(
        db,
        request,
        async (tx) => {
          const [run, other] = [await findRun(tx, params.run), await findRun(tx, query.from)];
          return { differences: await comparePlans(tx, run.id, other.id) };
        },
        'reader',
      ),
  );

  for (const [verb, decide] of [
    ['approve', approveRun],
    ['discard', (_deps, tx, runId) => discardRun(tx, runId)],
  ] satisfies [string, typeof approveRun][]) {
    endpoint(
      api,
      {
        method: 'post',
        path: `/runs/:run/${verb}`,
        summary: `${verb} a plan that waits`,
        area: 'directories',
        params: runPath,
        answer: runAnswer,
      },
      async ({ params }, request) => {
        return withinTenant(db, request, async (tx) => {
          const run = await findRun(tx, params.run);
          await decide(deps, tx, run.id);
          return findRun(tx, run.id);
        });
      },
    );
  }
  return api;
}

/** Begins a run and leaves it to itself; what becomes of it stands in its row. @throws Fault where it does not even begin */
function begunRun(deps: RunDependencies, wanted: RunRequest): Promise<string> {
  return new Promise((begun, failed) => {
    // Once it has begun, its failure is told by the run itself.
    runDirectory(deps, { ...wanted, onBegun: begun }).catch(failed);
  });
}
