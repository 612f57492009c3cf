/** The command line: `drawbridge serve`, `apply`, `sync`, `offboard`, `audit`, `model` ... Works beside a running server. */
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { catalogOf } from './access/catalog.ts';
import { modelCheck } from './access/model-file.ts';
import { auditCheckpoint, auditCheckpointKey, auditExport, auditSearch, auditVerify } from './audit/audit-command.ts';
import { createKey, keyLines, revokeKey, rotateKey } from './credentials/api-key-command.ts';
import { listSealingKeys, rotateSealingKeys } from './credentials/keys-command.ts';
import { startDemo } from './demo/demo.ts';
import { decideRun, everyChange, heldRuns, personLines, syncDirectory } from './directory/sync-command.ts';
import { Fault } from './errors.ts';
import { type OpenDependencies, openDependencies, startServer } from './main.ts';
import { applyManifest, manifestLines } from './manifest/apply.ts';
import { readManifest } from './manifest/read.ts';
import { caseLines } from './offboarding/cases.ts';
import { verifyEvidence } from './offboarding/evidence-signature.ts';
import { casesOf, offboardUser } from './offboarding/offboard.ts';
import { environmentVariables, loadSettings, type SettingsInput } from './settings.ts';
import { installationKeys } from './sign-in/oauth/signing-keys.ts';
import { awayFault } from './store/away.ts';
import { openStore } from './store/database.ts';
import { locateOrganization, locateOrganizations } from './store/locate.ts';
import { inTenant, type Origin, type TenantTransaction } from './store/tenant.ts';

const COMMAND: Origin = { actor: { kind: 'operator', id: 'command-line', label: 'command line' } };

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

const organization = () =>
  new Option('-o, --organization <slug>', 'which organization; needed where there are several');

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

program
  .command('offboard')
  .description('let a person go, or show how it went: offboard USER --reason ..., offboard show USER')
  .argument('<user>', 'e-mail or id; or "show" followed by one')
  .argument('[shown]')
  .option('-r, --reason <text>', 'why; kept in the case and the audit')
  .addOption(organization())
  .action((user: string, shown: string | undefined, options: { reason?: string; organization?: string }) =>
    withOrganization(options.organization, async (deps, organizationId) => {
      if (user === 'show') return showCases(deps, organizationId, shown);
      if (options.reason === undefined) {
        throw new Fault('invalid-input', 'Letting somebody go needs a reason.', {
          remedy: 'Give it with --reason "...".',
        });
      }
      const order = { user, reason: options.reason, by: null };
      const opened = await inTenant(deps.store.db, organizationId, COMMAND, (tx) => offboardUser(deps, tx, order));
      caseLines(opened).forEach(say);
    }),
  );

const apiKeys = program.command('api-keys').description('API keys of an organization; a new one is shown once');
apiKeys
  .command('list')
  .description('every key: its kind, place, scopes, end and last use')
  .addOption(organization())
  .action((options: { organization?: string }) =>
    withTenant(options.organization, async (_, tx) => (await keyLines(tx)).forEach(say)),
  );
apiKeys
  .command('create')
  .description("make a key for a machine; a person's own key is made by that person")
  .requiredOption('-n, --name <name>', 'what people call it')
  .requiredOption('-k, --kind <kind>', 'project, service or workspace, as far as the access model has it')
  .requiredOption('-s, --scope <scope...>', "permissions of the access model, or Drawbridge's own: access:evaluate ...")
  .option('-w, --workspace <slug>', 'where it belongs; left out for the whole organization')
  .option('-p, --product <slug>', 'a product of the workspace')
  .option('-e, --environment <name>', "development, staging or production; left out: its workspace's")
  .option('--expires-in-days <days>', 'left out: never')
  .addOption(organization())
  .action((options: Record<string, unknown> & { organization?: string }) =>
    withTenant(options.organization, async ({ models }, tx) => (await createKey(models, tx, options)).forEach(say)),
  );
