/** `drawbridge sync plan|run|held`: what the commands do and say; the terminal itself is the caller's. */
import { inTenant, type Origin, type TenantTransaction } from '../store/tenant.ts';
import { findDirectory } from './directory.ts';
import { type ProgressOutput, progressOn } from './progress.ts';
import { approveRun, discardRun } from './reconcile/held.ts';
import { type RunDependencies, type RunReport, runDirectory } from './reconcile/run.ts';
import { findRun, listChanges, listRuns, type PlannedChange, type RunSummary } from './runs.ts';

export interface SyncOptions {
  readonly organizationId: string;
  readonly origin: Origin;
  /** Where the progress is shown. */
  readonly progressTo?: ProgressOutput;
}

/** Pulls a directory and gives the readable plan with what became of it. */
export async function syncDirectory(
  deps: RunDependencies,
  directory: string,
  mode: 'plan' | 'run',
  options: SyncOptions,
): Promise<{ report: RunReport; changes: PlannedChange[]; lines: string[] }> {
  const { organizationId, origin, progressTo } = options;
  const { id, people } = await inTenant(deps.store.db, organizationId, origin, async (tx) => {
    const found = await findDirectory(tx, directory);
    return { id: found.id, people: await countPeople(tx, found.id) };
  });
  const progress = progressTo && progressOn(progressTo, people);
  const report = await runDirectory(deps, {
    ...{ organizationId, origin, directoryId: id, trigger: 'request', mode },
    ...(progress === undefined ? {} : { onProgress: progress.show }),
  }).finally(() => progress?.end());
  const changes = await everyChange(deps, report.runId, options);
  return { report, changes, lines: [...planLines(changes), '', ...verdictLines(report)] };
}

/** How many a directory named last time. */
async function countPeople({ db }: TenantTransaction, directoryId: string): Promise<number> {
  const { count } = await db
    .selectFrom('directory_users')
    .select((count) => count.fn.countAll<number>().as('count'))
    .where('directory_id', '=', directoryId)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow();
  return count;
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

const SIGNS: Readonly<Record<string, string>> = {
  'user.create': '+ person     ',
  'user.link': '= person     ',
  'user.update': '~ person     ',
  'user.reactivate': '+ back       ',
  'user.deprovision': '- leaves     ',
  'user.missing': '- missing    ',
  'user.waiting': '- missing    ',
  'user.found': '+ found      ',
  'user.ambiguous': '? unclear    ',
  'user.protected': '! kept       ',
  'membership.add': '+ membership ',
  'membership.change': '~ membership ',
  'membership.remove': '- membership ',
  'membership.withheld': '! withheld   ',
};

/** A plan as lines that a person reads: sign, who, where and what, why. */
export function planLines(changes: readonly PlannedChange[]): string[] {
  if (changes.length === 0) return ['No changes: everything is as the directory and the rules say.'];
  const who = Math.min(40, Math.max(...changes.map((change) => (change.email ?? '').length)));
  const what = Math.min(40, Math.max(...changes.map((change) => whatOf(change).length)));
  return changes.map((change) => {
    const columns = [(change.email ?? '(no e-mail)').padEnd(who), whatOf(change).padEnd(what), change.reason];
    return `${SIGNS[change.kind] ?? change.kind}${columns.join('  ')}`.trimEnd();
  });
}

function whatOf({ scope, role, oldRole }: PlannedChange): string {
  if (scope === null) return '';
  const roles =
    role !== null && oldRole !== null && role !== oldRole ? `${oldRole} -> ${role}` : (role ?? oldRole ?? '');
  return `${scope}: ${roles}`;
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
