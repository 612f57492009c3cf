/** Directories, their runs and plans, in the administration API. */
import { z } from 'zod';
import { record } from '../audit/record.ts';
import { Fault } from '../errors.ts';
import { tenantOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import { inTenant } from '../store/tenant.ts';
import { directoryInput, findDirectory, putDirectory } from './directory.ts';
import { comparePlans } from './plan-diff.ts';
import { approveRun, discardRun } from './reconcile/held.ts';
import { type RunDependencies, runDirectory } from './reconcile/run.ts';
import { findRun, listChanges, listRuns } from './runs.ts';

const directoryPath = z.object({ directory: z.string() });
const runPath = z.object({ run: z.string() });

/** Routes below `/api/v1/organizations/:organization`. */
export function directoryRoutes(deps: RunDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  declareDirectories(api, deps);
  declareRuns(api, deps);
  return api;
}

function declareDirectories(api: ApiRouter, deps: RunDependencies): void {
  const { db } = deps.store;

  endpoint(
    api,
    { method: 'get', path: '/directories', summary: 'List directories', area: 'directories' },
    async (_, request) => {
      const rows = await withinTenant(db, request, (tx) =>
        tx.db.selectFrom('directories').selectAll().orderBy('slug').execute(),
      );
      return { directories: rows.map(shownDirectory) };
    },
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/directories/:directory',
      summary: 'One directory',
      area: 'directories',
      params: directoryPath,
    },
    async ({ params }, request) => {
      return withinTenant(db, request, async (tx) => shownDirectory(await findDirectory(tx, params.directory)));
    },
  );

  endpoint(
    api,
    {
      method: 'put',
      path: '/directories/:directory',
      summary: 'Create or update a directory',
      area: 'directories',
      params: directoryPath,
      body: z.record(z.string(), z.unknown()),
    },
    async ({ params, body }, request) => {
      const input = directoryInput.parse({ ...body, slug: params.directory });
      return withinTenant(db, request, async (tx) => {
        const put = await putDirectory(tx, deps, input);
        return { ...shownDirectory(await findDirectory(tx, input.slug)), action: put.action };
      });
    },
  );

  endpoint(
    api,
    {
      method: 'delete',
      path: '/directories/:directory',
      summary: 'Delete a directory nobody depends on',
      area: 'directories',
      params: directoryPath,
    },
    async ({ params }, request) => {
      await withinTenant(db, request, async (tx) => {
        const directory = await findDirectory(tx, params.directory);
        const people = await tx.db
          .selectFrom('directory_users')
          .select('id')
          .where('directory_id', '=', directory.id)
          .limit(1)
          .execute();
        if (people.length > 0) {
          throw new Fault(
            'conflict',
            'This directory states people; deleting it would leave their access without a source.',
            {
              remedy: 'Let its people go first, or keep it without a schedule.',
            },
          );
        }
        await tx.db.deleteFrom('directories').where('id', '=', directory.id).execute();
        await record(tx, {
          action: 'directory.deleted',
          resource: { type: 'directory', id: directory.id },
          detail: { slug: directory.slug },
        });
      });
    },
  );
}

function declareRuns(api: ApiRouter, deps: RunDependencies): void {
  const { db } = deps.store;

  endpoint(
    api,
    {
      method: 'post',
      path: '/directories/:directory/runs',
      summary: 'Pull a directory now: plan only, or plan and apply',
      area: 'directories',
      params: directoryPath,
      body: z.strictObject({ mode: z.enum(['plan', 'run']).default('run') }),
    },
    async ({ params, body }, request) => {
      const { organizationId, origin } = tenantOf(request);
      const directory = await inTenant(db, organizationId, origin, (tx) => findDirectory(tx, params.directory));
      const { mode } = body;
      const report = await runDirectory(deps, {
        organizationId,
        origin,
        directoryId: directory.id,
        trigger: 'request',
        mode,
      });
      return inTenant(db, organizationId, origin, (tx) => findRun(tx, report.runId));
    },
  );

  endpoint(
    api,
    {
      method: 'get',
      path: '/runs',
      summary: 'List runs, newest first',
      area: 'directories',
      query: z.object({
        directory: z.string().optional(),
        status: z.string().optional(),
        limit: z.coerce.number().int().min(1).max(500).optional(),
      }),
    },
    async ({ query }, request) => {
      return withinTenant(db, request, async (tx) => {
        const directoryId = query.directory === undefined ? undefined : (await findDirectory(tx, query.directory)).id;
        return { runs: await listRuns(tx, { ...query, directoryId }) };
      });
    },
  );

  endpoint(
    api,
    { method: 'get', path: '/runs/:run', summary: 'One run', area: 'directories', params: runPath },
    async ({ params }, request) => {
      return withinTenant(db, request, (tx) => findRun(tx, params.run));
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
}

function shownDirectory(row: Awaited<ReturnType<typeof findDirectory>>) {
  const { id, slug, name, kind, config, guards, schedule, failures } = row;
  const quarantinedUntil = row.quarantined_until;
  const hasSecrets = row.sealed_secrets !== null;
  const times = { timeZone: row.time_zone, graceDays: row.grace_days, createdAt: row.created_at };
  return { id, slug, name, kind, config, hasSecrets, guards, schedule, failures, quarantinedUntil, ...times };
}