apiKeys
  .command('rotate <key>')
  .description('make a key in the place of another, by id or by how it is displayed; both count for the overlap')
  .option('--overlap-hours <hours>', 'for how long the old one still counts')
  .option('--expires-in-days <days>', 'left out: as long as the old one was made for')
  .addOption(organization())
  .action((key: string, options: Record<string, unknown> & { organization?: string }) =>
    withTenant(options.organization, async ({ models }, tx) =>
      (await rotateKey(models, tx, key, options)).forEach(say),
    ),
  );
apiKeys
  .command('revoke <key>')
  .description('end a key at once, by id or by how it is displayed')
  .option('-r, --reason <text>', 'why; kept with the key and in the audit', 'revoked on the command line')
  .addOption(organization())
  .action((key: string, options: { reason: string; organization?: string }) =>
    withTenant(options.organization, async (_, tx) => say(await revokeKey(tx, key, options.reason))),
  );

const keys = program.command('keys').description('the keys that seal stored secrets');
keys
  .command('list', { isDefault: true })
  .description('how many rows are sealed under which key')
  .action(() => withDependencies(async (deps) => (await listSealingKeys(deps)).forEach(say)));
keys
  .command('rotate')
  .description('seal everything with the first of the keys; can be interrupted and begun again')
  .action(() => withDependencies((deps) => rotateSealingKeys(deps, say)));

program
  .command('evidence')
  .description('evidence of offboarding')
  .command('verify <file>')
  .description('check that this installation gave out a file (JSON, page or CSV) just as it is')
  .action((file: string) =>
    withDependencies(async (deps) => {
      const { format, kid, evidence } = await verifyEvidence(installationKeys(deps), readText(file));
      const what =
        evidence === null ? '' : ` ${evidence.kind} of ${evidence.organization.slug}, made at ${evidence.madeAt}`;
      say(`ok: ${format}${what}, signed by ${kid}`);
    }),
  );

const audit = program.command('audit').description('prove and export what happened');
audit
  .command('verify')
  .description('check the chain of seals; names the first broken event')
  .addOption(organization())
  .option('--checkpoint <file>', 'checkpoints kept from earlier, which the chain must still contain')
  .option('--key <file>', 'the public key that signed them, if the sealing key has changed since')
  .action((options: { organization?: string; checkpoint?: string; key?: string }) =>
    withDependencies(async (deps) => {
      const { checkpoint, key } = options;
      const kept = checkpoint && { checkpoints: readText(checkpoint), key: key && readText(key) };
      const { lines, ok } = await auditVerify(deps, options.organization, kept || undefined);
      lines.forEach(say);
      if (!ok) process.exitCode = 1;
    }),
  );
audit
  .command('checkpoint')
  .description('sign where the chains end now; keep it outside, for verify --checkpoint')
  .addOption(organization())
  .option('--key', 'print the public key instead')
  .action((options: { organization?: string; key?: true }) =>
    withDependencies(async (deps) => {
      if (options.key) say(await auditCheckpointKey(deps));
      else (await auditCheckpoint(deps, options.organization)).forEach(say);
    }),
  );
const filterOption = () =>
  new Option('--filter <field=value...>', 'as the API takes them, e.g. action=user.deprovisioned from=2026-01-01')
    .argParser(collect)
    .default({});
audit
  .command('search')
  .description('a page of events, newest first, as JSON')
  .addOption(organization())
  .addOption(filterOption())
  .option('--limit <count>', 'at most so many')
  .option('--cursor <next>', 'what "next" said on the page before')
  .action((options: { organization?: string; filter: Record<string, string>; limit?: string; cursor?: string }) =>
    withOrganization(options.organization, async (deps, organizationId) => {
      const { filter, limit, cursor } = options;
      const asked = { ...filter, ...(limit ? { limit } : {}), ...(cursor ? { cursor } : {}) };
      say(JSON.stringify(await auditSearch(deps, organizationId, asked), null, 2));
    }),
  );
