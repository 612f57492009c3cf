/** `drawbridge sync plan|run|held`: what the commands do and say; the terminal itself is the caller's. */
import { inTenant, type Origin } from '../store/tenant.ts';
import { findDirectory } from './directory.ts';
import { HEADINGS, type PlanGroup, planTable } from './plan-table.ts';
import { type ProgressOutput, progressOn } from './progress.ts';
import type { ChangeKind } from './reconcile/changes.ts';
import { approveRun, discardRun } from './reconcile/held.ts';
import { type RunDependencies, type RunReport, runDirectory } from './reconcile/run.ts';
import { countPeople } from './reconcile/run-progress.ts';
import { type SyncedPerson, syncPerson } from './reconcile/sync-person.ts';
import { findRun, listChanges, listRuns, type PlannedChange, type RunSummary } from './runs.ts';

export interface SyncOptions {
  readonly organizationId: string;
  readonly origin: Origin;
  /** Where the progress is shown. */
  readonly progressTo?: ProgressOutput;
  /** How wide the terminal is, where there is one. */
  readonly columns?: number | undefined;
  /** Every change of the plan rather than some of each kind. */
  readonly all?: boolean | undefined;
}

/** Pulls a directory and gives the readable plan with what became of it. */
export async function syncDirectory(
  deps: RunDependencies,
  directory: string,
  mode: 'plan' | 'run',
  options: SyncOptions,
): Promise<{ report: RunReport; lines: string[] }> {
  const { organizationId, origin, progressTo, columns } = options;
  const { id, people } = await inTenant(deps.store.db, organizationId, origin, async (tx) => {
    const found = await findDirectory(tx, directory);
    return { id: found.id, people: await countPeople(tx, found.id) };
  });
  const progress = progressTo && progressOn(progressTo, people);
  const report = await runDirectory(deps, {
    ...{ organizationId, origin, directoryId: id, trigger: 'request', mode },
    ...(progress === undefined ? {} : { onProgress: progress.show }),
  }).finally(() => progress?.end());
  const groups = await planGroups(deps, report, options);
  return { report, lines: [...planTable(groups, columns), '', ...verdictLines(report)] };
}

/** The plans that wait for a person; one without changes waits for nobody. */
export async function heldRuns(deps: RunDependencies, { organizationId, origin }: SyncOptions): Promise<RunSummary[]> {
  const waiting = await inTenant(deps.store.db, organizationId, origin, async (tx) => [
    ...(await listRuns(tx, { status: 'held' })).runs,
    ...(await listRuns(tx, { status: 'planned' })).runs,
  ]);
  return waiting.filter(({ status, counts }) => status === 'held' || Object.keys(counts).length > 0);
}

/** Approves or discards a plan that waits. */
export async function decideRun(
  deps: RunDependencies,
  runId: string,
  verdict: 'approve' | 'discard',
  { organizationId, origin }: SyncOptions,
): Promise<RunSummary> {
  return inTenant(deps.store.db, organizationId, origin, async (tx) => {
    const run = await findRun(tx, runId);
    if (verdict === 'approve') await approveRun(deps, tx, run.id);
    else await discardRun(tx, run.id);
    return findRun(tx, run.id);
  });
}

/** Every change of a stored plan. */
export async function everyChange(
  deps: RunDependencies,
  runId: string,
  { organizationId, origin }: SyncOptions,
): Promise<PlannedChange[]> {
  return inTenant(deps.store.db, organizationId, origin, async (tx) => {
    const changes: PlannedChange[] = [];
    let after: number | null = 0;
    while (after !== null) {
      const page: Awaited<ReturnType<typeof listChanges>> = await listChanges(tx, runId, { after, limit: 5000 });
      changes.push(...page.changes);
      after = page.next;
    }
    return changes;
  });
}

/** A few of each kind, so that a plan of a million changes is still one that is read. */
const SHOWN = 20;

async function planGroups(
  deps: RunDependencies,
  { runId, counts }: RunReport,
  { organizationId, origin, all = false }: SyncOptions,
): Promise<PlanGroup[]> {
  const kinds = (Object.keys(HEADINGS) as ChangeKind[]).filter((kind) => (counts[kind] ?? 0) > 0);
  return inTenant(deps.store.db, organizationId, origin, async (tx) => {
    const groups: PlanGroup[] = [];
    for (const kind of kinds) {
      const count = counts[kind] ?? 0;
      // One more takes no more room than the line that would tell of it.
      const limit = all || count <= SHOWN + 1 ? count : SHOWN;
      groups.push({ kind, count, shown: (await listChanges(tx, runId, { kind, limit })).changes });
    }
    return groups;
  });
}

/** What asking the sources for one person has come to. */
export async function personLines(
  deps: RunDependencies,
  user: string,
  { organizationId, origin }: SyncOptions,
): Promise<string[]> {
  const { directories, changes }: SyncedPerson = await syncPerson(deps, { organizationId, origin }, user);
  const answers = directories.map(({ directory, answer, reason }) => `${directory}: ${reason ?? answer}`);
  const done = changes.map(({ kind, role, old_role: oldRole, reason }) => {
    const what = kind.startsWith('membership') ? `: ${role ?? oldRole}` : '';
    return `${HEADINGS[kind]}${what} (${reason})`;
  });
  return [...answers, ...(done.length === 0 ? ['Nothing has changed.'] : done)];
}

function verdictLines({ runId, status, counts, guards }: RunReport): string[] {
  const summary = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
  const lines = [`run ${runId}: ${summary.join(', ') || 'no changes'}`];
  lines.push(...guards.map((guard) => `held by ${guard.guard}: ${guard.reason}`));
  if (status === 'applied') lines.push('Applied.');
  if (status === 'held') lines.push('Held: nothing was applied. Decide with: drawbridge sync held approve|discard RUN');
  if (status === 'planned') lines.push('Planned only: nothing was applied.');
  return lines;
}
