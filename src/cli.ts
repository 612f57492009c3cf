/** The command line: `drawbridge serve`, `apply`, `sync`, `offboard`, `audit`, `model` ... Works beside a running server. */
import { Command } from 'commander';
import { catalogOf } from './access/catalog.ts';
import { modelCheck } from './access/model-file.ts';
import { addAudit } from './cli/audit.ts';
import { addKeys } from './cli/keys.ts';
import { addPeople } from './cli/people.ts';
import { addSync } from './cli/sync.ts';
import { COMMAND, collect, readText, report, say, untilTold, withDependencies } from './cli/terminal.ts';
import { startDemo } from './demo/demo.ts';
import { openDependencies, startServer } from './main.ts';
import { applyManifest, manifestLines } from './manifest/apply.ts';
import { readManifest } from './manifest/read.ts';
import { environmentVariables, loadSettings } from './settings.ts';
import { openStore } from './store/database.ts';

const program = new Command('drawbridge')
  .description("Puts customers' identity and HR systems in front of your platform: let in, keep true, let go.")
  .showHelpAfterError();

program
  .command('serve')
  .description('serve HTTP and do the scheduled work, until it is told to stop')
  .action(() =>
    report(async () => {
      const deps = await openDependencies(loadSettings());
      const server = await startServer(deps).catch(async (error) => {
        await deps.close();
        throw error;
      });
      say(`Drawbridge serves ${server.url}`);
      await untilTold();
      await server.close();
      await deps.close();
      // A source that is still being read is waited for no longer.
      process.exit();
    }),
  );

program
  .command('demo')
  .description('serve a sample company with its own identity providers and HR feed')
  .action(() =>
    report(async () => {
      const demo = await startDemo();
      demo.welcome.forEach(say);
      await untilTold();
      await demo.close();
    }),
  );

program
  .command('migrate')
  .description('bring the database up to date, and stop')
  .action(() =>
    report(async () => {
      const store = await openStore(loadSettings());
      await store.close();
      say(store.migrated.length === 0 ? 'Up to date.' : `Migrated: ${store.migrated.join(', ')}.`);
    }),
  );

program
  .command('apply <file>')
  .description("make an organization, or the platform's apps, what a file says; prints what changes first")
  .option('--plan', 'only print what would change')
  .option('--set <NAME=value...>', 'values for the variables in the file; the environment gives the rest', collect, {})
  .action((file: string, options: { plan?: true; set: Record<string, string> }) =>
    withDependencies(async (deps) => {
      const manifest = readManifest(readText(file), file, { ...environmentVariables(), ...options.set });
      const context = { ...deps, catalog: catalogOf(deps.models) };
      const plan = await applyManifest(context, COMMAND, manifest, 'plan');
      manifestLines(plan).forEach(say);
      if (options.plan || plan.changes.every(({ action }) => action === 'keep')) return;
      const applied = await applyManifest(context, COMMAND, manifest, 'apply');
      for (const { kind, name, madeSecret } of applied.changes) {
        if (madeSecret !== undefined) say(`Secret of ${kind} ${name}, shown this once: ${madeSecret}`);
      }
      say('Applied.');
    }),
  );

addSync(program);
addPeople(program);
addKeys(program);
addAudit(program);

program
  .command('model')
  .description('access models')
  .command('check [files...]')
  .description('check model files, or those of the settings; a line and reason for each mistake')
  .action((files: string[]) =>
    report(async () => {
      const { lines, ok } = modelCheck(files.length > 0 ? files : [loadSettings().modelsFolder]);
      lines.forEach(say);
      if (!ok) process.exitCode = 1;
    }),
  );

await program.parseAsync();