audit
  .command('export')
  .description('write events to the standard output')
  .addOption(organization())
  .addOption(new Option('-f, --format <format>', 'ndjson, csv or ocsf').default('ndjson'))
  .addOption(filterOption())
  .action((options: { organization?: string; format: string; filter: Record<string, string> }) =>
    withOrganization(options.organization, async (deps, organizationId) => {
      await auditExport(deps, organizationId, { format: options.format, ...options.filter }, process.stdout);
    }),
  );

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

async function showCases(deps: OpenDependencies, organizationId: string, user: string | undefined): Promise<void> {
  if (user === undefined) throw new Fault('invalid-input', 'Show whom?', { remedy: 'Give an e-mail or an id.' });
  const cases = await inTenant(deps.store.db, organizationId, COMMAND, (tx) => casesOf(tx, user), 'reader');
  if (cases.length === 0) say(`${user} has not left.`);
  cases.flatMap(caseLines).forEach(say);
}

/** Runs a command on the store, which is closed again whatever happens. Only what goes wrong is logged. */
function withDependencies(work: (deps: OpenDependencies) => Promise<void>): Promise<void> {
  return report(async () => {
    const quiet: SettingsInput = { log: 'error' };
    const deps = await openDependencies(loadSettings(quiet));
    try {
      await work(deps);
    } finally {
      await deps.close();
    }
  });
}

function withOrganization(
  slug: string | undefined,
  work: (deps: OpenDependencies, organizationId: string) => Promise<void>,
): Promise<void> {
  return withDependencies(async (deps) => {
    const found = slug === undefined ? await onlyOrganization(deps) : await locateOrganization(deps.store.db, slug);
    if (found === undefined) throw new Fault('not-found', `There is no organization "${slug}".`);
    await work(deps, found);
  });
}

function withTenant(
  slug: string | undefined,
  work: (deps: OpenDependencies, tx: TenantTransaction) => Promise<void>,
): Promise<void> {
  return withOrganization(slug, (deps, organizationId) =>
    inTenant(deps.store.db, organizationId, COMMAND, (tx) => work(deps, tx)),
  );
}

async function onlyOrganization(deps: OpenDependencies): Promise<string | undefined> {
  const ids = await locateOrganizations(deps.store.db);
  if (ids.length === 1) return ids[0];
  const remedy = ids.length === 0 ? 'Make one with: drawbridge apply FILE.' : 'Say which with --organization.';
  throw new Fault('invalid-input', `There are ${ids.length} organizations.`, { remedy });
}

/** Says in one line what went wrong, with every problem where there are several; the exit code is then 1. */
async function report(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    process.exitCode = 1;
    const fault = error instanceof Fault ? error : awayFault(error);
    if (fault === undefined) throw error;
    process.stderr.write(`drawbridge: ${fault.toLine()}\n`);
    const { problems } = fault.extra;
    if (Array.isArray(problems) && problems.length > 1) {
      for (const problem of problems) process.stderr.write(`  ${problemLine(problem)}\n`);
    }
  }
}

function problemLine(problem: Readonly<Record<string, unknown>>): string {
  const place = problem['line'] === undefined ? '' : `line ${problem['line']}:${problem['column'] ?? 1} `;
  return `${place}${[problem['field'], problem['reason']].filter(Boolean).join(': ')}`;
}

function untilTold(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done());
  });
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new Fault('invalid-input', `The file ${file} can't be read: ${code}.`, { cause });
  }
}

function collect(pair: string, before: Record<string, string>): Record<string, string> {
  const at = pair.indexOf('=');
  if (at < 1) throw new Fault('invalid-input', `"${pair}" is not of the form NAME=value.`);
  return { ...before, [pair.slice(0, at)]: pair.slice(at + 1) };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
