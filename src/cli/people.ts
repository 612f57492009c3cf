/** `drawbridge offboard`, and `drawbridge people`: suspended, planned to leave, taken back, erased. */
import type { Command } from 'commander';
import { directoriesForRehire } from '../directory/reconcile/rehire.ts';
import { Fault } from '../errors.ts';
import { caseLines } from '../offboarding/cases.ts';
import { eraseUser } from '../offboarding/erase.ts';
import { casesOf, offboardUser } from '../offboarding/offboard.ts';
import { cancelledLine, planLine, plannedLines, rehireLines } from '../offboarding/people-command.ts';
import { previewRehire, rehireUser } from '../offboarding/rehire.ts';
import { reactivateUser, suspendUser } from '../offboarding/suspend.ts';
import { organization, say, withTenant } from './terminal.ts';

interface Given {
  readonly organization?: string;
  readonly reason: string;
}

const REASON = ['-r, --reason <text>', 'why; kept in the audit'] as const;

/** Adds them. */
export function addPeople(program: Command): void {
  addOffboard(program);
  const people = program.command('people').description('what becomes of one person, by e-mail or id');
  people
    .command('offboard <user>')
    .description('let a person go, now: everything they hold here ends at once')
    .requiredOption(...REASON)
    .addOption(organization())
    .action((user: string, options: Given) => letGo(user, options));
  people
    .command('suspend <user>')
    .description('sign a person out and keep them out; they keep what they have')
    .requiredOption(...REASON)
    .addOption(organization())
    .action((user: string, { reason, organization: slug }: Given) =>
      withTenant(slug, async (deps, tx) => {
        await suspendUser(deps, tx, { user, reason, by: null });
        say(`${user} is suspended.`);
      }),
    );
  people
    .command('reactivate <user>')
    .description('let a suspended person in again')
    .requiredOption(...REASON)
    .addOption(organization())
    .action((user: string, { reason, organization: slug }: Given) =>
      withTenant(slug, async (deps, tx) => {
        await reactivateUser(deps, tx, { user, reason, by: null });
        say(`${user} is let in again.`);
      }),
    );
  addRehire(people);
  addPlanned(people);
  people
    .command('erase <user>')
    .description("erase a leaver's personal data, everywhere and for good")
    .requiredOption(...REASON)
    .addOption(organization())
    .action((user: string, { reason, organization: slug }: Given) =>
      withTenant(slug, async (deps, tx) => {
        const { userId, redactedEvents } = await eraseUser(deps, tx, { user, reason, by: null });
        say(`What was kept of ${userId} is erased; ${redactedEvents} audit events say it no more.`);
      }),
    );
}

function letGo(user: string, { reason, organization: slug }: Given): Promise<void> {
  return withTenant(slug, async (deps, tx) => {
    caseLines(await offboardUser(deps, tx, { user, reason, by: null })).forEach(say);
  });
}

function addOffboard(program: Command): void {
  program
    .command('offboard')
    .description('let a person go, or show how it went: offboard USER --reason ..., offboard show USER')
    .argument('<user>', 'e-mail or id; or "show" followed by one')
    .argument('[shown]')
    .option('-r, --reason <text>', 'why; kept in the case and the audit')
    .addOption(organization())
    .action((user: string, shown: string | undefined, options: Partial<Given>) => {
      const { reason } = options;
      if (user !== 'show' && reason !== undefined) return letGo(user, { ...options, reason });
      return withTenant(options.organization, async (_, tx) => {
        if (user !== 'show')
          throw new Fault('invalid-input', 'Letting somebody go needs a reason.', {
            remedy: 'Give it with --reason "...".',
          });
        if (shown === undefined) throw new Fault('invalid-input', 'Show whom?', { remedy: 'Give an e-mail or an id.' });
        const cases = await casesOf(tx, shown);
        if (cases.length === 0) say(`${shown} has not left.`);
        cases.flatMap(caseLines).forEach(say);
      });
    });
}

function addRehire(people: Command): void {
  people
    .command('rehire <user>')
    .description(
      'take a leaver back with what the grace period gives back; without a reason only show what that would be',
    )
    .option(...REASON)
    .addOption(organization())
    .action((user: string, { reason, organization: slug }: Partial<Given>) =>
      withTenant(slug, async (deps, tx) => {
        if (reason === undefined) return rehireLines(await previewRehire(deps, tx, user, null), false).forEach(say);
        const directories = directoriesForRehire(deps);
        rehireLines(await rehireUser({ ...deps, directories }, tx, { user, reason, by: null }), true).forEach(say);
      }),
    );
}

function addPlanned(people: Command): void {
  people
    .command('plan <user>')
    .description('let a person go at a time')
    .requiredOption('--at <time>', 'with an offset, e.g. 2026-12-31T18:00:00+01:00')
    .requiredOption(...REASON)
    .addOption(organization())
    .action((user: string, { at, reason, organization: slug }: Given & { at: string }) =>
      withTenant(slug, async ({ models }, tx) => say(await planLine(models, tx, { user, at, reason }))),
    );
  people
    .command('planned')
    .description('who is to leave when, and why')
    .option('--all', 'also what is settled')
    .addOption(organization())
    .action((options: { all?: true; organization?: string }) =>
      withTenant(options.organization, async (_, tx) => (await plannedLines(tx, options.all === true)).forEach(say)),
    );
  people
    .command('cancel <departure>')
    .description('cancel a planned departure, by its id')
    .requiredOption(...REASON)
    .addOption(organization())
    .action((departure: string, { reason, organization: slug }: Given) =>
      withTenant(slug, async ({ models }, tx) => say(await cancelledLine(models, tx, departure, reason))),
    );
}
