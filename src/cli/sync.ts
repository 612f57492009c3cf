/** `drawbridge sync plan | run | person | held`. */
import type { Command } from 'commander';
import { decideRun, everyChange, heldRuns, personLines, syncDirectory } from '../directory/sync-command.ts';
import { COMMAND, organization, say, withOrganization } from './terminal.ts';

/** Adds them. */
export function addSync(program: Command): void {
  const sync = program.command('sync').description('pull a directory, see the plan, decide what is held');
  for (const mode of ['plan', 'run'] as const) {
    sync
      .command(`${mode} <directory>`)
      .description(mode === 'plan' ? 'pull and plan; apply nothing' : 'pull, plan and, unless a guard holds it, apply')
      .addOption(organization())
      .option('--all', 'every change, not some of each kind')
      .option('--json', 'the run and its plan as JSON')
      .action((directory: string, options: { organization?: string; all?: boolean; json?: boolean }) =>
        withOrganization(options.organization, async (deps, organizationId) => {
          const { columns } = process.stdout;
          const watched = { organizationId, origin: COMMAND, progressTo: process.stderr, columns, all: options.all };
          const { report: run, lines } = await syncDirectory(deps, directory, mode, watched);
          if (options.json) say(JSON.stringify({ run, changes: await everyChange(deps, run.runId, watched) }, null, 2));
          else lines.forEach(say);
          if (run.status === 'held') process.exitCode = 2;
        }),
      );
  }

  sync
    .command('person <user>')
    .description('ask the sources for one person, and settle them')
    .addOption(organization())
    .action((user: string, options: { organization?: string }) =>
      withOrganization(options.organization, async (deps, organizationId) => {
        (await personLines(deps, user, { organizationId, origin: COMMAND })).forEach(say);
      }),
    );

  const held = sync
    .command('held')
    .description('plans that wait for a decision')
    .addOption(organization())
    .action((options: { organization?: string }) =>
      withOrganization(options.organization, async (deps, organizationId) => {
        const runs = await heldRuns(deps, { organizationId, origin: COMMAND });
        if (runs.length === 0) say('Nothing waits.');
        for (const run of runs) {
          say(
            `${run.id} ${run.directory ?? 'rules'} ${run.status} ${run.startedAt.toISOString()} ${JSON.stringify(run.counts)}`,
          );
          for (const { guard, reason } of run.guards) say(`  held by ${guard}: ${reason}`);
        }
      }),
    );
  for (const verdict of ['approve', 'discard'] as const) {
    held
      .command(`${verdict} <run>`)
      .description(verdict === 'approve' ? 'apply a plan that waits' : 'drop a plan that waits')
      .addOption(organization())
      .action((run: string, options: { organization?: string }) =>
        withOrganization(options.organization, async (deps, organizationId) => {
          const decided = await decideRun(deps, run, verdict, { organizationId, origin: COMMAND });
          say(`run ${decided.id}: ${decided.status}`);
        }),
      );
  }
}
