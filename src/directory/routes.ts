/** Directories in the administration API. */
import { z } from 'zod';
import { withinTenant } from '../http/caller.ts';
import { type ApiRouter, apiRouter, endpoint } from '../http/endpoint.ts';
import type { TenantTransaction } from '../store/tenant.ts';
import { deleteDirectory, PEOPLE_POLICIES } from './delete-directory.ts';
import { directoryInput, findDirectory, putDirectory } from './directory.ts';
import { endQuarantine } from './quarantine.ts';
import type { RunDependencies } from './reconcile/run.ts';
import { runAnswer } from './run-answer.ts';
import { lastRuns } from './runs.ts';
import { nextRunAt } from './schedule.ts';

const shownDirectoryAnswer = z.object({
  id: z.string(),
  slug: z.string(),
  name: z.string(),
  kind: z.string(),
  config: z.unknown(),
  hasSecrets: z.boolean(),
  guards: z.unknown(),
  schedule: z.string().nullable(),
  spreadMinutes: z.number(),
  nextRunAt: z.date().nullable(),
  /** Runs that failed one after another. */
  failures: z.number(),
  quarantinedUntil: z.date().nullable(),
  timeZone: z.string(),
  graceDays: z.number(),
  createdAt: z.date(),
  lastRun: runAnswer.nullable(),
});

const directoryPath = z.object({ directory: z.string() });

/** Routes below `/api/v1/organizations/:organization`. */
export function directoryRoutes(deps: RunDependencies): ApiRouter {
  const api = apiRouter('/api/v1/organizations/:organization');
  const { db } = deps.store;

  endpoint(
    api,
    {
      method: 'get',
      path: '/directories',
      summary: 'List directories',
      area: 'directories',
      answer: z.object({ directories: z.array(shownDirectoryAnswer) }),
    },
    async (_, request) => {
      return withinTenant(db, request, async (tx) => {
        const rows = await tx.db.selectFrom('directories').selectAll().orderBy('slug').execute();
        const runs = new Map((await lastRuns(tx)).map((run) => [run.directory, run]));
        return { directories: rows.map((row) => ({ ...shownDirectory(row), lastRun: runs.get(row.slug) ?? null })) };
      });
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
      answer: shownDirectoryAnswer,
    },
    async ({ params }, request) => {
      return withinTenant(db, request, (tx) => shownFully(tx, params.directory));
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
        return { ...(await shownFully(tx, input.slug)), action: put.action };
      });
    },
  );

  endpoint(
    api,
    {
      method: 'delete',
      path: '/directories/:directory',
      summary: 'Delete a directory; where it states people, saying what becomes of them: keep, freeze or deprovision',
      area: 'directories',
      params: directoryPath,
      query: z.object({ people: z.enum(PEOPLE_POLICIES).optional() }),
    },
    async ({ params, query }, request) =>
      withinTenant(db, request, (tx) => deleteDirectory(deps, tx, params.directory, query.people)),
  );

  endpoint(
    api,
    {
      method: 'delete',
      path: '/directories/:directory/quarantine',
      summary: 'Have the schedule ask a source again that was left alone for having failed',
      area: 'directories',
      params: directoryPath,
    },
    async ({ params }, request) => {
      await withinTenant(db, request, async (tx) => {
        const directory = await findDirectory(tx, params.directory);
        await endQuarantine(tx, directory.id, 'by a person');
      });
    },
  );
  return api;
}

async function shownFully(tx: TenantTransaction, slugOrId: string) {
  const directory = await findDirectory(tx, slugOrId);
  const [lastRun = null] = await lastRuns(tx, directory.id);
  return { ...shownDirectory(directory), lastRun };
}

function shownDirectory(row: Awaited<ReturnType<typeof findDirectory>>) {
  const { id, slug, name, kind, config, guards, schedule, failures } = row;
  const quarantinedUntil = row.quarantined_until;
  const hasSecrets = row.sealed_secrets !== null;
  const times = { timeZone: row.time_zone, graceDays: row.grace_days, createdAt: row.created_at };
  const runs = { schedule, spreadMinutes: row.spread_minutes, nextRunAt: nextRunAt(row), failures, quarantinedUntil };
  return { id, slug, name, kind, config, hasSecrets, guards, ...runs, ...times };
}
